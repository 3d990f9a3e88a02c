"""Writes mutual_information.json: what scikit-learn has columns tell of a target. Run: python mutual_information.py (scikit-learn 1.9)."""

import json
from pathlib import Path

import numpy as np
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

rng = np.random.default_rng(12)
n = 240
x = rng.normal(size=(n, 3)) * [1.0, 30.0, 0.2]
letters = rng.integers(0, 4, n)
y = x[:, 0] + np.abs(x[:, 1]) / 30 + 0.5 * letters + 0.3 * rng.normal(size=n)
classes = np.digitize(y, [0.5, 2.0])
features = np.column_stack([x, letters])
discrete = [False, False, False, True]
found = {
    "x": x.T.tolist(),
    "letters": letters.tolist(),
    "classes": classes.tolist(),
    "y": y.tolist(),
    "of_classes": mutual_info_classif(features, classes, discrete_features=discrete, random_state=0).tolist(),
    "of_numbers": mutual_info_regression(features, y, discrete_features=discrete, random_state=0).tolist(),
}
Path(__file__).with_name("mutual_information.json").write_text(json.dumps(found) + "\n")
