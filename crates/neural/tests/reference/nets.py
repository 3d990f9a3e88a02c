"""Makes nets.json: held-out losses of scikit-learn's nets on the examples, ten seeds each; losses, weights of classes and
optimiser steps computed by numpy and scikit-learn from their formulas.

Run from this folder: python nets.py
"""

import csv
import json
import warnings

import numpy as np
from scipy.special import log_softmax
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

warnings.filterwarnings("ignore")
SEEDS = 10
EXAMPLES = "../../../../examples"


def table(name, target, columns):
    with open(f"{EXAMPLES}/{name}/{name}.csv") as file:
        rows = [r for r in csv.DictReader(file) if all(r[c] != "" for c in [*columns, target])]
    X = np.array([[float(r[c]) for c in columns] for r in rows])
    test = np.arange(len(rows)) % 4 == 3
    return X, [r[target] for r in rows], test


def columns_of(name, target):
    with open(f"{EXAMPLES}/{name}/{name}.csv") as file:
        return [c for c in csv.DictReader(file).fieldnames if c != target]


def held_out(name, target, kind, columns=None, rows=None, epochs=100):
    """Losses on every fourth row of nets fitted on the others."""
    columns = columns or columns_of(name, target)
    X, y, test = table(name, target, columns)
    if rows:
        X, y, test = X[:rows], y[:rows], test[:rows]
    scaler = StandardScaler().fit(X[~test])
    X = scaler.transform(X)
    settings = dict(hidden_layer_sizes=(64, 32), batch_size=64, max_iter=epochs, tol=0.0, n_iter_no_change=epochs, alpha=0.0)
    losses = []
    for seed in range(SEEDS):
        if kind == "classes":
            y_ = np.array(y)
            net = MLPClassifier(random_state=seed, **settings).fit(X[~test], y_[~test])
            losses.append(log_loss(y_[test], net.predict_proba(X[test]), labels=net.classes_))
        else:
            y_ = np.array([float(v) for v in y])
            mean, spread = y_[~test].mean(), y_[~test].std()
            net = MLPRegressor(random_state=seed, **settings).fit(X[~test], (y_[~test] - mean) / spread)
            losses.append(float(np.sqrt(np.mean((net.predict(X[test]) - (y_[test] - mean) / spread) ** 2))))
    return {"name": name, "target": target, "columns": columns, "rows": rows, "kind": kind, "epochs": epochs, "losses": losses}


def losses():
    """The losses of a batch of three rows and three classes, and of three numbers."""
    rng = np.random.default_rng(3)
    scores, classes, weights = rng.normal(size=(3, 3)) * 2, np.array([2, 0, 1]), np.array([1.0, 2.0, 0.5])
    logs = log_softmax(scores, axis=1)
    right = logs[np.arange(3), classes]
    smoothed = 0.9 * right + 0.1 * logs.mean(axis=1)
    outputs, numbers = rng.normal(size=3) * 2, rng.normal(size=3)
    error = outputs - numbers
    huber = np.where(np.abs(error) <= 0.7, 0.5 * error**2, 0.7 * (np.abs(error) - 0.35))
    return {
        "scores": scores.ravel().tolist(),
        "classes": classes.tolist(),
        "weights": weights.tolist(),
        "outputs": outputs.tolist(),
        "numbers": numbers.tolist(),
        "cross_entropy": float(-(weights * right).sum()),
        "smoothed": float(-(weights * smoothed).sum()),
        "focal": float(-(weights * (1 - np.exp(right)) ** 2 * right).sum()),
        "squared": float((weights * error**2).sum()),
        "absolute": float((weights * np.abs(error)).sum()),
        "huber": float((weights * huber).sum()),
    }


def steps():
    """Three parameters after five steps, from the published formulas in 64 bits."""
    rng = np.random.default_rng(5)
    start, gradients = rng.normal(size=3), rng.normal(size=(5, 3))
    rate, decay, found = 0.01, 0.1, {}
    w, v = start.copy(), np.zeros(3)
    for g in gradients:
        v = 0.9 * v + g
        w = w - rate * v
    found["sgd"] = w.tolist()
    for name, pull in [("adam", 0.0), ("adamw", decay)]:
        w, m, v = start.copy(), np.zeros(3), np.zeros(3)
        for t, g in enumerate(gradients, 1):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            w = w - rate * pull * w - rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        found[name] = w.tolist()
    w, v = start.copy(), np.zeros(3)
    for g in gradients:
        v = 0.9 * v + g + 0.2 * w + 0.05 * np.sign(w)
        w = w - rate * v
    found["penalties"] = w.tolist()
    return {"start": start.tolist(), "gradients": gradients.tolist(), "rate": rate, "decay": decay, **found}


y = np.array([0] * 6 + [1] * 3 + [2])
result = {
    "held_out": [
        held_out("iris", "target", "classes"),
        held_out("wine", "target", "classes"),
        held_out("breast_cancer", "target", "classes"),
        held_out("bikeshare", "bikers", "number", ["season", "workingday", "temp", "atemp", "hum", "windspeed"], 4000, 40),
    ],
    "losses": losses(),
    "steps": steps(),
    "balanced": compute_class_weight("balanced", classes=np.array([0, 1, 2]), y=y).tolist(),
}
with open("nets.json", "w") as file:
    json.dump(result, file, indent=1)
for case in result["held_out"]:
    print(case["name"], np.mean(case["losses"]), np.std(case["losses"]))
