"""Holds `tidemill train` against the field on the same splits of real and generated tables.

The field: LightGBM, and of scikit-learn logistic or ridge regression, random forest, extra trees, histogram boosting
and an RBF SVM, each as its documentation would have it used, chosen by nobody: the best of them by mean held-out score,
known only afterwards, is what we are held against. With an interpreter that has AutoGluon, its `medium` preset joins them, at
60 s on two cores or 120 s on one: all sides use the cores that this process may run on.

Scores are R2 or ROC AUC (of classes: one against the rest, averaged). Splits overlap, so the interval of the difference
is the corrected one of Nadeau and Bengio (2003), as in quality.py. The texts of `kjv` are divided by chapters, so that
neighbouring verses stay together, and scored by accuracy; the field there is TF-IDF with a linear SVM, logistic regression and
complement naive Bayes.

Arguments: the program, the folder of tables, a folder to work in, the number of splits, tables (comma-separated names or
`all`), the interpreter with AutoGluon or `none`. One line of JSON per table. What a side scored on a split is kept in the folder,
ours by the program's hash: more splits, or another program, fit only what is new.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import warnings

import lightgbm
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

from quality import TABLES, TEST, lower_bound, our_score, pipeline, prepared
from timing import report

CHAPTER = "the chapter"
# We must be within this share of the best peer's score.
WITHIN = 0.01
THREADS = len(os.sched_getaffinity(0))


def spread(random, rows, columns):
    return random.normal(size=(rows, columns))


def frame(x, **more):
    return pd.DataFrame({**{f"x{j}": x[:, j] for j in range(x.shape[1])}, **more})


def friedman(random):
    x = random.uniform(size=(1500, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return frame(x, y=y + random.normal(size=len(y))), "number"


def noise_columns(random):
    x = spread(random, 800, 60)
    y = 2 * x[:, 0] - x[:, 1] + x[:, 2] * x[:, 3] + np.abs(x[:, 4])
    return frame(x, y=y + random.normal(size=len(y))), "number"


def collinear(random):
    base = spread(random, 600, 5)
    x = np.hstack([base, base @ spread(random, 5, 10) + 0.05 * spread(random, 600, 10)])
    return frame(x, y=base @ [3, -2, 1, 0.5, 0] + 1.5 * random.normal(size=600)), "number"


def many_categories(random):
    shop, town = random.integers(0, 150, 4000), random.integers(0, 12, 4000)
    effect, other = random.normal(size=150), random.normal(size=12)
    x = spread(random, 4000, 4)
    score = effect[shop] + 0.7 * other[town] * x[:, 0] + 0.5 * x[:, 1]
    names = {"shop": [f"shop {s}" for s in shop], "town": [f"town {t}" for t in town]}
    return frame(x, **names, y=labels(random, score)), "classes"


def labels(random, score):
    return np.where(random.uniform(size=len(score)) < 1 / (1 + np.exp(-2 * score)), "yes", "no")


def missing(random):
    x = spread(random, 2000, 8)
    y = labels(random, x[:, 0] - 0.8 * x[:, 1] + 0.6 * x[:, 2])
    # What is missing tells something: great values of one column are rarely reported.
    x[(x[:, 0] > 0.5) & (random.uniform(size=2000) < 0.7), 0] = np.nan
    x[random.uniform(size=x.shape) < 0.15] = np.nan
    return frame(x, y=y), "classes"


def interactions(random):
    x = random.uniform(-1, 1, size=(3000, 8))
    return frame(x, y=labels(random, 3 * np.sign(x[:, 0] * x[:, 1]) * np.abs(x[:, 2]))), "classes"


def clusters(random):
    centres = 2.2 * spread(random, 10, 6)
    which = random.integers(0, 10, 1500)
    x = centres[which] + spread(random, 1500, 6)
    return frame(x, y=[f"class {w % 5}" for w in which]), "classes"


def rare(random):
    x = spread(random, 5000, 12)
    score = 1.2 * x[:, 0] + x[:, 1] * x[:, 2] + 0.8 * np.maximum(x[:, 3], 0) - 4.2
    return frame(x, y=np.where(random.uniform(size=5000) < 1 / (1 + np.exp(-score)), "yes", "no")), "classes"


def heavy_tails(random):
    x = spread(random, 1500, 8)
    y = 3 * x[:, 0] + np.exp(0.7 * x[:, 1]) + 2 * (x[:, 2] > 0) * x[:, 3]
    return frame(x, y=y + 0.7 * random.standard_t(3, size=1500)), "number"


def counts(random):
    day, kind = random.integers(0, 7, 3000), random.integers(0, 4, 3000)
    x = random.uniform(size=(3000, 4))
    rate = np.exp(1 + 0.8 * np.sin(day) + 0.5 * (kind == 2) * x[:, 0] + x[:, 1])
    names = {"day": [f"day {d}" for d in day], "kind": [f"kind {k}" for k in kind]}
    return frame(x, **names, y=random.poisson(rate)), "number"


GENERATED = [
    friedman,
    noise_columns,
    collinear,
    many_categories,
    missing,
    interactions,
    clusters,
    rare,
    heavy_tails,
    counts,
]


def tables(data, wanted):
    """Each table's name, its cells as text, its features as peers see them, its target, and its task."""
    for file, target, task, leaks, ids in TABLES:
        name, path = file.split(".")[0], pathlib.Path(data) / file
        if path.exists() and (wanted == ["all"] or name in wanted):
            table = pd.read_csv(path)
            text = pd.read_csv(path, dtype=str, keep_default_na=False)
            kept = table[target].notna()
            table, text = table[kept].reset_index(drop=True), text[kept].reset_index(drop=True)
            features = prepared(table.drop(columns=[target, *leaks, *ids]))
            truth = table[target] if task == "number" else table[target].astype(str)
            yield name, text, features, target, truth, task
    path = pathlib.Path(data) / "kjv.csv.gz"
    if path.exists() and (wanted == ["all"] or "kjv" in wanted):
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
        # "Ge 1:1" is the first verse of the chapter "Ge 1", which is all that the field may read beside the text: for the split.
        features = pd.DataFrame({"text": text["text"], CHAPTER: text["verse"].str.rpartition(":")[0]})
        yield "kjv", text, features, "section", text["section"], "texts"
    for at, make in enumerate(GENERATED):
        if wanted == ["all"] or make.__name__ in wanted:
            table, task = make(np.random.default_rng(1000 + at))
            text = table.map(lambda cell: "" if cell != cell else str(cell))
            yield make.__name__, text, table.drop(columns="y"), "y", table["y"], task


