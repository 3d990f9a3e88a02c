"""Writes labels.json: the rows whose label cleanlab doubts, on fixed probabilities. Run: python labels.py (cleanlab 2.9, numpy 2)."""

import json
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues

rng = np.random.default_rng(3)
cases = []
for n, k, wrong in ((120, 2, 0.1), (200, 4, 0.15), (90, 3, 0.0)):
    truth = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    scores = rng.normal(size=(n, k)) + 2.0 * np.eye(k)[truth]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = np.where(rng.random(n) < wrong, rng.integers(0, k, n), truth)
    found = find_label_issues(labels, p, filter_by="confident_learning", return_indices_ranked_by="normalized_margin")
    cases.append({
        "labels": labels.tolist(),
        "probabilities": p.tolist(),
        "doubtful": found.tolist(),
        "likely": p.argmax(axis=1)[found].tolist(),
    })
Path(__file__).with_name("labels.json").write_text(json.dumps(cases) + "\n")
