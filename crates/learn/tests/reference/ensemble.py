"""Makes ensemble.json: answers of scikit-learn's AdaBoost and stacking, and held-out losses of its bagging.

Run from this folder: python ensemble.py. `tests/ensemble.rs` holds ours against them.
"""

import json
import warnings

import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
random = np.random.default_rng(7)
n, p = 150, 4
# Whole numbers, so that where between two of them a tree divides makes no difference to any row.
X = random.integers(0, 40, (n, p)).astype(float)
asked = random.integers(0, 40, (60, p)).astype(float)
signal = X[:, 0] / 20 + np.sin(X[:, 1] / 6) + 0.4 * random.normal(size=n)
numbers = np.round(10 * signal, 3)
binary = (signal > np.median(signal)).astype(int)
three = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
weights = np.round(random.uniform(0.2, 3, n), 3)


class Reweighted(AdaBoostRegressor):
    """AdaBoost.R2 whose learners get the weights themselves in place of rows drawn by them."""

    def _boost(self, iboost, X, y, sample_weight, random_state):
        estimator = self._make_estimator(random_state=random_state)
        estimator.fit(X, y, sample_weight=sample_weight)
        error = np.abs(estimator.predict(X) - y)
        most = error[sample_weight > 0].max()
        if most != 0:
            error = error / most
        if self.loss == "square":
            error = error**2
        elif self.loss == "exponential":
            error = 1.0 - np.exp(-error)
        mean = (sample_weight * error).sum()
        if mean <= 0:
            return sample_weight, 1.0, 0.0
        if mean >= 0.5:
            if len(self.estimators_) > 1:
                self.estimators_.pop(-1)
            return None, None, None
        beta = mean / (1.0 - mean)
        weight = self.learning_rate * np.log(1.0 / beta)
        if iboost != self.n_estimators - 1:
            sample_weight = sample_weight * np.power(beta, (1.0 - error) * self.learning_rate)
        return sample_weight, weight, mean


cases = []


def case(name, kind, params, target, classes, model, weighted=False, folds=None, new=True):
    # Below the first question, we divide at values of the whole table, and scikit-learn at those of the node: new rows may differ.
    rows = np.vstack([X, asked]) if new else X
    model.fit(X, target, **({"sample_weight": weights} if weighted else {}))
    answers = model.predict_proba(rows) if classes else model.predict(rows)[:, None]
    votes = getattr(model, "estimator_weights_", np.zeros(0))
    cases.append(
        {
            "name": name,
            "kind": kind,
            "params": params,
            "rows": X.tolist(),
            "asked": rows.tolist(),
            "target": target.astype(float).tolist(),
            "classes": classes,
            "weights": weights.tolist() if weighted else None,
            "folds": None if folds is None else folds.tolist(),
            "votes": votes[: len(getattr(model, "estimators_", []))].tolist(),
            "answers": answers.tolist(),
        }
    )


def tree(depth, n_trees=1):
    params = {"n_trees": n_trees, "max_depth": depth, "max_features": 1.0, "bootstrap": False}
    return {"learner": "random_forest", "params": params}


two, more = ["no", "yes"], ["high", "low", "middle"]
stump = DecisionTreeClassifier(max_depth=1)
for name, target, classes in [("two classes", binary, two), ("three classes", three, more)]:
    model = AdaBoostClassifier(stump, n_estimators=20, random_state=0)
    case(f"{name}, stumps", "ada_boost", {"rounds": 20}, target, classes, model)
    model = AdaBoostClassifier(stump, n_estimators=15, learning_rate=0.5, random_state=0)
    params = {"rounds": 15, "learning_rate": 0.5}
    case(f"{name}, weights", "ada_boost", params, target, classes, model, weighted=True)
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=10, random_state=0)
    case(f"{name}, depth 2", "ada_boost", {"rounds": 10, **tree(2)}, target, classes, model, new=False)
    model = AdaBoostClassifier(GaussianNB(), n_estimators=10, random_state=0)
    params = {"rounds": 10, "learner": "gaussian_nb"}
    case(f"{name}, naive Bayes", "ada_boost", params, target, classes, model)
