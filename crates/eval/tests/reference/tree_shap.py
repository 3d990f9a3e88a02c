"""Makes tree_shap.json: SHAP values of small tree models, by the shap package and LightGBM.

    pip install shap==0.51.0 lightgbm==4.7.0 scikit-learn==1.9.1
    python tree_shap.py > tree_shap.json
"""

import json
import warnings

import lightgbm
import numpy as np
import shap
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

warnings.filterwarnings("ignore")


def from_lightgbm(booster):
    """Trees as lists of nodes, the root first; categories as sets of codes; missing values by the default side."""
    trees = []
    for info in booster.dump_model()["tree_info"]:
        nodes = []

        def add(node):
            at = len(nodes)
            nodes.append(None)
            if "leaf_value" in node:
                nodes[at] = {"values": [node["leaf_value"]], "cover": node.get("leaf_count", 1)}
                return at
            kind = node["decision_type"]
            left, right = add(node["left_child"]), add(node["right_child"])
            nodes[at] = {"feature": node["split_feature"], "left": left, "right": right}
            if kind == "==":
                nodes[at]["categories"] = [int(c) for c in node["threshold"].split("||")]
                nodes[at]["missing_left"] = False
            else:
                nodes[at]["threshold"] = node["threshold"]
                # Without missing values in training, LightGBM reads NaN as 0.
                none = node["missing_type"] == "None"
                nodes[at]["missing_left"] = node["threshold"] >= 0 if none else node["default_left"]
            return at

        add(info["tree_structure"])
        trees.append(nodes)
    return trees


def from_forest(forest, classes):
    trees = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        nodes = []
        for i in range(tree.node_count):
            if tree.children_left[i] < 0:
                values = tree.value[i, 0]
                values = values / values.sum() if classes else values
                nodes.append({"values": values.tolist(), "cover": tree.weighted_n_node_samples[i]})
            else:
                nodes.append(
                    {
                        "feature": int(tree.feature[i]),
                        "left": int(tree.children_left[i]),
                        "right": int(tree.children_right[i]),
                        "threshold": float(tree.threshold[i]),
                        "missing_left": False,
                    }
                )
        trees.append(nodes)
    return trees


def numbers(x):
    return [[None if np.isnan(v) else float(v) for v in row] for row in np.asarray(x, float)]


def by_output(values, n_outputs):
    """To [row][output][feature]."""
    values = np.asarray(values)
    if n_outputs == 1:
        return values.reshape(len(values), 1, -1).tolist()
    return np.moveaxis(values, 2, 1).tolist()


def case(name, trees, whole, n_features, scale, x, background, base, values, **more):
    base = np.atleast_1d(base).tolist()
    return {
        "name": name,
        "n_features": n_features,
        "n_outputs": len(base),
        "whole": whole,
        "scale": scale,
        "trees": trees,
        "x": numbers(x),
        "background": numbers(background),
        "base": base,
        "path_dependent": values,
        **more,
    }


def by_reference(explainer, rows, k):
    return {
        "interventional": by_output(explainer.shap_values(rows, check_additivity=False), k),
        "interventional_base": np.atleast_1d(explainer.expected_value).tolist(),
    }


def boosted(name, objective, missing, rng):
    x = rng.integers(-128, 128, (400, 6)) / 64.0
    y = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + x[:, 3] * (x[:, 4] > 0) + 0.1 * rng.normal(size=400)
    if objective == "binary":
        y = (y > 0).astype(int)
    if objective == "multiclass":
        y = np.digitize(y, [-0.7, 0.7])
    if missing:
        x[rng.random(x.shape) < 0.1] = np.nan
    settings = dict(objective=objective, num_leaves=15, min_child_samples=5, learning_rate=0.2, verbose=-1, seed=1)
    if objective == "multiclass":
        settings["num_class"] = 3
    booster = lightgbm.train(settings, lightgbm.Dataset(x, y), num_boost_round=6)
    rows, background = x[:8], x[100:115]
    k = 3 if objective == "multiclass" else 1
    contributions = booster.predict(rows, pred_contrib=True).reshape(len(rows), k, -1)
    more = {}
    if k == 1:  # shap does not take more classes of LightGBM here
        by_background = shap.TreeExplainer(booster, background, feature_perturbation="interventional")
        more = by_reference(by_background, rows, k)
        interactions = np.asarray(shap.TreeExplainer(booster).shap_interaction_values(rows[:4]))
        more["interactions"] = interactions[:, None].tolist()
    if objective == "binary":
        of_chances = shap.TreeExplainer(
            booster, background, feature_perturbation="interventional", model_output="probability"
        )
        found = by_reference(of_chances, rows, 1)
        more["probability"], more["probability_base"] = found["interventional"], found["interventional_base"]
    return case(
        name,
        from_lightgbm(booster),
        False,
        6,
        1.0,
        rows,
        background,
        contributions[0, :, -1],
        contributions[:, :, :-1].tolist(),
        **more,
    )


def categories(rng):
    x = np.column_stack([rng.integers(0, 70, 600), rng.integers(-128, 128, 600) / 64.0, rng.integers(0, 5, 600)])
    effect = rng.normal(size=70)
    y = effect[x[:, 0].astype(int)] + x[:, 1] * (x[:, 2] == 3)
    settings = dict(
        objective="regression", num_leaves=12, min_child_samples=5, verbose=-1, seed=1, min_data_per_group=5, cat_smooth=1
    )
    data = lightgbm.Dataset(x, y, categorical_feature=[0, 2])
    booster = lightgbm.train(settings, data, num_boost_round=5)
    rows = x[:8]
    contributions = booster.predict(rows, pred_contrib=True)[:, None]
    return case(
        "categories",
        from_lightgbm(booster),
        False,
        3,
        1.0,
        rows,
        x[:2],
        contributions[0, :, -1],
        contributions[:, :, :-1].tolist(),
    )


def forest(name, classes, n_features, rng):
    x = (rng.integers(-128, 128, (300, n_features)) / 64.0).astype(np.float32)
    y = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + x[:, 3] + 0.3 * rng.normal(size=300)
    kind = RandomForestClassifier if classes else RandomForestRegressor
    y = np.digitize(y, [-1, 1]) if classes else y
    model = kind(n_estimators=3, max_depth=None if classes else 12, min_samples_leaf=3, random_state=0).fit(x, y)
    rows, background = x[:6], x[100:112]
    k = 3 if classes else 1
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    by_background = shap.TreeExplainer(model, background, feature_perturbation="interventional")
    return case(
        name,
        from_forest(model, classes),
        True,
        n_features,
        1.0 / 3,
        rows,
        background,
        explainer.expected_value,
        by_output(explainer.shap_values(rows, check_additivity=False), k),
        **by_reference(by_background, rows, k),
        **({"interactions": np.moveaxis(explainer.shap_interaction_values(rows[:3]), -1, 1).tolist()} if classes else {}),
    )


def main():
    rng = np.random.default_rng(0)
    cases = [
        boosted("regression", "regression", False, rng),
        boosted("missing", "regression", True, rng),
        boosted("binary", "binary", False, rng),
        boosted("multiclass", "multiclass", False, rng),
        categories(rng),
        forest("forest of classes", True, 8, rng),
        forest("deep forest of numbers", False, 24, rng),
    ]
    print(json.dumps({"shap": shap.__version__, "lightgbm": lightgbm.__version__, "cases": cases}))


main()
