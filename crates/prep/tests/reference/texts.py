"""Writes texts.json: what scikit-learn makes of some texts. Run: python texts.py (scikit-learn 1.9)."""

import json
from pathlib import Path

from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

TRAIN = [
    "The quick brown fox jumps over the lazy dog",
    "a DOG is not a fox, and the fox is no dog!",
    "Über den Wolken; über allem",
    "",
    "fox fox fox",
    "x y z 42 7",
]
LATER = ["the fox und der dog", "nothing known", "42 foxes over über"]

CASES = [
    ("encode_tfidf", {"min_rows": 1, "sublinear": False}, TfidfVectorizer()),
    ("encode_tfidf", {"min_rows": 1, "terms": {"ngrams": [1, 2]}}, TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
    ("encode_tfidf", {"min_rows": 2, "idf": False}, TfidfVectorizer(min_df=2, sublinear_tf=True, use_idf=False)),
    (
        "encode_tfidf",
        {"min_rows": 1, "max_share": 0.4, "normalize": False, "terms": {"lowercase": False}},
        TfidfVectorizer(max_df=0.4, sublinear_tf=True, norm=None, lowercase=False),
    ),
    (
        "encode_tfidf",
        {"min_rows": 1, "terms": {"unit": "char", "ngrams": [2, 3], "strip_accents": True}},
        TfidfVectorizer(analyzer="char", ngram_range=(2, 3), sublinear_tf=True, strip_accents="unicode"),
    ),
    ("encode_hash", {"places": 64}, HashingVectorizer(n_features=64)),
    (
        "encode_hash",
        {"places": 1024, "normalize": False, "terms": {"ngrams": [1, 2]}},
        HashingVectorizer(n_features=1024, norm=None, ngram_range=(1, 2)),
    ),
]


def rows(matrix):
    matrix = matrix.tocsr()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    spans = zip(matrix.indptr, matrix.indptr[1:])
    return [[matrix.indices[a:b].tolist(), matrix.data[a:b].tolist()] for a, b in spans]


cases = []
for kind, params, vectorizer in CASES:
    train = rows(vectorizer.fit_transform(TRAIN))
    names = vectorizer.get_feature_names_out().tolist() if kind == "encode_tfidf" else []
    cases.append({"kind": kind, "params": params, "terms": names, "train": train, "later": rows(vectorizer.transform(LATER))})
answer = {"train": TRAIN, "later": LATER, "cases": cases}
Path(__file__).with_name("texts.json").write_text(json.dumps(answer, ensure_ascii=False) + "\n")