def encoded(features, learner, one_hot):
    numbers = features.select_dtypes("number").columns
    names = features.columns.difference(numbers)
    fill = SimpleImputer(strategy="constant", fill_value="(none)")
    if one_hot:
        names_step = make_pipeline(fill, OneHotEncoder(handle_unknown="ignore", sparse_output=False))
        numbers_step = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    else:
        names_step = make_pipeline(fill, OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1))
        numbers_step = "passthrough"
    return make_pipeline(ColumnTransformer([("n", numbers_step, numbers), ("c", names_step, names)]), learner)


def field(features, task):
    """Each peer by name: something with `fit` and `predict` or `predict_proba`."""
    if task == "texts":
        return {
            name: make_pipeline(ColumnTransformer([("t", TfidfVectorizer(sublinear_tf=True, min_df=2), "text")]), learner)
            for name, learner in [
                ("linear svm", LinearSVC()),
                ("logistic", LogisticRegression(C=10, max_iter=1000)),
                ("complement naive bayes", ComplementNB()),
            ]
        }
    number = task == "number"
    trees = {"n_estimators": 300, "n_jobs": THREADS, "random_state": 0}
    boosted = {"random_state": 0}
    return {
        "linear": pipeline(features, task),
        "random forest": encoded(features, (RandomForestRegressor if number else RandomForestClassifier)(**trees), True),
        "extra trees": encoded(features, (ExtraTreesRegressor if number else ExtraTreesClassifier)(**trees), True),
        "histogram boosting": encoded(
            features, (HistGradientBoostingRegressor if number else HistGradientBoostingClassifier)(**boosted), False
        ),
        "svm": encoded(features, SVR() if number else SVC(probability=True, random_state=0), True),
        "lightgbm": encoded(
            features,
            (lightgbm.LGBMRegressor if number else lightgbm.LGBMClassifier)(n_jobs=THREADS, verbose=-1, random_state=0),
            False,
        ),
    }


