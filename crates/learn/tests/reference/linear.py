"""Makes linear.json: what scikit-learn answers on small fixed inputs. Run from this folder: python linear.py"""

import json

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.linear_model._huber import _huber_loss_and_gradient

rng = np.random.default_rng(7)
cases = []


def add(name, kind, params, X, y, model, weights=None, classes=None):
    X = np.asarray(X, float)
    model.fit(X, y, sample_weight=weights)
    case = {
        "name": name,
        "kind": kind,
        "params": params,
        "rows": X.tolist(),
        "target": np.asarray(y).tolist(),
        "weights": None if weights is None else np.asarray(weights).tolist(),
        "classes": classes,
        "coefficients": np.ravel(model.coef_).tolist(),
        "intercepts": np.ravel(model.intercept_).tolist(),
    }
    if classes is None:
        case["answers"] = model.predict(X[:5]).tolist()
    else:
        case["answers"] = np.ravel(model.predict_proba(X[:5])).tolist()
    cases.append(case)


def data(n, p, noise=1.0):
    X = np.round(rng.normal(size=(n, p)) * rng.uniform(0.5, 2.0, p) + rng.normal(size=p), 3)
    w = rng.normal(size=p) * (rng.uniform(size=p) < 0.7)
    return X, np.round(X @ w + noise * rng.normal(size=n) + 2.0, 3)


class LeastNorm:
    """Ordinary least squares; of several solutions the shortest."""

    def fit(self, X, y, sample_weight=None):
        s = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        mx, my = np.average(X, axis=0, weights=s), np.average(y, weights=s)
        root = np.sqrt(s)
        self.coef_ = np.linalg.lstsq((X - mx) * root[:, None], (y - my) * root, rcond=1e-12)[0]
        self.intercept_ = my - mx @ self.coef_

    def predict(self, X):
        return X @ self.coef_ + self.intercept_


X, y = data(40, 5)
weights = np.round(rng.uniform(0, 3, 40), 2)
weights[3] = 0.0
tight = dict(tol=1e-15, max_iter=10**6)
add("ridge", "ridge", {"alpha": 1.5}, X, y, Ridge(1.5, solver="svd"))
add("ridge weighted", "ridge", {"alpha": 0.3}, X, y, Ridge(0.3, solver="svd"), weights)
add("least squares", "ridge", {"alpha": 0.0}, X, y, LeastNorm())
add("least squares weighted", "ridge", {"alpha": 0.0}, X, y, LeastNorm(), weights)
twice = np.column_stack([X, X[:, 0] + X[:, 1], np.full(40, 2.0)])
add("ridge collinear", "ridge", {"alpha": 0.1}, twice, y, Ridge(0.1, solver="svd"))
add("least squares collinear", "ridge", {"alpha": 0.0}, twice, y, LeastNorm())
W, v = data(15, 30)
add("ridge wide", "ridge", {"alpha": 2.0}, W, v, Ridge(2.0, solver="svd"))
add("least squares wide", "ridge", {"alpha": 0.0}, W, v, LeastNorm())
net = {"tol": 1e-14, "max_iter": 1000000}
add("lasso", "lasso", {"alpha": 0.1, **net}, X, y, Lasso(0.1, **tight))
add("lasso weighted", "lasso", {"alpha": 0.2, **net}, X, y, Lasso(0.2, **tight), weights)
add("lasso wide", "lasso", {"alpha": 0.3, **net}, W, v, Lasso(0.3, **tight))
enet = {"alpha": 0.2, "l1_ratio": 0.4, **net}
add("elastic net", "elastic_net", enet, X, y, ElasticNet(0.2, l1_ratio=0.4, **tight))
add("elastic net weighted", "elastic_net", enet, X, y, ElasticNet(0.2, l1_ratio=0.4, **tight), weights)
add("elastic net wide", "elastic_net", enet, W, v, ElasticNet(0.2, l1_ratio=0.4, **tight))
add("elastic net collinear", "elastic_net", enet, twice, y, ElasticNet(0.2, l1_ratio=0.4, **tight))

X, s = data(60, 4)
weights = np.round(rng.uniform(0, 3, 60), 2)
two = (s + rng.normal(size=60) > np.median(s)).astype(int)
three = np.digitize(s + rng.normal(size=60), np.quantile(s, [0.3, 0.6]))
newton = dict(solver="newton-cholesky", tol=1e-13, max_iter=10**5)
lbfgs = dict(solver="lbfgs", tol=1e-10, max_iter=10**6)
saga = dict(solver="saga", tol=1e-13, max_iter=10**6)
ours = {"tol": 1e-12}
for name, y, classes in [("binary", two, ["no", "yes"]), ("three classes", three, ["a", "b", "c"])]:

    def case(what, params, model, weights=None):
        add(f"logistic {name} {what}", "logistic", {**params, **ours}, X, y, model, weights, classes)

    case("l2", {"c": 0.7}, LogisticRegression(C=0.7, **lbfgs))
    case("l2 weighted", {"c": 2.0}, LogisticRegression(C=2.0, **lbfgs), weights)
    balanced = LogisticRegression(C=0.5, class_weight="balanced", **lbfgs)
    case("l2 balanced", {"c": 0.5, "class_weight": "balanced"}, balanced, weights)
    case("l1", {"c": 0.4, "penalty": "l1"}, LogisticRegression(l1_ratio=1.0, C=0.4, **saga))
    both = LogisticRegression(C=0.4, l1_ratio=0.3, **saga)
    case("elastic net weighted", {"c": 0.4, "penalty": "elastic_net", "l1_ratio": 0.3}, both, weights)
