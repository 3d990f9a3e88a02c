"""Makes effects.json: what scikit-learn's partial dependence says of lightgbm-regression.txt on rows of rows.csv, and accumulated
local effects by their definition.

    python effects.py > effects.json        # lightgbm 4.7.0, scikit-learn 1.9.1, pandas
"""
import json

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence

NAMES = ["blue", "green", "None", "red", "white"]
booster = lgb.Booster(model_file="lightgbm-regression.txt")
rows = pd.read_csv("rows.csv", keep_default_na=False, na_values=[""], dtype={"k": str})
# The further rows stand on thresholds, where the last bit of a quantile would decide.
rows = rows.iloc[:24].dropna()
rows = rows[rows["c"].isin(NAMES) & rows["k"].str.isdigit()]
numbers = (rows.index + 1).tolist()
rows["c"] = rows["c"].map(NAMES.index).astype(float)
rows["k"] = rows["k"].astype(float)
rows = rows.astype(float)


class Model(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.fitted_ = True
        return self

    def predict(self, x):
        named = x.copy()
        named["c"] = pd.Categorical([NAMES[int(at)] for at in x["c"]], categories=NAMES)
        codes = [str(code) for code in range(80)]
        named["k"] = pd.Categorical([str(int(at)) for at in x["k"]], categories=codes)
        return booster.predict(named)


model = Model().fit(rows, rows["a"])


def partial(columns, points):
    found = partial_dependence(model, rows, columns, grid_resolution=points, kind="both", method="brute")
    return {
        "grids": [grid.tolist() for grid in found["grid_values"]],
        "average": found["average"][0].tolist(),
        "individual": found["individual"][0][:3].reshape(3, -1).tolist(),
    }


def accumulated(column):
    """Equations 15 and 16 of Apley and Zhu 2020, each row counted in the middle of its stretch (as the ALEPlot package)."""
    at = rows[column].to_numpy()
    edges = np.unique(np.quantile(at, np.linspace(0, 1, 21)))
    place = np.clip(np.searchsorted(edges, at, side="left") - 1, 0, len(edges) - 2)
    change = model.predict(rows.assign(**{column: edges[place + 1]})) - model.predict(rows.assign(**{column: edges[place]}))
    local = np.array([change[place == k].mean() if (place == k).any() else 0.0 for k in range(len(edges) - 1)])
    effect = np.concatenate([[0], np.cumsum(local)])
    counts = np.bincount(place, minlength=len(edges) - 1)
    effect -= ((effect[:-1] + effect[1:]) / 2 * counts).sum() / counts.sum()
    return {"edges": edges.tolist(), "effects": effect.tolist()}


print(
    json.dumps(
        {
            "rows": numbers,
            "a": partial(["a"], 20),
            "b": partial(["b"], 20),
            "a and b": partial(["a", "b"], 8),
            "accumulated": {name: accumulated(name) for name in ["a", "b"]},
        }
    )
)
