"""Writes curves.json: answers of two classes, and their curves by scikit-learn. Run with scikit-learn 1.9 or newer."""
import json
from pathlib import Path

import numpy as np
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

rng = np.random.default_rng(11)


def bins(t, p, strategy):
    observed, predicted = calibration_curve(t, p, n_bins=10, strategy=strategy)
    return {"observed": observed.tolist(), "predicted": predicted.tolist()}


def cost_of(t, p, w, threshold):
    yes = p >= threshold
    return float(np.sum(w * np.where(yes & (t == 0), 1.0, np.where(~yes & (t == 1), 5.0, 0.0))) / w.sum())


def case(n, digits, weighted):
    t = rng.integers(0, 2, n)
    p = 1 / (1 + np.exp(-(2 * rng.normal(size=n) + t)))
    if digits:
        p = np.round(p, digits)
    w = np.where(np.arange(n) % 7 == 0, 0.0, np.round(rng.exponential(size=n), 3)) if weighted else np.ones(n)
    some = w > 0  # scikit-learn keeps thresholds that only rows without weight have
    fpr, tpr, t_roc = m.roc_curve(t[some], p[some], sample_weight=w[some], drop_intermediate=False)
    precision, recall, t_pr = m.precision_recall_curve(t[some], p[some], sample_weight=w[some])
    out = {"truth": t.tolist(), "probability": p.tolist(), "weights": w.tolist(),
           "fpr": fpr.tolist(), "tpr": tpr.tolist(), "roc_threshold": t_roc[1:].tolist(),
           "precision": precision[::-1].tolist(), "recall": recall[::-1].tolist(),
           "pr_threshold": t_pr[::-1].tolist(),
           "f1": [float(m.f1_score(t, p >= s, sample_weight=w, zero_division=0)) for s in t_pr[::-1]],
           "cost": [cost_of(t, p, w, s) for s in t_pr[::-1]]}
    if not weighted:
        out |= {"uniform": bins(t, p, "uniform"), "quantile": bins(t, p, "quantile")}
    edges = np.linspace(0, 1, 11)
    place = np.searchsorted(edges[1:-1], p)
    gaps = [abs(np.sum((w * (p - t))[place == b])) for b in range(10)]
    out["expected_calibration_error"] = float(sum(gaps) / w.sum())
    best = {}
    for name, f in [("f1", m.f1_score), ("accuracy", m.accuracy_score), ("matthews", m.matthews_corrcoef),
                    ("cohen_kappa", m.cohen_kappa_score), ("balanced_accuracy", m.balanced_accuracy_score),
                    ("f2", lambda *a, **k: m.fbeta_score(*a, beta=2, **k)), ("jaccard", m.jaccard_score)]:
        best[name] = max(float(f(t, p >= s, sample_weight=w)) for s in t_pr)
    out["best"] = best
    return out


cases = [case(200, 0, False), case(200, 1, False), case(300, 2, True), case(150, 0, True)]
Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")
