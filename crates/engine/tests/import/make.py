"""Makes small models with LightGBM and XGBoost themselves, rows for them, and what they say of these rows.

    python make.py        # numpy, pandas, lightgbm 4.7.0, xgboost 3.2.0, shap 0.51.0

Writes the models, rows.csv, codes.csv (the categories as codes) and reference.json: for each model its answers and, as its own
`pred_contrib` gives them, what each column adds to the margin of each output, the base last.
"""
import json
import warnings

import lightgbm as lgb
import numpy as np
import pandas as pd
import shap
import xgboost as xgb

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20)
NAMES = ["blue", "green", "None", "red", "white"]
# More codes than a word has bits.
CODES = [str(code) for code in range(80)]


def table(n):
    a = rng.normal(size=n)
    a[rng.random(n) < 0.1] = np.nan
    b = np.round(rng.normal(size=n), 1)
    c = rng.choice(5, n, p=[0.35, 0.25, 0.2, 0.15, 0.05])
    k = rng.integers(0, 80, n)
    return pd.DataFrame({"a": a, "b": b, "c": c, "k": k})


def named(rows):
    out = rows.copy()
    out["c"] = pd.Categorical([NAMES[int(x)] if x >= 0 else None for x in rows["c"]], categories=NAMES)
    out["k"] = pd.Categorical([CODES[int(x)] if x >= 0 else None for x in rows["k"]], categories=CODES)
    return out


train = table(600)
score = (
    np.nan_to_num(train["a"], nan=1.0)
    + np.where(train["b"] == 0, 1.5, -0.4 * train["b"])
    + np.array([1.0, -1.0, 0.5, 0.0, 2.0])[train["c"]]
    + np.sin(train["k"] * 1.7)
)
noise = rng.normal(scale=0.5, size=len(train))
y = score + noise
binary = (y > 0.5).astype(int)
three = np.digitize(y, [-0.5, 1.0])
count = rng.poisson(np.exp(np.clip(score * 0.4, -2, 2)))
share = 1 / (1 + np.exp(-y))

test = table(24)
# Missing values, zeros, and a category that no tree knows.
test.loc[0, ["a", "b"]] = np.nan
test.loc[1, "b"] = 0.0
test.loc[2, "b"] = -0.0
test.loc[3, ["c", "k"]] = -1
test.loc[4, "c"] = -1

models, expected = {}, {}


def lightgbm(name, params, target, named_categories=True, **options):
    params = {"num_leaves": 8, "min_data_in_leaf": 5, "verbose": -1, "seed": 1, "deterministic": True, "num_threads": 1} | params
    params |= {"min_data_per_group": 5, "max_cat_to_onehot": 1, "cat_smooth": 1.0}
    if named_categories:
        data, rows = lgb.Dataset(named(train), target), named(test)
    else:
        data = lgb.Dataset(train.to_numpy(float), target, feature_name=list("abck"), categorical_feature=[2, 3])
        rows = test.to_numpy(float)
    booster = lgb.train(params, data, num_boost_round=8)
    booster.save_model(name + ".txt")
    k = params.get("num_class", 1)
    contributions = booster.predict(rows, pred_contrib=True).reshape(len(test), k, 5)
    raw = booster.predict(rows, raw_score=True).reshape(len(test), k)
    assert np.allclose(contributions.sum(2), raw, atol=1e-9), name
    # Of a random forest both are of the sum of its trees, but it answers by their mean.
    if params.get("boosting") == "rf":
        contributions = contributions / 8
    # With another steepness of the link, the margin here is what goes into a plain one.
    contributions = contributions * params.get("sigmoid", 1.0)
    return keep(name + ".txt", named_categories, booster.predict(rows), contributions)


def xgboost(name, params, target, ending="json", named_categories=True):
    params = {"max_depth": 3, "seed": 1, "nthread": 1, "max_cat_to_onehot": 1, "min_child_weight": 1} | params
    if named_categories:
        data = xgb.DMatrix(named(train), target, enable_categorical=True)
        rows = xgb.DMatrix(named(test), enable_categorical=True)
    else:
        kinds = dict(feature_names=list("abck"), feature_types=["q", "q", "c", "c"], enable_categorical=True)
        codes = test.replace({"c": {-1: np.nan}, "k": {-1: np.nan}})
        data, rows = xgb.DMatrix(train.to_numpy(float), target, **kinds), xgb.DMatrix(codes.to_numpy(float), **kinds)
    booster = xgb.train(params, data, num_boost_round=8)
    booster.save_model(f"{name}.{ending}")
    contributions = booster.predict(rows, pred_contribs=True)
    if contributions.ndim == 2:
        contributions = contributions[:, None, :]
    return keep(f"{name}.{ending}", named_categories, booster.predict(rows), contributions)


