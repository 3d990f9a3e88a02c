"""Writes sklearn.json: what scikit-learn answers on fixed inputs. Run: python make.py (scikit-learn 1.9, numpy 2)."""

import json
from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

rng = np.random.default_rng(20)
N, M = 61, 17  # training rows, later rows


def with_missing(values, share):
    values = values.astype(float)
    values[rng.random(len(values)) < share] = np.nan
    return values


def columns(n):
    return {
        "plain": rng.normal(size=n),
        "holes": with_missing(rng.normal(5.0, 3.0, size=n), 0.2),
        "offset": 1e9 + rng.normal(size=n),
        "tails": with_missing(rng.standard_cauchy(size=n), 0.1),
        "constant": np.full(n, 7.3),
        "tiny": 1e-17 * rng.normal(size=n),
        "whole": with_missing(rng.integers(0, 5, size=n), 0.15),
    }


def as_list(a):
    a = np.asarray(a, dtype=float)
    return [[None if np.isnan(x) else float(x) for x in row] for row in a]


train, later = columns(N), columns(M)
names = list(train)
x, z = (np.column_stack([t[n] for n in names]) for t in (train, later))

steps = {
    "scale_standard": ({}, StandardScaler()),
    "scale_min_max": ({}, MinMaxScaler()),
    "scale_min_max to a range": ({"low": -1.0, "high": 2.5}, MinMaxScaler((-1.0, 2.5))),
    "scale_min_max clipped": ({"clip": True}, MinMaxScaler(clip=True)),
    "scale_robust": ({}, RobustScaler()),
    "impute_mean": ({}, SimpleImputer(strategy="mean")),
    "impute_median": ({}, SimpleImputer(strategy="median")),
    "impute_mode": ({}, SimpleImputer(strategy="most_frequent")),
    "impute_constant": ({"value": -3.5}, SimpleImputer(strategy="constant", fill_value=-3.5)),
}
numbers = {
    "names": names,
    "train": as_list(x),
    "later": as_list(z),
    "steps": [
        {
            "kind": name.split()[0],
            "params": params,
            "train": as_list(step.fit(x).transform(x)),
            "later": as_list(step.transform(z)),
        }
        for name, (params, step) in steps.items()
    ],
}

letters = np.array(list("abcdefgh"), dtype=object)
share = np.array([0.3, 0.2, 0.15, 0.12, 0.1, 0.06, 0.04, 0.03])
full = rng.choice(letters, size=N, p=share)
full_later = rng.choice(np.append(letters, "new"), size=M)
holes, holes_later = full.copy(), full_later.copy()
holes[rng.random(N) < 0.15] = None
holes_later[:3] = None


def column(a, none):
    return np.array([none if v is None else v for v in a], dtype=object).reshape(-1, 1)


def encoded(kind, params, step, a, b, y=None):
    # To OrdinalEncoder only nan is missing; None would be one more category.
    none = np.nan if kind == "encode_ordinal" else None
    fitted = step.fit(column(a, none)) if y is None else step.fit(column(a, none), y)
    return {
        "kind": kind,
        "params": params,
        "train": list(a),
        "later": list(b),
        "target": None if y is None else [v if isinstance(v, str) else float(v) for v in y],
        "expected": as_list(fitted.transform(column(b, none))),
    }


one_hot = {"handle_unknown": "ignore", "sparse_output": False}
encoders = [
    encoded("encode_one_hot", {}, OneHotEncoder(**one_hot), full, full_later),
    encoded("encode_one_hot", {}, OneHotEncoder(**one_hot), holes, holes_later),
    encoded("encode_one_hot", {"max_categories": 4}, OneHotEncoder(max_categories=4, **one_hot), full, full_later),
    encoded("encode_one_hot", {"min_count": 5}, OneHotEncoder(min_frequency=5, **one_hot), full, full_later),
    encoded(
        "encode_ordinal",
        {"unseen": -1.0},
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        holes,
        holes_later,
    ),
]
weight = {letter: i for i, letter in enumerate(letters)}
signal = np.array([weight.get(v, 3.0) for v in holes]) + rng.normal(size=N)
targets = {
    "continuous": signal,
    "binary": np.where(signal > 2.0, "yes", "no").astype(object),
    "multiclass": np.select([signal < 1.0, signal < 3.0], ["low", "middle"], "top").astype(object),
}
for target_type, y in targets.items():
    for smooth in ("auto", 5.0, 0.0):
        step = TargetEncoder(target_type=target_type, smooth=smooth)
        encoders.append(encoded("encode_target", {"smooth": smooth}, step, holes, holes_later, y))

out = {"numbers": numbers, "encoders": encoders}
Path(__file__).with_name("sklearn.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
