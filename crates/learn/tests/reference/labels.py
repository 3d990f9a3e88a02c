"""Makes labels.json: what scikit-learn's LabelPropagation says of rows of a graph whose labels are not known.

Run from this folder with scikit-learn (made with 1.9.1): python labels.py
"""
import json
import warnings

import numpy as np
from sklearn.semi_supervised import LabelPropagation

warnings.filterwarnings("ignore")
rng = np.random.default_rng(4)
N, K, HELD = 30, 3, range(0, 30, 4)
W = np.zeros((N, N))
for i in range(N):
    for j in (i + 1) % N, (i + 5) % N, (i * 7 + 3) % N:
        if i != j:
            W[i, j] = W[j, i] = rng.choice([0.5, 1.0, 2.0])
y = rng.integers(0, K, N)
held = np.isin(np.arange(N), HELD)
answers = {}
for v in HELD:
    # Of the others that are held out, only their ties to rows of training and to the row asked about are known.
    known = W.copy()
    others = held & (np.arange(N) != v)
    known[np.ix_(others, others)] = 0.0
    model = LabelPropagation(kernel=lambda a, b: known.copy(), max_iter=100_000, tol=1e-14)
    model.fit(np.arange(N)[:, None], np.where(held, -1, y))
    answers[str(v)] = model.label_distributions_[v].tolist()
ties = [[i, j, W[i, j]] for i in range(N) for j in range(i) if W[i, j] > 0]
with open("labels.json", "w") as out:
    json.dump({"n": N, "classes": K, "labels": y.tolist(), "ties": ties, "answers": answers}, out)
