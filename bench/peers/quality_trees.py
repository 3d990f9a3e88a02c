"""Holds `tidemill train` against the best of LightGBM, scikit-learn's five and (where it is installed) AutoGluon, on the
same splits of real and of generated tables.

The five are ridge or logistic regression (over a grid of penalties), a random forest, extra trees, histogram boosting and
a support vector machine with an RBF kernel (up to 5,000 rows). Scores are R2 or ROC AUC (of classes: one against the
rest, averaged). Each peer's mean over the splits is taken first, then the best of these means: the peer that we are held
against is the one that suits the table. The difference gets an interval of 95% by the corrected resampled t test
(Nadeau and Bengio 2003).

Arguments: the program, the folder of tables, a folder to work in, the number of splits, then names of tables (none: all).
One line of JSON per table.
"""

import json
import pathlib
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from scipy import stats
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR

from quality import PART, TABLES, TEST, prepared
from timing import report

# Seconds that AutoGluon may take for a table.
BUDGET = 60
MOST_SVM = 5_000


def generated():
    """Ten tables whose difficulty is known: name, table, target, task."""
    tables = []

    def add(name, seed, n, make):
        random = np.random.default_rng(seed)
        table, target, task = make(random, n)
        table["target"] = target
        tables.append((name, table, task))

    def numbers(random, n, p):
        return pd.DataFrame({f"x{i}": random.normal(size=n) for i in range(p)})

    def classes(random, score, noise):
        return np.where(score + noise * random.logistic(size=len(score)) > 0, "yes", "no")

    def linear(random, n):
        x = numbers(random, n, 20)
        return x, x.to_numpy() @ np.linspace(2, 0, 20) + 3 * random.normal(size=n), "number"

    def friedman(random, n):
        x = pd.DataFrame({f"x{i}": random.uniform(size=n) for i in range(10)})
        y = 10 * np.sin(np.pi * x.x0 * x.x1) + 20 * (x.x2 - 0.5) ** 2 + 10 * x.x3 + 5 * x.x4
        return x, y + random.normal(size=n), "number"

    def interactions(random, n):
        x = numbers(random, n, 12)
        return x, classes(random, 2 * x.x0 * x.x1 + 1.5 * x.x2 * (x.x3 > 0) - x.x4, 0.5), "classes"

    def parity(random, n):
        x = numbers(random, n, 10)
        return x, classes(random, 4 * np.sign(x.x0 * x.x1 * x.x2), 1.0), "classes"

    def steps(random, n):
        x = numbers(random, n, 8)
        y = np.floor(2 * x.x0) + 3 * (x.x1 > 0.5) * (x.x2 < 0) + np.abs(x.x3)
        return x, y + 0.5 * random.normal(size=n), "number"

    def names(random, n):
        x = numbers(random, n, 4)
        town = random.integers(0, 40, n)
        shop = random.integers(0, 6, n)
        effect = random.normal(size=40)
        y = 2 * effect[town] + (shop == 2) * x.x0 - 0.5 * x.x1
        x["town"] = [f"town {t}" for t in town]
        x["shop"] = [f"shop {s}" for s in shop]
        return x, classes(random, y, 0.7), "classes"

    def missing(random, n):
        x = numbers(random, n, 10)
        y = x.x0 + x.x1**2 + 2 * (x.x2 > 1)
        hidden = random.uniform(size=(n, 10)) < 0.25
        # What is missing says something too.
        hidden[:, 3] = x.x0 + random.normal(size=n) > 1
        return x.mask(pd.DataFrame(hidden, columns=x.columns)), y + 0.5 * random.normal(size=n), "number"

    def blobs(random, n):
        centres = random.normal(scale=1.6, size=(15, 8))
        which = random.integers(0, 15, n)
        x = pd.DataFrame(centres[which] + random.normal(size=(n, 8)), columns=[f"x{i}" for i in range(8)])
        return x, np.array([f"class {w % 5}" for w in which]), "classes"

    def rare(random, n):
        x = numbers(random, n, 15)
        return x, classes(random, 1.5 * x.x0 + x.x1 * x.x2 + x.x3 - 4.5, 0.8), "classes"

    def wide(random, n):
        x = numbers(random, n, 200)
        return x, x.x0 - x.x1 + 0.5 * x.x2 * x.x3 + np.sin(2 * x.x4) + random.normal(size=n), "number"

    add("linear", 1, 1000, linear)
    add("friedman", 2, 1500, friedman)
    add("interactions", 3, 3000, interactions)
    add("parity", 4, 2000, parity)
    add("steps", 5, 4000, steps)
    add("names", 6, 4000, names)
    add("missing", 7, 3000, missing)
    add("blobs", 8, 2000, blobs)
    add("rare", 9, 6000, rare)
    add("wide", 10, 600, wide)
    return tables


def peers(features, task, n):
    numbers = list(features.select_dtypes("number").columns)
    names = [c for c in features.columns if c not in numbers]
    text = SimpleImputer(strategy="constant", fill_value="(none)")
    one_hot = make_pipeline(text, OneHotEncoder(handle_unknown="ignore", sparse_output=False))
    scaled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    codes = make_pipeline(text, OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan))

    def smooth(learner):
        return make_pipeline(ColumnTransformer([("n", scaled, numbers), ("c", one_hot, names)]), learner)

    def trees(learner):
        return make_pipeline(ColumnTransformer([("n", "passthrough", numbers), ("c", codes, names)]), learner)

    number = task == "number"
    pick = lambda regressor, classifier: regressor if number else classifier
    found = {
        "linear": smooth(
            RidgeCV(alphas=np.logspace(-4, 4, 17))
            if number
            else LogisticRegressionCV(
                Cs=10, cv=5, scoring="neg_log_loss", max_iter=2000, l1_ratios=(0.0,), use_legacy_attributes=False
            )
        ),
        "forest": smooth(pick(RandomForestRegressor, RandomForestClassifier)(300, n_jobs=2, random_state=0)),
        "extra": smooth(pick(ExtraTreesRegressor, ExtraTreesClassifier)(300, n_jobs=2, random_state=0)),
        "hist": trees(pick(HistGradientBoostingRegressor, HistGradientBoostingClassifier)(random_state=0)),
        "lightgbm": trees(pick(LGBMRegressor, LGBMClassifier)(n_jobs=2, verbose=-1, random_state=0)),
    }
    if n <= MOST_SVM:
        found["svm"] = smooth(SVR() if number else SVC(probability=True, random_state=0))
    return found


