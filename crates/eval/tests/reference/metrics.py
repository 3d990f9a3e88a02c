"""Writes metrics.json: answers, and what scikit-learn says of them. Run with scikit-learn 1.9 or newer."""
import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(7)


def number(x):
    return None if np.isnan(x) else float(x)


def averages(t, p, w, binary):
    out = {"accuracy": m.accuracy_score(t, p, sample_weight=w),
           "balanced_accuracy": m.balanced_accuracy_score(t, p, sample_weight=w)}
    for name, f in [("precision", m.precision_score), ("recall", m.recall_score), ("f1", m.f1_score)]:
        if binary:
            out[name] = f(t, p, sample_weight=w, pos_label=1, zero_division=0)
        for average in ["macro", "micro", "weighted"]:
            out[f"{name}_{average}"] = f(t, p, sample_weight=w, average=average, zero_division=0)
    return out


def classes(name, t, p, k, probability=None, w=None):
    t, p = np.asarray(t), np.asarray(p)
    out = averages(t, p, w, k == 2)
    if k == 2:
        score = p if probability is None else probability[:, 1]
        out["roc_auc"] = m.roc_auc_score(t, score, sample_weight=w)
        if t.any():
            out["average_precision"] = m.average_precision_score(t, score, sample_weight=w)
    elif probability is not None:
        # roc_auc_score takes no weights for several classes by itself, so each class is asked for alone.
        areas = np.array([m.roc_auc_score(t == c, probability[:, c], sample_weight=w) for c in range(k)])
        support = np.array([np.sum((t == c) * (1.0 if w is None else w)) for c in range(k)])
        out["roc_auc_ovr"] = areas.mean()
        out["roc_auc_ovr_weighted"] = (areas * support).sum() / support.sum()
        if w is None:
            for average, key in [("macro", "roc_auc_ovr"), ("weighted", "roc_auc_ovr_weighted")]:
                theirs = m.roc_auc_score(t, probability, multi_class="ovr", average=average)
                assert abs(theirs - out[key]) < 1e-12
    if probability is not None:
        out["log_loss"] = m.log_loss(t, y_proba=probability, labels=range(k), sample_weight=w)
    confusion = m.confusion_matrix(t, p, labels=range(k), sample_weight=w)
    return {"name": name, "classes": k, "truth": t.tolist(), "predicted": p.tolist(),
            "probability": None if probability is None else probability.ravel().tolist(),
            "weights": None if w is None else w.tolist(),
            "confusion": confusion.astype(float).tolist(),
            "expected": {key: number(v) for key, v in out.items()}}


def numbers(name, t, p, w=None):
    t, p = np.asarray(t, float), np.asarray(p, float)
    out = {"mae": m.mean_absolute_error(t, p, sample_weight=w),
           "rmse": m.root_mean_squared_error(t, p, sample_weight=w),
           "r2": m.r2_score(t, p, sample_weight=w)}
    return {"name": name, "classes": 0, "truth": t.tolist(), "predicted": p.tolist(), "probability": None,
            "weights": None if w is None else w.tolist(), "confusion": None,
            "expected": {key: number(v) for key, v in out.items()}}


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def drawn(n, k, digits):
    t = rng.integers(0, k, n)
    z = rng.normal(size=(n, k))
    z[np.arange(n), t] += 1.0
    probability = softmax(z)
    if digits:  # ties
        probability[:, 0] = 1
        probability[:, 1:] = np.round(softmax(z)[:, 1:], digits)
        probability[:, 0] -= probability[:, 1:].sum(axis=1)
        probability = np.clip(probability, 0, 1)
    return t, probability.argmax(axis=1), probability


def main():
    cases = [classes("five rows", [0, 1, 1, 0, 1], [0, 1, 0, 0, 1], 2)]
    for n, k, digits in [(60, 2, 0), (80, 2, 1), (60, 3, 0), (90, 5, 1), (400, 2, 2)]:
        t, p, probability = drawn(n, k, digits)
        w = np.round(rng.exponential(size=n), 3)
        w[::7] = 0.0
        cases.append(classes(f"{n} rows, {k} classes", t, p, k, probability))
        cases.append(classes(f"{n} rows, {k} classes, weights", t, p, k, probability, w))
        cases.append(classes(f"{n} rows, {k} classes, labels", t, p, k, None, w))
    cases.append(classes("none predicted positive", [0, 1, 0, 1], [0, 0, 0, 0], 2))
    cases.append(classes("none truly positive", [0, 0, 0], [0, 1, 0], 2))
    cases.append(classes("neither", [0, 0, 0], [0, 0, 0], 2))
    cases.append(classes("all positive", [1, 1, 1], [1, 0, 1], 2))
    cases.append(classes("a class never predicted", [0, 1, 2, 2], [0, 1, 1, 0], 3))
    cases.append(classes("a class never true", [0, 1, 1, 0], [0, 1, 2, 2], 3))
    cases.append(classes("a class in neither", [0, 1, 1, 0], [0, 1, 0, 0], 3))
    sure = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    cases.append(classes("sure and wrong", [0, 1, 1, 0], [0, 1, 0, 0], 2, sure))
    t = rng.normal(3.0, 5.0, 70)
    p = t + rng.normal(size=70)
    w = np.round(rng.exponential(size=70), 3)
    w[::5] = 0.0
    cases += [numbers("numbers", t, p), numbers("numbers, weights", t, p, w),
              numbers("far from zero", t + 1e6, p + 1e6), numbers("worse than the mean", t, -p),
              numbers("constant, wrong", [2, 2, 2], [1, 2, 3]), numbers("constant, right", [2, 2], [2, 2]),
              numbers("one row", [2], [3])]
    Path(__file__).with_suffix(".json").write_text(json.dumps(cases) + "\n")


main()
