"""One step of word2vec's negative sampling and of GloVe, and a count of neighbours, by numpy in 64 bits.

Run with Python 3 and numpy 2: python words.py > words.json
"""

import json

import numpy as np

rng = np.random.default_rng(7)
out = {}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# word2vec: hidden vector h, the row of the right word and of three drawn ones. The loss is -ln s(u.h) - sum ln s(-u'.h); the gradients
# are taken by central differences of the loss, so that no formula of ours is repeated here.
d, rate = 11, 0.05
h = rng.normal(size=d)
rows = rng.normal(size=(4, d))


def loss(h, rows):
    return -np.log(sigmoid(rows[0] @ h)) - np.log(sigmoid(-rows[1:] @ h)).sum()


def differences(f, x, e=1e-6):
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += e
        down[i] -= e
        g[i] = (f(up) - f(down)) / (2 * e)
    return g


out["word2vec"] = {
    "hidden": h.tolist(),
    "rows": rows.tolist(),
    "rate": rate,
    "loss": float(loss(h, rows)),
    "moved_rows": (rows - rate * differences(lambda r: loss(h, r), rows)).tolist(),
    "error": (-rate * differences(lambda x: loss(x, rows), h)).tolist(),
}

# GloVe: cost f(x) (w.v + b + c - ln x)^2 / 2 of one pair, and AdaGrad's step with the rate within the squares, as the authors' program.
steps = []
for x in (3.5, 250.0):
    w, v = rng.normal(size=d + 1) * 0.4, rng.normal(size=d + 1) * 0.4
    sw, sv = 1 + rng.random(d + 1), 1 + rng.random(d + 1)

    def cost(w, v):
        return 0.5 * min(1, (x / 100) ** 0.75) * (w[:-1] @ v[:-1] + w[-1] + v[-1] - np.log(x)) ** 2

    gw = rate * differences(lambda a: cost(a, v), w)
    gv = rate * differences(lambda a: cost(w, a), v)
    steps.append(
        {
            "x": x,
            "rate": rate,
            "word": w.tolist(),
            "other": v.tolist(),
            "word_squares": sw.tolist(),
            "other_squares": sv.tolist(),
            "cost": float(cost(w, v)),
            "moved_word": (w - gw / np.sqrt(sw)).tolist(),
            "moved_other": (v - gv / np.sqrt(sv)).tolist(),
            "moved_word_squares": (sw + gw**2).tolist(),
        }
    )
out["glove"] = steps

# Counts of words near each other, by brute force over all pairs of places.
texts = ["the sea and the tide and the moon", "the moon moves the sea", "tide"]
window = 3
counts = {}
for text in texts:
    words = text.split()
    for i, a in enumerate(words):
        for j, b in enumerate(words):
            if i != j and abs(i - j) <= window:
                counts[a, b] = counts.get((a, b), 0) + 1 / abs(i - j)
out["counts"] = {"texts": texts, "window": window, "near": [[a, b, x] for (a, b), x in sorted(counts.items())]}

print(json.dumps(out))
