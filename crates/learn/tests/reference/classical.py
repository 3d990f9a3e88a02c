"""Makes classical.json: what scikit-learn's naive Bayes, neighbours and support vector machines answer on small fixed
inputs. Run from this folder: python classical.py"""

import json
import warnings

import numpy as np
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

warnings.filterwarnings("ignore")
rng = np.random.default_rng(11)
cases = []
NAMES = ["a", "b", "c"]


def add(name, kind, params, X, y, answers, weights=None, classes=None, categories=None, asked=None):
    case = {
        "name": name,
        "kind": kind,
        "params": params,
        "rows": np.asarray(X, float).tolist(),
        "target": np.asarray(y, float).tolist(),
        "weights": None if weights is None else np.asarray(weights).tolist(),
        "classes": classes,
        "categories": categories,
        "asked": np.asarray(X[:8] if asked is None else asked, float).tolist(),
        "answers": np.ravel(answers).tolist(),
    }
    cases.append(case)


def bayes(name, kind, params, X, y, model, weights=None, asked=None, categories=None):
    model.fit(X, y, sample_weight=weights)
    asked = X[:8] if asked is None else asked
    answers = model.predict_proba(asked)
    add(name, kind, params, X, y, answers, weights, NAMES[: len(model.classes_)], categories, asked)


n = 60
X = np.round(rng.normal(size=(n, 4)) * [1.0, 3.0, 0.2, 10.0], 3)
y = np.digitize(X[:, 0] + rng.normal(size=n), [-0.5, 0.6])
two = (y > 0).astype(int)
w = np.round(rng.uniform(0.1, 3, n), 2)
counts = rng.poisson(np.exp(rng.normal(size=(n, 6)) + (y[:, None] == [0, 1, 2, 0, 1, 2]))).astype(float)
asked = np.round(rng.normal(size=(8, 4)) * [1.0, 3.0, 0.2, 10.0], 3)

bayes("gaussian", "gaussian_nb", {}, X, y, GaussianNB(), asked=asked)
bayes("gaussian weighted", "gaussian_nb", {"var_smoothing": 1e-3}, X, two, GaussianNB(var_smoothing=1e-3), w)
constant = np.column_stack([X, np.full(n, 2.0)])
bayes("gaussian constant column", "gaussian_nb", {}, constant, y, GaussianNB())
wide = np.round(rng.normal(size=(10, 25)), 3)
bayes("gaussian wide", "gaussian_nb", {}, wide, two[:10], GaussianNB())
bayes("multinomial", "multinomial_nb", {}, counts, y, MultinomialNB())
bayes("multinomial weighted", "multinomial_nb", {"alpha": 0.3}, counts, y, MultinomialNB(alpha=0.3), w)
flat = {"alpha": 2.0, "fit_prior": False}
bayes("multinomial flat prior", "multinomial_nb", flat, counts, two, MultinomialNB(**flat))
bayes("complement", "complement_nb", {}, counts, y, ComplementNB())
bayes("complement weighted", "complement_nb", {"alpha": 0.1, "norm": True}, counts, y, ComplementNB(alpha=0.1, norm=True), w)
bayes("complement binary", "complement_nb", {}, counts, two, ComplementNB())
bayes("bernoulli", "bernoulli_nb", {}, X, y, BernoulliNB())
bayes("bernoulli weighted", "bernoulli_nb", {"alpha": 0.2, "binarize": 1.0}, counts, two, BernoulliNB(alpha=0.2, binarize=1.0), w)
codes = np.column_stack([rng.integers(0, k, n) for k in (3, 2, 5)])
codes[:, 0] = np.where(rng.uniform(size=n) < 0.4, y, codes[:, 0])
bayes("categorical", "categorical_nb", {}, codes, y, CategoricalNB(), categories=[3, 2, 5])
bayes("categorical weighted", "categorical_nb", {"alpha": 0.4, "fit_prior": False}, codes, y, CategoricalNB(alpha=0.4, fit_prior=False), w, categories=[3, 2, 5])

