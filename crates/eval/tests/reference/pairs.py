"""Makes pairs.json: partial dependence on two columns together by scikit-learn, of the formula and the rows of explain.json.

    pip install scikit-learn==1.9.1 numpy
    python pairs.py > pairs.json
"""

import json

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence


class Formula(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.fitted_ = True
        return self

    def predict(self, x):
        return x[:, 0] * x[:, 1] + np.tanh(x[:, 2]) + x[:, 3] * x[:, 4] * x[:, 0] + 0.5 * x[:, 5]


x = np.array(json.load(open("explain.json"))["x"]).reshape(-1, 6)
model = Formula().fit(x, x[:, 0])


def pair(a, b):
    found = partial_dependence(model, x, [(a, b)], grid_resolution=5, kind="average", method="brute")
    joint = found["average"][0]
    # A two-way analysis of variance: what is left of the joint effect when both separate effects are taken away.
    left = joint - joint.mean(axis=1, keepdims=True) - joint.mean(axis=0, keepdims=True) + joint.mean()
    return {
        "columns": [a, b],
        "grids": [grid.tolist() for grid in found["grid_values"]],
        "average": joint.tolist(),
        "size": float(np.sqrt((left**2).mean())),
        "share": float((left**2).sum() / ((joint - joint.mean()) ** 2).sum()),
    }


print(json.dumps([pair(0, 1), pair(3, 4), pair(2, 5)]))