def score(truth, task, answer, classes):
    if task == "number":
        return r2_score(truth, answer)
    if task == "texts":
        return accuracy_score(truth, answer)
    if answer.shape[1] == 2:
        return roc_auc_score(truth == classes[1], answer[:, 1])
    return roc_auc_score(truth, answer, multi_class="ovr", labels=classes)


def their_scores(features, target, task, train, test):
    scores = {}
    for name, model in field(features.iloc[train], task).items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(features.iloc[train], target.iloc[train])
            rows = features.iloc[test]
            answer = model.predict_proba(rows) if task == "classes" else model.predict(rows)
        scores[name] = score(target.iloc[test], task, answer, getattr(model, "classes_", None))
    return scores


def autogluon(python, folder, features, target, task, train, test):
    """AutoGluon lives in an environment of its own; it is handed files and answers with one."""
    folder.mkdir(parents=True, exist_ok=True)
    marked = features.drop(columns=CHAPTER, errors="ignore").assign(**{"the target": target})
    marked.iloc[train].to_pickle(folder / "train.pkl")
    marked.iloc[test].to_pickle(folder / "test.pkl")
    program = pathlib.Path(__file__).with_name("autogluon_medium.py")
    done = subprocess.run([python, program, folder, task, str(THREADS)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"autogluon: {done.stderr[-2000:]}")
    answer = json.loads((folder / "answer.json").read_text())
    given = np.array(answer["answer"])
    return score(target.iloc[test], task, given, answer["classes"])


def kept(path, work):
    """What `work` gave when it was first asked."""
    if not path.exists():
        path.write_text(json.dumps(work()))
    return json.loads(path.read_text())


def divided(features, truth, task, splits):
    if task == "texts":
        return GroupShuffleSplit(splits, test_size=TEST, random_state=0).split(features, truth, features[CHAPTER])
    splitter = ShuffleSplit if task == "number" else StratifiedShuffleSplit
    return splitter(splits, test_size=TEST, random_state=0).split(features, truth)


def build_of(program):
    """What tells one build of a program from another."""
    return hashlib.sha256(pathlib.Path(program).read_bytes()).hexdigest()[:12]


def timed(work):
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def main(program, data, work, splits, wanted, other_python):
    build = build_of(program)
    for name, text, features, target, truth, task in tables(data, wanted.split(",")):
        ours, theirs, secs, others_secs = [], [], [], []
        folder = pathlib.Path(work) / name
        folder.mkdir(parents=True, exist_ok=True)
        for seed, (train, test) in enumerate(divided(features, truth, task, splits)):
            # The first splits of a few are those of many: each follows from the ones before it.
            mine = folder / f"{seed}.{build}.json"
            reached, taken = kept(mine, lambda: timed(lambda: our_score(program, folder, text, target, task, test, seed)))
            ours.append(reached)
            secs.append(taken)
            scores = kept(folder / f"{seed}.field.json", lambda: their_scores(features, truth, task, train, test))
            if other_python != "none":
                arguments = (other_python, folder, features, truth, task, train, test)
                reached, taken = kept(folder / f"{seed}.autogluon.json", lambda: timed(lambda: autogluon(*arguments)))
                scores["autogluon"] = reached
                others_secs.append(taken)
            theirs.append(scores)
        means = {peer: float(np.mean([scores[peer] for scores in theirs])) for peer in theirs[0]}
        best = max(means, key=means.get)
        differences = np.subtract(ours, [scores[best] for scores in theirs])
        report(
            table=name,
            metric={"number": "R2", "classes": "ROC AUC", "texts": "accuracy"}[task],
            ours=float(np.mean(ours)),
            best=best,
            theirs=means[best],
            means=means,
            lower_bound=float(lower_bound(differences, len(train), len(test))),
            allowed=-WITHIN * abs(means[best]),
            splits=len(ours),
            secs=float(np.median(secs)),
            autogluon_secs=float(np.median(others_secs)) if others_secs else None,
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6])
