"""Makes balanced.json: held-out losses of imbalanced-learn's balanced forest on generated tables with rare classes, ten seeds each.

Run from this folder: python balanced.py (imbalanced-learn 0.14). `tests/trees.rs` makes the same tables from the same formulas. The
loss is the Brier score of each class's rows, averaged over the classes, so that rare ones count as much.
"""

import json

import numpy as np
from imblearn.ensemble import BalancedRandomForestClassifier

TRAIN, TEST, SEEDS = 2000, 2000, 10


def unit(column, n):
    """Numbers in [0, 1): SplitMix64 of a counter that starts at 2^32 for each column."""
    with np.errstate(over="ignore"):
        z = (np.arange(n, dtype=np.uint64) + np.uint64(column << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(float) * 2.0**-53


n = TRAIN + TEST
X = np.stack([unit(j, n) for j in range(5)], axis=1)
noise = unit(6, n) + unit(7, n) + unit(8, n) - 1.5
effect = (np.floor(12 * unit(5, n)) * 7 % 12) / 12
z = 3 * X[:, 0] * X[:, 1] + (X[:, 2] > 0.6) + 2 * np.abs(X[:, 3] - 0.5) + 1.5 * effect + noise
targets = {"rare": (z > 4.0).astype(int), "rarer": (z > 2.0).astype(int) + (z > 4.2)}


def loss(y, p):
    rows = np.sum((p - np.eye(p.shape[1])[y]) ** 2, axis=1)
    return np.mean([rows[y == k].mean() for k in range(p.shape[1])])


cases = []
for name, y in targets.items():
    scores = []
    for seed in range(SEEDS):
        forest = BalancedRandomForestClassifier(
            100, max_features=0.4, min_samples_leaf=2, sampling_strategy="all", replacement=True, bootstrap=False, random_state=seed
        )
        scores.append(float(loss(y[TRAIN:], forest.fit(X[:TRAIN], y[:TRAIN]).predict_proba(X[TRAIN:]))))
    mean, spread = float(np.mean(scores)), float(np.std(scores, ddof=1))
    counts = np.bincount(y[:TRAIN]).tolist()
    cases.append({"target": name, "counts": counts, "mean": mean, "spread": spread})
    print(name, counts, mean, spread)
with open("balanced.json", "w") as out:
    json.dump(cases, out, indent=1)
    out.write("\n")
