"""Reference values of text metrics: sacrebleu, rouge_score, and SQuAD's own rules.

pip install sacrebleu rouge-score; python reference.py > reference.json
"""

import collections
import json
import re
import string

import sacrebleu
from rouge_score import rouge_scorer

PAIRS = [
    ("The cat sat on the mat.", "The cat is sitting on the mat."),
    ("It costs $1,234.50, not 1.5-2 euros!", "It costs $1,234.50 - not 1.5 to 2 euros."),
    ("completely unrelated", "Nothing in common here"),
    ("Paris, dear.", "Paris, dear."),
    ("a", "b"),
    ("An answer with (brackets) & signs: \"quoted\"... and 3-fold 4,5,,6", "The answer with [brackets] and signs; 'quoted' and 3-fold 4,5,6"),
    ("the the the the the the the", "the cat the dog"),
    ("We met at 10:30 on Dec. 5, 2024 in St. Louis", "On Dec. 5, 2024 we met in St. Louis at 10:30."),
    ("Die Größe beträgt 3,5 m", "Die Höhe beträgt 3,5 m"),
]


def normal(text):
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def token_f1(said, wanted):
    said, wanted = normal(said).split(), normal(wanted).split()
    if not said or not wanted:
        return float(said == wanted)
    shared = sum((collections.Counter(said) & collections.Counter(wanted)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(said), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def levenshtein(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def overlap(pairs):
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    rouges = [scorer.score(wanted, said) for said, wanted in pairs]
    said, wanted = [p[0] for p in pairs], [p[1] for p in pairs]
    mean = lambda values: sum(values) / len(pairs)
    return {
        "exact_match": mean([float(a.strip() == b.strip()) for a, b in pairs]),
        "exact_match_normalized": mean([float(normal(a) == normal(b)) for a, b in pairs]),
        "token_f1": mean([token_f1(a, b) for a, b in pairs]),
        "rouge_1": mean([r["rouge1"].fmeasure for r in rouges]),
        "rouge_2": mean([r["rouge2"].fmeasure for r in rouges]),
        "rouge_l": mean([r["rougeL"].fmeasure for r in rouges]),
        "bleu": sacrebleu.corpus_bleu(said, [wanted]).score,
        "chrf": sacrebleu.corpus_chrf(said, [wanted]).score,
        "edit_distance": mean([levenshtein(a, b) / max(len(a), len(b)) for a, b in pairs]),
    }


ascii_only = PAIRS[:-1]
cases = [ascii_only, PAIRS[:1], PAIRS[1:3], PAIRS[3:4], PAIRS[5:8]]
versions = {"sacrebleu": sacrebleu.__version__}
tokens = [sacrebleu.metrics.bleu.BLEU().tokenizer(a) for a, _ in PAIRS]
print(json.dumps({"versions": versions, "tokens": [[a, t] for (a, _), t in zip(PAIRS, tokens)],
                  "cases": [{"pairs": case, **overlap(case)} for case in cases]}, indent=1, ensure_ascii=False))
