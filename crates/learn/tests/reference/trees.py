"""Makes trees.json: held-out losses of LightGBM and scikit-learn on generated tables, ten seeds each.

Run from this folder: python trees.py. `tests/trees.rs` makes the same tables from the same formulas.
"""

import json

import lightgbm as lgb
import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

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
category = np.floor(12 * unit(5, n))
noise = unit(6, n) + unit(7, n) + unit(8, n) - 1.5
effect = (category * 7 % 12) / 12
signal = 3 * X[:, 0] * X[:, 1] + (X[:, 2] > 0.6) + 2 * np.abs(X[:, 3] - 0.5) + 1.5 * effect
missing = unit(9, n) < 0.1
complete = X.copy()
X[:, 0] = np.where(missing, np.nan, X[:, 0])
table = np.column_stack([X, category])
z = signal + noise
targets = {
    "binary": (z > 2.6).astype(float),
    "multiclass": (z > 2.0) + (z > 3.0).astype(float),
    "number": z,
    "count": np.floor(np.maximum(z + 2 * noise, 0)),
    "positive": np.maximum(z + 2 * noise, 0) + 0.1,
}


def log_loss(y, p):
    return -np.mean(np.log(np.clip(p[np.arange(len(y)), y.astype(int)], 1e-15, 1)))


def brier(y, p):
    return np.mean(np.sum((p - np.eye(p.shape[1])[y.astype(int)]) ** 2, axis=1))


LOSSES = {
    "log_loss": log_loss,
    "brier": brier,
    "squared": lambda y, s: np.mean((y - s) ** 2),
    "absolute": lambda y, s: np.mean(np.abs(y - s)),
    "huber": lambda y, s: np.mean(np.where(abs(y - s) <= 0.5, 0.5 * (y - s) ** 2, 0.5 * (abs(y - s) - 0.25))),
    "quantile": lambda y, s: np.mean(np.where(y >= s, 0.8 * (y - s), 0.2 * (s - y))),
    "poisson": lambda y, s: np.mean(s - y * np.log(s)),
    "gamma": lambda y, s: np.mean(np.log(s) + y / s),
    "tweedie": lambda y, s: np.mean(s**0.5 / 0.5 + y * s**-0.5 / 0.5),
}

cases = []


def add(name, kind, params, target, loss, fit):
    y = targets[target]
    scores = [float(LOSSES[loss](y[TRAIN:], fit(seed, y[:TRAIN]))) for seed in range(SEEDS)]
    mean, spread = float(np.mean(scores)), float(np.std(scores, ddof=1))
    case = {"name": name, "kind": kind, "params": params, "target": target, "loss": loss}
    cases.append(case | {"mean": mean, "spread": spread})
    print(name, mean, spread)


def boosted(name, target, loss, ours, theirs):
    """LightGBM with the same parameters, categories as such."""

    def fit(seed, y):
        kind = lgb.LGBMClassifier if target in ("binary", "multiclass") else lgb.LGBMRegressor
        model = kind(
            n_estimators=100,
            num_leaves=15,
            min_child_samples=20,
            reg_lambda=1.0,
            subsample=0.8,
            subsample_freq=1,
            random_state=seed,
            num_threads=1,
            verbose=-1,
            **theirs,
        ).fit(table[:TRAIN], y, categorical_feature=[5])
        return model.predict_proba(table[TRAIN:]) if kind is lgb.LGBMClassifier else model.predict(table[TRAIN:])

    params = {"n_trees": 100, "learning_rate": 0.1, "max_leaves": 15, "min_samples_leaf": 20}
    params |= {"l2": 1.0, "subsample": 0.8, "max_features": 1.0, "early_stopping": 0}
    add(name, "boosted_trees", params | ours, target, loss, fit)


boosted("boosted binary", "binary", "log_loss", {}, {})
boosted("boosted multiclass", "multiclass", "log_loss", {}, {})
boosted("boosted squared", "number", "squared", {}, {})
boosted("boosted absolute", "number", "absolute", {"loss": "absolute"}, {"objective": "l1"})
boosted("boosted huber", "number", "huber", {"loss": "huber", "huber_delta": 0.5}, {"objective": "huber", "alpha": 0.5})
boosted("boosted quantile", "number", "quantile", {"loss": "quantile", "quantile": 0.8}, {"objective": "quantile", "alpha": 0.8})
boosted("boosted poisson", "count", "poisson", {"loss": "poisson"}, {"objective": "poisson"})
boosted("boosted gamma", "positive", "gamma", {"loss": "gamma"}, {"objective": "gamma"})
boosted("boosted tweedie", "count", "tweedie", {"loss": "tweedie"}, {"objective": "tweedie", "tweedie_variance_power": 1.5})
monotone = {"monotone": {"x0": 1, "x2": 1}}
boosted("boosted monotone", "number", "squared", monotone, {"monotone_constraints": [1, 0, 1, 0, 0, 0]})


def forest(name, kind, model, target, loss, features):
    """scikit-learn on the complete numbers."""

    def fit(seed, y):
        fitted = model(100, max_features=features, min_samples_leaf=2, random_state=seed).fit(complete[:TRAIN], y)
        tested = complete[TRAIN:]
        return fitted.predict_proba(tested) if hasattr(fitted, "predict_proba") else fitted.predict(tested)

    params = {"n_trees": 100, "max_features": features, "min_samples_leaf": 2}
    add(name, kind, params, target, loss, fit)


forest("forest binary", "random_forest", RandomForestClassifier, "binary", "brier", 0.4)
forest("forest multiclass", "random_forest", RandomForestClassifier, "multiclass", "brier", 0.4)
forest("forest number", "random_forest", RandomForestRegressor, "number", "squared", 0.6)
forest("extra binary", "extra_trees", ExtraTreesClassifier, "binary", "brier", 0.4)
forest("extra multiclass", "extra_trees", ExtraTreesClassifier, "multiclass", "brier", 0.4)
forest("extra number", "extra_trees", ExtraTreesRegressor, "number", "squared", 0.6)

with open("trees.json", "w") as out:
    json.dump(cases, out, indent=1)
