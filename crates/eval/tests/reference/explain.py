"""Makes explain.json: model-agnostic explanations by the shap, lime and scikit-learn packages, and accumulated local effects
by their definition.

    pip install shap==0.51.0 lime==0.2.0.1 scikit-learn==1.9.1 scipy numpy
    python explain.py > explain.json
"""

import json
import warnings

import numpy as np
import shap
from lime.lime_base import LimeBase
from lime.lime_tabular import LimeTabularExplainer
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression
from sklearn.base import BaseEstimator, RegressorMixin

warnings.filterwarnings("ignore")
rng = np.random.default_rng(5)


def model(x):
    """A formula with pairs and a triple; explain.rs has the same."""
    return x[:, 0] * x[:, 1] + np.tanh(x[:, 2]) + x[:, 3] * x[:, 4] * x[:, 0] + 0.5 * x[:, 5]


class Formula(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.fitted_ = True
        return self

    def predict(self, x):
        return model(x)


x = rng.normal(size=(300, 6)).round(3)
x[:, 1] = (0.7 * x[:, 0] + 0.7 * x[:, 1]).round(3)
rows, background = x[:3], x[20:50]


def kernel():
    explainer = shap.KernelExplainer(model, background)
    return {
        "base": float(explainer.expected_value),
        "values": explainer.shap_values(rows, nsamples=100, l1_reg=False, silent=True).tolist(),
    }


def linear():
    y = model(x)
    fit = LinearRegression().fit(x, y)
    masker = shap.maskers.Independent(background, max_samples=1000)
    independent = shap.LinearExplainer(fit, masker)(rows)
    # Observational values by their definition, over all sets: the mean of the other features given those of the set.
    mean, covariance, p = background.mean(0), np.cov(background.T), x.shape[1]

    def expected(row, known):
        full = mean.copy()
        full[known] = row[known]
        rest = [j for j in range(p) if j not in known]
        if known and rest:
            block = covariance[np.ix_(known, known)]
            full[rest] = mean[rest] + covariance[np.ix_(rest, known)] @ np.linalg.solve(block, row[known] - mean[known])
        return float(fit.predict(full[None])[0])

    from itertools import combinations
    from math import factorial

    correlated = []
    for row in rows:
        phi = np.zeros(p)
        for j in range(p):
            others = [i for i in range(p) if i != j]
            for size in range(p):
                weight = factorial(size) * factorial(p - size - 1) / factorial(p)
                for known in combinations(others, size):
                    with_j = sorted(known + (j,))
                    phi[j] += weight * (expected(row, with_j) - expected(row, list(known)))
        correlated.append(phi.tolist())
    return {
        "coefficients": fit.coef_.tolist(),
        "intercept": float(fit.intercept_),
        "means": mean.tolist(),
        "covariance": covariance.tolist(),
        "base": float(independent.base_values[0]),
        "independent": independent.values.tolist(),
        "correlated": correlated,
    }


def lime_values(discretize):
    """Coefficients of many runs: their means and standard deviations."""
    runs, scores = [], []
    for seed in range(20):
        explainer = LimeTabularExplainer(
            x, mode="regression", discretize_continuous=discretize, discretizer="quartile", random_state=seed
        )
        said = explainer.explain_instance(rows[0], model, num_features=6, num_samples=5000)
        found = dict(said.as_map()[1])
        runs.append([found[j] for j in range(6)])
        scores.append(said.score)
    runs = np.array(runs)
    return {
        "means": runs.mean(0).tolist(),
        "spreads": runs.std(0, ddof=1).tolist(),
        "r2": float(np.mean(scores)),
        "r2_spread": float(np.std(scores)),
    }


def lime_fit():
    """The local fit of the lime package on given samples."""
    data = rng.normal(size=(40, 4)).round(3)
    y = (data @ [1.0, -2.0, 0.5, 0.0] + data[:, 0] * data[:, 1] + 0.1 * rng.normal(size=40)).round(3)
    distances = np.sqrt(((data - data[0]) ** 2).sum(1))
    width = 0.75 * 2
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / width**2)), random_state=0)
    out = {"data": data.tolist(), "y": y.tolist()}
    for name, n in [("all", 4), ("two", 2)]:
        intercept, found, score, said = base.explain_instance_with_data(
            data, y[:, None], distances, 0, n, feature_selection="highest_weights"
        )
        coefficients = [0.0] * 4
        for j, value in found:
            coefficients[j] = float(value)
        out[name] = {
            "intercept": float(intercept),
            "coefficients": coefficients,
            "r2": float(score),
            "said": float(said[0]),
        }
    return out


def dependence():
    out = []
    for column in [0, 2]:
        found = partial_dependence(
            Formula().fit(None, None), x, [column], kind="both", grid_resolution=7, method="brute"
        )
        out.append(
            {
                "column": column,
                "grid": found["grid_values"][0].tolist(),
                "average": found["average"][0].tolist(),
                "individual": found["individual"][0][:5].tolist(),
            }
        )
    return out


def accumulated():
    """Equations 15 and 16 of Apley and Zhu 2020 with each row counted in the middle of its stretch (as the ALEPlot package)."""
    column = 0
    edges = np.unique(np.quantile(x[:, column], np.linspace(0, 1, 9)))
    place = np.clip(np.searchsorted(edges, x[:, column], side="left") - 1, 0, len(edges) - 2)
    low, high = x.copy(), x.copy()
    low[:, column], high[:, column] = edges[place], edges[place + 1]
    change = model(high) - model(low)
    local = np.array([change[place == k].mean() for k in range(len(edges) - 1)])
    effect = np.concatenate([[0], np.cumsum(local)])
    counts = np.bincount(place, minlength=len(edges) - 1)
    effect -= ((effect[:-1] + effect[1:]) / 2 * counts).sum() / counts.sum()
    return {"edges": edges.tolist(), "effects": effect.tolist(), "counts": counts.tolist()}


print(
    json.dumps(
        {
            "x": x.tolist(),
            "n_rows": 3,
            "background": [20, 50],
            "kernel": kernel(),
            "linear": linear(),
            "lime": {"discretized": lime_values(True), "continuous": lime_values(False), "fit": lime_fit()},
            "partial_dependence": dependence(),
            "accumulated": accumulated(),
        }
    )
)