def score(truth, answers, labels):
    if labels is None:
        return r2_score(truth, answers)
    if len(labels) == 2:
        return roc_auc_score(truth == labels[1], answers[:, 1])
    return roc_auc_score(truth, answers, multi_class="ovr", labels=labels)


def their_scores(features, target, task, train, test):
    scores = {}
    for name, model in peers(features, task, len(train)).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(features.iloc[train], target.iloc[train])
            rows = features.iloc[test]
            if task == "number":
                scores[name] = score(target.iloc[test], model.predict(rows), None)
            else:
                scores[name] = score(target.iloc[test], model.predict_proba(rows), model.classes_)
    if auto := autogluon(features, target, task, train, test):
        scores["autogluon"] = auto
    return scores


def autogluon(features, target, task, train, test):
    try:
        from autogluon.tabular import TabularPredictor
    except ImportError:
        return None
    table = features.copy()
    table["__target__"] = target
    kind = {"number": "regression"}.get(task, "binary" if target.nunique() == 2 else "multiclass")
    predictor = TabularPredictor("__target__", problem_type=kind, verbosity=0)
    predictor.fit(table.iloc[train], presets="medium", time_limit=BUDGET)
    rows = features.iloc[test]
    if task == "number":
        return score(target.iloc[test], predictor.predict(rows), None)
    probability = predictor.predict_proba(rows)
    return score(target.iloc[test], probability.to_numpy(), list(probability.columns))


def our_score(program, folder, text, target, task, test, seed):
    """`text` is the table as strings, so that our side reads every cell as it was written. The score and the seconds."""
    marked = text.copy()
    marked[PART] = "train"
    marked.iloc[test, -1] = "test"
    folder.mkdir(parents=True, exist_ok=True)
    marked.to_csv(folder / "data.csv", index=False)
    recipe = [
        "[data]",
        f"source = {json.dumps(str(folder / 'data.csv'))}",
        f"target = {json.dumps(target)}",
        "drop_leaks = true",
        "[split]",
        'kind = "given"',
        f'column = "{PART}"',
        "[train]",
        f"seed = {seed}",
    ]
    if task == "number":
        recipe.insert(3, 'task = "regression"')
    (folder / "recipe.toml").write_text("\n".join(recipe) + "\n")
    began = time.monotonic()
    command = [program, "train", str(folder / "recipe.toml"), "--out", str(folder / "out"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    took = time.monotonic() - began
    outcome = json.loads((folder / "out" / "metrics.json").read_text())
    metrics = outcome["test"]["metrics"]
    found = next(metrics[name] for name in ("r2", "roc_auc", "roc_auc_ovr") if name in metrics)
    return found, took, outcome["chosen"]["kind"]


def interval(differences, train, test):
    n = len(differences)
    mean, variance = np.mean(differences), np.var(differences, ddof=1)
    reach = stats.t.ppf(0.975, n - 1) * np.sqrt(variance * (1 / n + test / train))
    return float(mean - reach), float(mean + reach)


def tables(data):
    for file, target, task, leaks, ids in TABLES:
        path = pathlib.Path(data) / file
        if path.exists():
            table = pd.read_csv(path)
            text = pd.read_csv(path, dtype=str, keep_default_na=False)
            kept = table[target].notna()
            table, text = table[kept].reset_index(drop=True), text[kept].reset_index(drop=True)
            features = prepared(table.drop(columns=[target, *leaks, *ids]))
            yield file.split(".")[0], features, table[target], text, target, task
    for name, table, task in generated():
        text = table.astype(object).where(table.notna(), "").astype(str)
        yield name, table.drop(columns="target"), table["target"], text, "target", task


def main(program, data, work, splits, only):
    for name, features, truth, text, target, task in tables(data):
        if only and name not in only:
            continue
        truth = truth if task == "number" else truth.astype(str)
        splitter = ShuffleSplit if task == "number" else StratifiedShuffleSplit
        ours, theirs, seconds, chosen = [], [], [], []
        for seed, (train, test) in enumerate(splitter(splits, test_size=TEST, random_state=0).split(features, truth)):
            found, took, kind = our_score(program, pathlib.Path(work) / name, text, target, task, test, seed)
            ours.append(found)
            seconds.append(took)
            chosen.append(kind)
            theirs.append(their_scores(features, truth, task, train, test))
        means = {peer: float(np.mean([t[peer] for t in theirs])) for peer in theirs[0]}
        best = max(means, key=means.get)
        differences = np.subtract(ours, [t[best] for t in theirs])
        low, high = interval(differences, len(train), len(test)) if splits > 1 else (float("nan"),) * 2
        report(
            table=name,
            metric="R2" if task == "number" else "ROC AUC",
            ours=float(np.mean(ours)),
            best=best,
            theirs=means[best],
            peers=means,
            difference=float(np.mean(differences)),
            low=low,
            high=high,
            splits=len(ours),
            secs=float(np.median(seconds)),
            chosen=max(set(chosen), key=chosen.count),
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
