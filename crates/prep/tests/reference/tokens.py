"""Writes tokens.json: byte pair encoding by the `tokenizers` library (0.22 and later), learned from words that are given ready cut.

    python tokens.py > tokens.json
"""

import json
import zlib

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.trainers import BpeTrainer

STEMS = "wander harvest river moon stone garden letter winter summer candle forest shadow silver button market".split()
ENDS = ["", "s", "ed", "ing", "er", "ers", "less", "ful", "'s"]
START = "\u2581"


def words():
    """Words with frequencies that fall, some with a mark of a beginning and some without; the same on every machine."""
    for stem in STEMS:
        for end in ENDS:
            word = stem + end
            times = 1 + zlib.crc32(word.encode()) % 40
            yield START + word, times
            if times % 3 == 0:
                yield word, 1 + times // 4
    yield START + "日本", 7
    yield START + "日本語", 3


def main():
    counts = dict(words())
    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    trainer = BpeTrainer(vocab_size=160, min_frequency=2, special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator((word for word, times in counts.items() for _ in range(times)), trainer)
    asked = [*list(counts)[::7], START + "moonlight", "stonewinters", START + "zebra", "日語"]
    ids = [tokenizer.model.tokenize(word) for word in asked]
    print(
        json.dumps(
            {
                "vocabulary": 160,
                "min_count": 2,
                "words": counts,
                "size": tokenizer.get_vocab_size(),
                "asked": [[word, [token.id for token in tokens]] for word, tokens in zip(asked, ids)],
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main()
