"""Writes text_statistics.json: statistics of fixed texts by the categories of Python's unicodedata. Run: python text_statistics.py.

The order is that of the step: length, words, word_length, lines, digits, capitals, punctuation, spaces. Words are what stands between
white space; of Chinese, two characters are one.
"""

import json
import unicodedata
from pathlib import Path

TEXTS = [
    "",
    "   ",
    "BUY 2 now!",
    "The quick brown fox.\nJumps over 13 lazy dogs?!",
    "Ünïcode: Éclair, naïve, STRASSE 42%",
    "price = 3 + 4 - $5",
    "👍 good 👍👍",
    "酒店很好",
    "e\u0301te\u0301 \u0967\u0968\u0969",
    "one\ttwo\r\nthree\n",
    "AB-12/x don't",
]


def share(of, whole):
    return of / whole if whole else None


def statistics(text):
    major = [unicodedata.category(c)[0] for c in text]
    letters = sum(m == "L" for m in major)
    digits = sum(m == "N" for m in major)
    spaces = sum(c.isspace() for c in text)
    marks = sum(m == "M" for m in major)
    control = sum(m == "C" and not c.isspace() for m, c in zip(major, text))
    capitals = sum(unicodedata.category(c) == "Lu" for c in text)
    punctuation = len(text) - letters - digits - spaces - marks - control
    if any("\u4e00" <= c <= "\u9fff" for c in text):
        words = -(-len(text) // 2)
    else:
        words = len(text.split())
    lines = len(text.replace("\r\n", "\n").removesuffix("\n").split("\n")) if text else 0
    return [
        float(len(text)),
        float(words),
        share(letters + digits, words),
        float(lines),
        share(digits, len(text)),
        share(capitals, letters),
        share(punctuation, len(text)),
        share(spaces, len(text)),
    ]


cases = [{"text": text, "wanted": statistics(text)} for text in TEXTS]
Path(__file__).with_name("text_statistics.json").write_text(json.dumps(cases) + "\n")