model = AdaBoostClassifier(DecisionTreeClassifier(), n_estimators=10, random_state=0)
case("a perfect round ends it", "ada_boost", {"rounds": 10, **tree(None)}, binary, two, model, new=False)
for loss in ["linear", "square", "exponential"]:
    model = Reweighted(DecisionTreeRegressor(max_depth=3), n_estimators=12, loss=loss, random_state=0)
    case(f"numbers, {loss}", "ada_boost", {"rounds": 12, "loss": loss}, numbers, None, model, new=False)
model = Reweighted(Ridge(), n_estimators=12, learning_rate=0.7, random_state=0)
params = {"rounds": 12, "learning_rate": 0.7, "learner": "ridge"}
case("numbers, ridge, weights", "ada_boost", params, numbers, None, model, weighted=True)

# Neighbours want no two distances alike.
X = np.round(X + random.normal(size=X.shape), 4)
asked = np.round(asked + random.normal(size=asked.shape), 4)
folds = np.arange(n) % 5
random.shuffle(folds)
split = PredefinedSplit(folds)
exact = {"tol": 1e-10, "max_iter": 100000}
logistic = LogisticRegression(tol=1e-12, max_iter=100000)
for name, target, classes in [("two classes", binary, two), ("three classes", three, more)]:
    members = [("a", logistic), ("b", GaussianNB()), ("c", KNeighborsClassifier(7))]
    model = StackingClassifier(members, final_estimator=clone(logistic), cv=split)
    learners = [
        {"kind": "logistic", **exact},
        {"kind": "gaussian_nb"},
        {"kind": "k_neighbors", "n_neighbors": 7},
    ]
    params = {"learners": learners, "final_params": exact}
    case(f"stacked, {name}", "stacked", params, target, classes, model, folds=folds)
members = [("a", Ridge()), ("b", KNeighborsRegressor(7))]
model = StackingRegressor(members, final_estimator=Ridge(alpha=0.1), cv=split)
params = {
    "learners": [{"kind": "ridge"}, {"kind": "k_neighbors", "n_neighbors": 7}],
    "final_params": {"alpha": 0.1},
}
case("stacked, numbers", "stacked", params, numbers, None, model, folds=folds)


def unit(column, n):
    """Numbers in [0, 1): SplitMix64 of a counter that starts at 2^32 for each column."""
    with np.errstate(over="ignore"):
        z = (np.arange(n, dtype=np.uint64) + np.uint64(column << 32)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(float) * 2.0**-53


# 600 rows to learn from, 2000 to judge by.
U = np.stack([unit(j, 2600) for j in range(4)], axis=1)
z = 3 * U[:, 0] * U[:, 1] + (U[:, 2] > 0.6) + unit(4, 2600) + unit(5, 2600) - 1
label = (z > 1.3).astype(int)
train, test = slice(0, 600), slice(600, 2600)
bagging = {}
for name, single, kind, y in [
    ("mse", DecisionTreeRegressor(), BaggingRegressor, z),
    ("error", DecisionTreeClassifier(), BaggingClassifier, label),
]:

    def loss(model):
        said = model.fit(U[train], y[train]).predict(U[test])
        return float(np.mean((said - y[test]) ** 2)) if name == "mse" else float(np.mean(said != y[test]))

    alone = [loss(clone(single).set_params(random_state=s)) for s in range(20)]
    bagged = [loss(kind(clone(single), n_estimators=10, random_state=s)) for s in range(20)]
    bagging[name] = {
        "one_tree": np.mean(alone),
        "mean": np.mean(bagged),
        "deviation": np.std(bagged, ddof=1),
    }

with open("ensemble.json", "w") as file:
    json.dump({"sklearn": sklearn.__version__, "cases": cases, "bagging": bagging}, file)
    file.write("\n")
print(sklearn.__version__, len(cases), bagging)