none = LogisticRegression(C=np.inf, **newton)
add("logistic none", "logistic", {"penalty": "none", **ours}, X, two, none, None, ["no", "yes"])
apart = (X[:, 0] > np.median(X[:, 0])).astype(int)
add("logistic separable", "logistic", {"c": 1e4, **ours}, X, apart, LogisticRegression(C=1e4, **newton), None, ["no", "yes"])
wide = (v > np.median(v)).astype(int)
add("logistic wide", "logistic", {"c": 1.0, **ours}, W, wide, LogisticRegression(C=1.0, **lbfgs), None, ["no", "yes"])
add("logistic wide l1", "logistic", {"c": 1.0, "penalty": "l1", **ours}, W, wide, LogisticRegression(l1_ratio=1.0, C=1.0, **saga), None, ["no", "yes"])



class Huber(HuberRegressor):
    """HuberRegressor stops where the objective no longer falls by 2e-9 of it: its own objective, followed to the end."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        s = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        x = np.concatenate([self.coef_, [self.intercept_, self.scale_]])
        bounds = [(None, None)] * (len(x) - 1) + [(1e-12, None)]
        for _ in range(20):
            x = minimize(
                _huber_loss_and_gradient,
                x,
                (X, y, self.epsilon, self.alpha, s),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"ftol": 0, "gtol": 1e-13, "maxiter": 10**6, "maxfun": 10**6},
            ).x
        assert np.abs(x[:-2] - self.coef_).max() < 1e-2
        self.coef_, self.intercept_, self.scale_ = x[:-2], x[-2], x[-1]
        return self


X, s = data(80, 4)
weights = np.round(rng.uniform(0, 3, 80), 2)
weights[5] = 0.0
twice = np.column_stack([X, X[:, 0] - X[:, 2], np.full(80, 2.0)])
mean = np.exp(0.2 * (s - s.mean()) + 0.5)
counts = rng.poisson(mean).astype(float)
amounts = np.round(mean * rng.gamma(2.0, 0.5, 80), 4) + 1e-3
claims = np.round(counts * amounts, 3)
wide_counts = np.clip(np.round(v), 0, None)
glm = dict(solver="newton-cholesky", tol=1e-12, max_iter=10**5)
ours = {"tol": 1e-12}
for kind, y, Model in [("poisson", counts, PoissonRegressor), ("gamma", amounts, GammaRegressor)]:
    add(kind, kind, {"alpha": 0.01, **ours}, X, y, Model(alpha=0.01, **glm))
    add(f"{kind} weighted", kind, {"alpha": 0.3, **ours}, X, y, Model(alpha=0.3, **glm), weights)
    add(f"{kind} no penalty", kind, {"alpha": 0.0, **ours}, X, y, Model(alpha=0.0, **glm))
    add(f"{kind} collinear", kind, {"alpha": 0.1, **ours}, twice, y, Model(alpha=0.1, **glm))
    add(f"{kind} thousands", kind, {"alpha": 0.1, **ours}, X, 1e3 * y, Model(alpha=0.1, **glm))
add("poisson wide", "poisson", {"alpha": 0.5, **ours}, W, wide_counts, PoissonRegressor(alpha=0.5, **glm))
for power in [1.0, 1.4, 1.9]:
    params = {"power": power, "alpha": 0.05, **ours}
    add(f"tweedie {power}", "tweedie", params, X, claims, TweedieRegressor(power=power, alpha=0.05, link="log", **glm), weights)

target = np.where(rng.uniform(size=80) < 0.1, s + rng.normal(size=80) * 30, s)
for epsilon, alpha, weight in [(1.35, 1e-4, None), (1.1, 2.0, weights), (3.0, 0.0, None)]:
    params = {"epsilon": epsilon, "alpha": alpha, "tol": 1e-11}
    add(f"huber {epsilon}", "huber", params, X, target, Huber(epsilon=epsilon, alpha=alpha, tol=1e-9, max_iter=10**5), weight)
add("huber collinear", "huber", {"alpha": 1.0, "tol": 1e-11}, twice, target, Huber(alpha=1.0, tol=1e-9, max_iter=10**5))
for quantile, alpha, weight in [(0.5, 0.0, None), (0.13, 0.02, None), (0.9, 0.01, weights), (0.77, 0.0, weights)]:
    params = {"quantile": quantile, "alpha": alpha, "tol": 1e-11}
    model = QuantileRegressor(quantile=quantile, alpha=alpha)
    add(f"quantile {quantile} {alpha}", "quantile_regression", params, X, target, model, weight)
add("quantile wide", "quantile_regression", {"alpha": 0.1, "tol": 1e-11}, W, v, QuantileRegressor(alpha=0.1))

with open("linear.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
