"""Writes forecast.json: MASE, sMAPE and RMSE by step ahead, by their formulas in numpy, and an autocorrelation by statsmodels.
Run: python forecast.py (numpy 2, statsmodels 0.14)."""

import json
from pathlib import Path

import numpy as np
from statsmodels.tsa.stattools import acf

SEASON, HORIZON = 6, 5
random = np.random.default_rng(11)
series = 20 + 8 * np.sin(2 * np.pi * np.arange(90) / SEASON) + random.normal(0, 2, 90)
train, test = series[:60], series[60:]

rows = []
for origin in range(60, 90 - HORIZON):
    for ahead in range(1, HORIZON + 1):
        at = origin + ahead - 1
        naive = series[at - SEASON] if ahead <= SEASON else None
        rows.append((series[at], series[at] + random.normal(0, 0.5 * ahead), naive, ahead))
truth, predicted, naive = (np.array([r[i] for r in rows], dtype=float) for i in range(3))
ahead = np.array([r[3] for r in rows])
# Hyndman and Koehler (2006), equation for seasonal series.
scale = np.abs(train[SEASON:] - train[:-SEASON]).mean()


def score(of):
    y, p, q = truth[of], predicted[of], naive[of]
    return {
        "n": int(of.sum()),
        "rmse": float(np.sqrt(((y - p) ** 2).mean())),
        "smape": float((200 * np.abs(y - p) / (np.abs(y) + np.abs(p))).mean()),
        "mase": float(np.abs(y - p).mean() / scale),
        "naive_mase": float(np.abs(y - q).mean() / scale),
    }


document = {
    "season": SEASON,
    "train": train.tolist(),
    "truth": truth.tolist(),
    "predicted": predicted.tolist(),
    "naive": naive.tolist(),
    "ahead": ahead.tolist(),
    "scale": float(scale),
    "acf": acf(train, nlags=20, fft=False).tolist(),
    "score": score(ahead > 0),
    "by_step": [score(ahead == step) for step in range(1, HORIZON + 1)],
}
Path(__file__).with_name("forecast.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
