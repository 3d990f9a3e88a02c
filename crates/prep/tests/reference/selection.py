"""Writes selection.json: the columns that scikit-learn keeps by an L1 penalty and Boruta by shadows, and the intervals of its trees.

Run: python selection.py (scikit-learn 1.9, boruta 0.4).
"""

import json
from pathlib import Path

import numpy as np
from boruta import BorutaPy
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

rng = np.random.default_rng(44)
N, P = 400, 12
x = np.round(rng.normal(size=(N, P)) * rng.uniform(0.1, 50, P) + rng.uniform(-20, 20, P), 4)
z = StandardScaler().fit_transform(x)
# Three columns tell something; the fourth says the same as the first, with noise; two tell something only together.
x[:, 3] = np.round(x[:, 0] + 0.5 * x[:, 0].std() * rng.normal(size=N), 4)
z = StandardScaler().fit_transform(x)
signal = 1.5 * z[:, 0] - z[:, 1] + 0.7 * z[:, 2] + 1.5 * z[:, 4] * z[:, 5]
y = np.round(signal + rng.normal(size=N), 4)
classes = np.digitize(signal + rng.normal(size=N), [-0.8, 0.9])

lasso = {}
for strength in (0.02, 0.1, 0.3, 0.7):
    most = np.abs(z.T @ (y - y.mean())).max() / N
    lasso[strength] = np.flatnonzero(Lasso(alpha=strength * most, tol=1e-12, max_iter=100000).fit(z, y).coef_).tolist()
shares = np.bincount(classes) / N
steepest = np.abs(z.T @ (np.eye(3)[classes] - shares)).max()
logistic = {}
for strength in (0.05, 0.2, 0.5, 0.8):
    model = LogisticRegression(l1_ratio=1.0, C=1 / (strength * steepest), solver="saga", tol=1e-10, max_iter=200000)
    logistic[strength] = np.flatnonzero(np.abs(model.fit(z, classes).coef_).max(axis=0) > 1e-9).tolist()


def boruta(model, target):
    """What it confirms and what it leaves undecided in any of ten runs: close calls go by chance."""
    runs = [BorutaPy(clone(model), n_estimators=100, max_iter=40, random_state=seed).fit(x, target) for seed in range(10)]
    confirmed = np.all([run.support_ for run in runs], axis=0)
    possible = np.any([run.support_ | run.support_weak_ for run in runs], axis=0)
    return {"confirmed": np.flatnonzero(confirmed).tolist(), "possible": np.flatnonzero(possible).tolist()}


def intervals(tree, values, target):
    leaves = tree.fit(values.reshape(-1, 1), target).tree_
    return sorted(leaves.threshold[leaves.feature >= 0].tolist())


# Numbers that 32 bits hold: the reference's trees know no others.
value = np.float32(np.round(rng.normal(size=N), 3)).astype(float)
of_value = np.round(np.sin(3 * value) + 0.3 * rng.normal(size=N), 4)
found = {
    "x": x.T.tolist(),
    "y": y.tolist(),
    "classes": classes.tolist(),
    "lasso": [[s, kept] for s, kept in lasso.items()],
    "logistic": [[s, kept] for s, kept in logistic.items()],
    "shadow_numbers": boruta(RandomForestRegressor(max_depth=7, n_jobs=1), y),
    "shadow_classes": boruta(RandomForestClassifier(max_depth=7, n_jobs=1), classes),
    "value": value.tolist(),
    "of_value": of_value.tolist(),
    "class_of_value": (of_value > 0.2).astype(int).tolist(),
    "number_ends": intervals(DecisionTreeRegressor(max_leaf_nodes=6, min_samples_leaf=15), value, of_value),
    "class_ends": intervals(DecisionTreeClassifier(max_leaf_nodes=5, min_samples_leaf=20), value, (of_value > 0.2).astype(int)),
}
Path(__file__).with_name("selection.json").write_text(json.dumps(found) + "\n")
print({k: v for k, v in found.items() if k in ("lasso", "logistic", "shadow_numbers", "shadow_classes", "number_ends", "class_ends")})