def keep(file, named_categories, answers, contributions):
    expected[file] = {
        "rows": "rows.csv" if named_categories else "codes.csv",
        "answers": np.atleast_2d(np.asarray(answers, float).T).T.tolist(),
        "contributions": np.asarray(contributions, float).tolist(),
    }
    return contributions


# Where the comparison of 32-bit numbers turns: thresholds themselves and their neighbours in 64 bits.
data = xgb.DMatrix(named(train), y, enable_categorical=True)
seen = xgb.train({"max_depth": 3, "seed": 1, "nthread": 1, "max_cat_to_onehot": 1, "min_child_weight": 1}, data, 8)
asked = seen.trees_to_dataframe()
thresholds = np.float32(asked.loc[asked["Feature"] == "a", "Split"].dropna().unique())[:8]
edges = []
for t in thresholds:
    under = np.nextafter(t, np.float32(-np.inf))
    middle = (float(t) + float(under)) / 2
    edges += [float(t), np.nextafter(float(t), -1), middle, np.nextafter(middle, 9), np.nextafter(middle, -9)]
edged = table(len(edges))
edged["a"] = edges
test = pd.concat([test, edged], ignore_index=True)

binary_contributions = lightgbm("lightgbm-binary", {"objective": "binary"}, binary)
lightgbm("lightgbm-steep", {"objective": "binary", "sigmoid": 0.7}, binary)
lightgbm("lightgbm-multiclass", {"objective": "multiclass", "num_class": 3, "num_leaves": 4}, three)
lightgbm("lightgbm-regression", {"objective": "regression"}, y)
lightgbm("lightgbm-zero", {"objective": "regression", "zero_as_missing": True}, y)
lightgbm("lightgbm-poisson", {"objective": "poisson", "num_leaves": 4}, count)
lightgbm("lightgbm-tweedie", {"objective": "tweedie", "num_leaves": 4}, count)
lightgbm("lightgbm-quantile", {"objective": "quantile", "alpha": 0.8, "num_leaves": 4}, y)
lightgbm("lightgbm-share", {"objective": "cross_entropy", "num_leaves": 4}, share)
lightgbm("lightgbm-forest", {"objective": "regression", "boosting": "rf", "bagging_fraction": 0.7, "bagging_freq": 1}, y)
lightgbm("lightgbm-dart", {"objective": "regression", "boosting": "dart", "drop_rate": 0.5, "num_leaves": 4}, y)
lightgbm("lightgbm-codes", {"objective": "huber", "num_leaves": 4}, y, named_categories=False)

xgboost("xgboost-binary", {"objective": "binary:logistic"}, binary)
xgboost("xgboost-multiclass", {"objective": "multi:softprob", "num_class": 3, "max_depth": 2}, three, "ubj")
xgboost("xgboost-regression", {"objective": "reg:squarederror"}, y, "ubj")
xgboost("xgboost-poisson", {"objective": "count:poisson", "max_depth": 2}, count)
xgboost("xgboost-tweedie", {"objective": "reg:tweedie", "max_depth": 2}, count, "ubj")
xgboost("xgboost-quantile", {"objective": "reg:quantileerror", "quantile_alpha": 0.8, "max_depth": 2}, y)
xgboost("xgboost-share", {"objective": "reg:logistic", "max_depth": 2}, share)
xgboost("xgboost-raw", {"objective": "binary:logitraw", "max_depth": 2}, binary)
xgboost("xgboost-dart", {"objective": "reg:squarederror", "booster": "dart", "rate_drop": 0.5, "max_depth": 2}, y)
xgboost("xgboost-forest", {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.7, "max_depth": 2}, three, "ubj")
xgboost("xgboost-codes", {"objective": "reg:absoluteerror", "max_depth": 2}, y, named_categories=False)

# What the shap package says of the same trees.
values = shap.TreeExplainer(lgb.Booster(model_file="lightgbm-binary.txt")).shap_values(named(test))
values = values[1] if isinstance(values, list) else values
off = np.abs(values - binary_contributions[:, 0, :4]).max()
assert off < 1e-9, off
print("shap's own values differ from pred_contrib by at most", off)

# Written as a person would: an empty cell is missing, a name that training never saw stands where the code is -1.
written = named(test)
for column in "ck":
    written[column] = written[column].astype(object)
    written.loc[test[column] < 0, column] = "never seen"
written.to_csv("rows.csv", index=False)
codes = test.copy()
codes[["c", "k"]] = codes[["c", "k"]].astype(object)
codes.loc[codes["c"] == -1, "c"] = None
codes.loc[codes["k"] == -1, "k"] = None
codes.to_csv("codes.csv", index=False)
with open("reference.json", "w") as out:
    json.dump(expected, out)
