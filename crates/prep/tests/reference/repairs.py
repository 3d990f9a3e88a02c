"""Writes repairs.json: what scikit-learn makes of fixed inputs. Run: python repairs.py (scikit-learn 1.9, SciPy 1.17, numpy 2)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from scipy.optimize import brentq
from scipy.stats import median_abs_deviation, trim_mean
from sklearn.decomposition import PCA
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, PolynomialFeatures, PowerTransformer, QuantileTransformer, StandardScaler

rng = np.random.default_rng(31)
N, M = 61, 17  # training rows, later rows


def columns(n):
    normal = rng.normal(size=n)
    return {
        "normal": normal,
        "positive": np.exp(0.7 * normal + rng.normal(scale=0.4, size=n)),
        "negative": -rng.gamma(2.0, 1.5, size=n),
        "whole": rng.integers(1, 6, size=n).astype(float),
        "shifted": 40.0 + 3.0 * rng.normal(size=n),
    }


def holes(x):
    x = x.copy()
    x[rng.random(x.shape) < 0.2] = np.nan
    x[0] = np.nan
    return x


def as_list(a):
    return [[None if np.isnan(x) else float(x) for x in row] for row in np.asarray(a, dtype=float)]


train, later = columns(N), columns(M)
names = list(train)
x, z = (np.column_stack([t[n] for n in names]) for t in (train, later))
later_holes = holes(z)
positive = [1, 3, 4]


def case(kind, params, tolerance, names, x, z, step):
    return {
        "names": names,
        "train": as_list(x),
        "later": as_list(z),
        "tolerance": tolerance,
        "steps": [{"kind": kind, "params": params, "train": as_list(step.fit_transform(x)), "later": as_list(step.transform(z))}],
    }


holed = holes(x)
own = [names[j] for j in positive]
# Columns that say something of each other.
mixed = x @ (np.eye(5) + 0.4 * rng.normal(size=(5, 5)))
mixed_later = z @ (np.eye(5) + 0.4 * rng.normal(size=(5, 5)))
mixed, mixed_later = holes(mixed), holes(mixed_later)
cases = [
    case("impute_knn", {}, 1e-12, names, holed, later_holes, KNNImputer()),
    case("impute_knn", {"n_neighbors": 2}, 1e-12, names, holed, later_holes, KNNImputer(n_neighbors=2)),
    # Its distances come from products of rows, which cost digits: without the column of whole numbers no distance is 0.
    case("impute_knn", {"weights": "distance"}, 1e-9, [n for n in names if n != "whole"], holed[:, [0, 1, 2, 4]],
         later_holes[:, [0, 1, 2, 4]], KNNImputer(weights="distance")),
    case("impute_iterative", {}, 1e-8, names, mixed, mixed_later, IterativeImputer()),
    case("impute_iterative", {"max_iter": 3}, 1e-8, names, holed, later_holes, IterativeImputer(max_iter=3)),
    case("power", {}, 1e-5, names, x, z, PowerTransformer()),
    case("power", {"standardize": False}, 1e-4, names[:3], x[:, :3], z[:, :3], PowerTransformer(standardize=False)),
    case("power", {"method": "box_cox"}, 1e-5, own, x[:, positive], z[:, positive], PowerTransformer("box-cox")),
] + [
    case("bin", {"strategy": s, "n_bins": n}, 0.0, names, x, z,
         KBinsDiscretizer(n, encode="ordinal", strategy=s, **({"quantile_method": "linear"} if s == "quantile" else {})))
    for s in ("uniform", "quantile") for n in (2, 5, 9)
] + [
    # The columns themselves first, as ours leaves them, then the products.
    case("polynomial", {"interaction_only": True}, 1e-15, names, x, z,
         PolynomialFeatures(2, interaction_only=True, include_bias=False)),
    case("polynomial", {}, 1e-15, names, x, z, PolynomialFeatures(2, include_bias=False)),
]


class Ranks(QuantileTransformer):
    """With a quantile for each row, at its exact place: numpy's percentiles are off by a rounding, and then miss values that repeat."""

    def fit_transform(self, x):
        self.fit(x)
        self.quantiles_ = np.sort(x, axis=0)
        return self.transform(x)


class Filled:
    """Missing numbers become what `of` makes of a column's others."""

    def __init__(self, of):
        self.of = of

    def fit_transform(self, x):
        self.values = [self.of(c[~np.isnan(c)]) for c in x.T]
        return self.transform(x)

    def transform(self, x):
        return np.where(np.isnan(x), self.values, x)


def huber(v, k):
    """Where the clipped distances sum to 0."""
    reach = k * median_abs_deviation(v, scale="normal")
    return brentq(lambda m: np.clip(v - m, -reach, reach).sum(), v.min(), v.max(), xtol=1e-15, rtol=1e-15)


class Uncorrelated:
    """Leaves out each column that is correlated with one kept before it, by pandas' corr."""

    def fit_transform(self, x):
        r = pd.DataFrame(x).corr().abs().to_numpy()
        self.kept = []
        for j in range(x.shape[1]):
            if not any(r[i, j] > 0.7 for i in self.kept):
                self.kept.append(j)
        return self.transform(x)

    def transform(self, x):
        return x[:, self.kept]


wide = np.round(x, 1)  # Values repeat.
cases += [
    case("quantile", {}, 1e-12, names, wide, z, Ranks(n_quantiles=61, subsample=None)),
    case("quantile", {"n_quantiles": 10}, 1e-12, names, x, z, QuantileTransformer(n_quantiles=10, subsample=None)),
    case("quantile", {"output": "normal"}, 1e-8, names, wide, z,
         Ranks(n_quantiles=61, subsample=None, output_distribution="normal")),
    case("pca", {"n_components": 3}, 1e-9, names, x, z, make_pipeline(StandardScaler(), PCA(3))),
    case("pca", {"standardize": False, "variance": 0.9}, 1e-9, names, x, z, PCA(0.9, svd_solver="full")),
    case("select_variance", {"threshold": 2.0}, 0.0, names, x, z, VarianceThreshold(2.0)),
    case("select_correlation", {"threshold": 0.7}, 0.0, names, holed, later_holes, Uncorrelated()),
    case("impute_trimmed_mean", {"share": 0.15}, 1e-12, names, holed, later_holes, Filled(lambda v: trim_mean(v, 0.15))),
    case("impute_huber", {}, 1e-12, names, holed, later_holes, Filled(lambda v: huber(v, 1.345))),
    case("impute_huber", {"k": 2.0}, 1e-12, names, holed, later_holes, Filled(lambda v: huber(v, 2.0))),
    case("impute_min", {}, 0.0, names, holed, later_holes, Filled(np.min)),
    case("impute_max", {}, 0.0, names, holed, later_holes, Filled(np.max)),
]
Path(__file__).with_name("repairs.json").write_text(json.dumps(cases) + "\n")