z = np.round(X @ [1.0, 0.5, 2.0, 0.1] + rng.normal(size=n), 3)
for weights in ["uniform", "distance"]:
    for metric in ["euclidean", "manhattan", "cosine"]:
        params = {"n_neighbors": 4, "weights": weights, "metric": metric}
        # Training rows among those asked about: distances of 0.
        both = np.vstack([asked, X[:3]]) if metric != "cosine" else asked
        model = KNeighborsClassifier(**params, algorithm="brute").fit(X, y)
        add(f"neighbours {weights} {metric}", "k_neighbors", params, X, y, model.predict_proba(both), None, NAMES, None, both)
        model = KNeighborsRegressor(**params, algorithm="brute").fit(X, z)
        add(f"neighbours number {weights} {metric}", "k_neighbors", params, X, z, model.predict(both), None, None, None, both)

S = np.round((X - X.mean(0)) / X.std(0), 3)
T = np.round((z - z.mean()) / z.std(), 3)
tight = dict(tol=1e-10)
for name, params in [
    ("rbf", {}),
    ("rbf sharp", {"C": 50.0, "gamma": 0.7}),
    ("linear", {"kernel": "linear", "C": 0.5}),
    ("polynomial", {"kernel": "poly", "degree": 3, "coef0": 1.0, "gamma": "auto", "C": 0.3}),
    ("sigmoid", {"kernel": "sigmoid", "gamma": 0.05, "coef0": 0.1}),
]:
    ours = {key.replace("C", "c"): "polynomial" if v == "poly" else v for key, v in params.items()}
    for what, labels, weights in [("two", two, None), ("two weighted", two, w), ("three", y, w)]:
        model = SVC(**params, **tight, decision_function_shape="ovo").fit(S, labels, sample_weight=weights)
        margins = model.decision_function(S[:8])
        known = NAMES[: len(model.classes_)]
        add(f"svm {name} {what}", "svm", {**ours, **tight, "probability": "margin"}, S, labels, margins, weights, known)
    for weights in [None, w]:
        model = SVR(**params, epsilon=0.2, **tight).fit(S, T, sample_weight=weights)
        add(f"svr {name}", "svm", {**ours, "epsilon": 0.2, **tight}, S, T, model.predict(S[:8]), weights)
W, V = np.round(rng.normal(size=(12, 30)), 3), two[:12]
add("svm wide", "svm", {**tight, "probability": "margin"}, W, V, SVC(**tight).fit(W, V).decision_function(W[:8]), None, NAMES[:2])

exact = dict(tol=1e-9, max_iter=10**6)
seeded = dict(random_state=0)
for loss in ["hinge", "squared_hinge"]:
    for what, labels, weights in [("two", two, None), ("three weighted", y, w)]:
        model = LinearSVC(C=0.7, loss=loss, dual=True, intercept_scaling=2.0, **exact, **seeded).fit(S, labels, sample_weight=weights)
        params = {"c": 0.7, "loss": loss, "intercept_scaling": 2.0, **exact, "probability": "margin"}
        coef = np.column_stack([model.coef_, model.intercept_])
        add(f"linear svm {loss} {what}", "linear_svm", params, S, labels, coef, weights, NAMES[: len(model.classes_)])
    for weights in [None, w]:
        theirs = "epsilon_insensitive" if loss == "hinge" else "squared_epsilon_insensitive"
        model = LinearSVR(C=0.7, loss=theirs, epsilon=0.1, dual=True, **exact, **seeded).fit(S, T, sample_weight=weights)
        params = {"c": 0.7, "loss": loss, "epsilon": 0.1, **exact}
        add(f"linear svr {loss}", "linear_svm", params, S, T, np.append(model.coef_, model.intercept_), weights)

with open("classical.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
