"""Explains a model of LightGBM: `explain.py WORK TABLE MODEL FEATURES LEARN EXPLAIN BACKGROUND THREADS`.

TABLE holds 64-bit floats, row after row: the features, then the target. WORK is one of

- `learn`: learns from the first LEARN rows and writes MODEL; prints its predictions of the rows after them,
- `lightgbm`: `pred_contrib` of EXPLAIN rows,
- `shap`: shap's own path-dependent TreeSHAP of the same rows,
- `interventional`: shap's interventional TreeSHAP of the same rows against BACKGROUND rows,
- `lime`: LIME of each row (discretised, 5000 samples, all columns), learned from 5000 rows,
- `kernel`: shap's Kernel SHAP of each row against BACKGROUND rows, with its default number of coalitions and no selection of columns.

The rows to explain follow those that were learned from; the background is the first rows of the table. Prints the seconds (of `lime`
and `kernel` per row; of a run that takes more than 3 s that of one run) and the values, without their base.
"""

import sys

import lightgbm
import numpy as np

import timing
from timing import report

# The exact values and Kernel SHAP take the peers many seconds: one run of them is enough.
SLOW = 3.0

work, table, file = sys.argv[1:4]
features, learn, explain, background, threads = map(int, sys.argv[4:9])
table = np.fromfile(table, dtype="<f8").reshape(-1, features + 1)
X, y = np.ascontiguousarray(table[:, :features]), table[:, features]
rows = X[learn : learn + explain]

if work == "learn":
    model = lightgbm.LGBMRegressor(n_estimators=200, num_leaves=31, n_jobs=threads, verbose=-1)
    model.fit(X[:learn], y[:learn])
    model.booster_.save_model(file)
    report(secs=0.0, answer=lightgbm.Booster(model_file=file).predict(X[learn:]).tolist())
    sys.exit()

model = lightgbm.Booster(model_file=file)


def median_secs(work):
    return timing.median_secs(work, slow=SLOW)


def predict(rows):
    return model.predict(rows, num_threads=threads)


def trees_of_shap(data, perturbation):
    import shap

    explainer = shap.TreeExplainer(model, data, feature_perturbation=perturbation)
    # Without this, shap asks LightGBM itself for path-dependent values.
    explainer.model.model_type = "internal"
    return lambda: explainer.shap_values(rows, check_additivity=False)


if work == "lightgbm":
    secs, values = median_secs(lambda: model.predict(rows, pred_contrib=True, num_threads=threads)[:, :-1])
elif work == "shap":
    secs, values = median_secs(trees_of_shap(None, "tree_path_dependent"))
elif work == "interventional":
    secs, values = median_secs(trees_of_shap(X[:background], "interventional"))
elif work == "lime":
    from lime.lime_tabular import LimeTabularExplainer

    explainer = LimeTabularExplainer(X[:5000], mode="regression", random_state=0)

    def coefficients(row):
        near = explainer.explain_instance(row, predict, num_features=features, num_samples=5000)
        of = dict(near.local_exp[1])
        return [of.get(j, 0.0) for j in range(features)]

    secs, values = median_secs(lambda: [coefficients(row) for row in rows])
elif work == "kernel":
    import shap

    explainer = shap.KernelExplainer(predict, X[:background])
    secs, values = median_secs(lambda: explainer.shap_values(rows, l1_reg=False, silent=True))
if work in ("lime", "kernel"):
    secs /= explain
report(secs=secs, answer=np.asarray(values).ravel().tolist())
