"""Holds `tidemill train` against scikit-learn's LogisticRegressionCV and RidgeCV on the same splits of real tables.

Both sides see the same training rows and are scored on the same held-out rows: by R2, or by ROC AUC (of classes: one
against the rest, averaged). The difference over repeated splits gets a lower bound of 95% by the corrected
resampled t test of Nadeau and Bengio (2003, "Inference for the generalization error"): splits overlap, so the plain
variance of the mean is too small; the correction replaces 1/n by 1/n + test/train.

Arguments: the program, the folder of tables, a folder to work in, the number of splits, tables (comma-separated names or `all`). One line of JSON per table.
"""

import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from timing import report

# Each table's file, target, task, columns that give the target away, and columns that name rows.
TABLES = [
    ("penguins.csv", "species", "classes", [], []),
    ("penguins-raw.csv", "Species", "classes", [], ["Individual ID", "Sample Number"]),
    ("breast_cancer.csv", "target", "classes", [], []),
    ("wine.csv", "target", "classes", [], []),
    ("iris.csv", "target", "classes", [], []),
    ("digits.csv.gz", "target", "classes", [], []),
    ("diabetes.csv", "target", "number", [], []),
    ("bikeshare.csv", "bikers", "number", ["casual", "registered"], []),
]
TEST = 0.25
# Our score minus theirs must be above this.
ALLOWED = -0.005
PART = "tidemill_part"


def prepared(features):
    """Dates as parts of the calendar; columns of free text (more than 50 different) are left out."""
    out = {}
    for name, column in features.items():
        if pd.api.types.is_numeric_dtype(column):
            out[name] = column.astype(float)
            continue
        times = pd.to_datetime(column, format="ISO8601", errors="coerce")
        if times.notna().sum() >= 0.9 * column.notna().sum() > 0:
            out[f"{name}_year"] = times.dt.year.astype(float)
            out[f"{name}_day"] = times.dt.day.astype(float)
            out[f"{name}_day_of_year"] = times.dt.day_of_year.astype(float)
            out[f"{name}_month"] = times.dt.month_name()
            out[f"{name}_weekday"] = times.dt.day_name()
            out[f"{name}_hour"] = times.dt.hour.astype(str)
        elif column.nunique() <= 50:
            out[name] = column.astype(object)
    return pd.DataFrame(out)


def pipeline(features, task):
    numbers = features.select_dtypes("number").columns
    names = features.columns.difference(numbers)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("names", make_pipeline(SimpleImputer(strategy="constant", fill_value="(none)"), one_hot), names),
        ]
    )
    if task == "number":
        return make_pipeline(prepare, RidgeCV(alphas=np.logspace(-4, 4, 17)))
    learner = LogisticRegressionCV(
        Cs=10, cv=5, scoring="neg_log_loss", max_iter=2000, l1_ratios=(0.0,), use_legacy_attributes=False
    )
    return make_pipeline(prepare, learner)


def their_score(features, target, task, train, test):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = pipeline(features.iloc[train], task).fit(features.iloc[train], target.iloc[train])
    truth = target.iloc[test]
    if task == "number":
        return r2_score(truth, model.predict(features.iloc[test]))
    probability = model.predict_proba(features.iloc[test])
    if probability.shape[1] == 2:
        return roc_auc_score(truth == model.classes_[1], probability[:, 1])
    return roc_auc_score(truth, probability, multi_class="ovr", labels=model.classes_)


def our_score(program, folder, text, target, task, test, seed):
    """`text` is the table as strings, so that our side reads every cell as it was written."""
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
    (folder / "recipe.toml").write_text("\n".join(recipe) + "\n")
    command = [program, "train", str(folder / "recipe.toml"), "--out", str(folder / "out"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    metrics = json.loads((folder / "out" / "metrics.json").read_text())["test"]["metrics"]
    # Two classes have one curve, more of them one each.
    wanted = ("accuracy",) if task == "texts" else ("r2", "roc_auc", "roc_auc_ovr")
    return next(metrics[name] for name in wanted if name in metrics)


def lower_bound(differences, train, test):
    n = len(differences)
    mean, variance = np.mean(differences), np.var(differences, ddof=1)
    return mean - stats.t.ppf(0.95, n - 1) * np.sqrt(variance * (1 / n + test / train))


def main(program, data, work, splits, wanted):
    for file, target, task, leaks, ids in TABLES:
        path = pathlib.Path(data) / file
        if not path.exists() or (wanted != "all" and file.split(".")[0] not in wanted.split(",")):
            continue
        table = pd.read_csv(path)
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
        kept = table[target].notna()
        table, text = table[kept].reset_index(drop=True), text[kept].reset_index(drop=True)
        features = prepared(table.drop(columns=[target, *leaks, *ids]))
        truth = table[target] if task == "number" else table[target].astype(str)
        splitter = ShuffleSplit if task == "number" else StratifiedShuffleSplit
        ours, theirs = [], []
        for seed, (train, test) in enumerate(splitter(splits, test_size=TEST, random_state=0).split(table, truth)):
            folder = pathlib.Path(work) / file.split(".")[0]
            ours.append(our_score(program, folder, text, target, task, test, seed))
            theirs.append(their_score(features, truth, task, train, test))
        differences = np.subtract(ours, theirs)
        report(
            table=file.split(".")[0],
            metric="R2" if task == "number" else "ROC AUC",
            ours=float(np.mean(ours)),
            best="linear",
            theirs=float(np.mean(theirs)),
            lower_bound=float(lower_bound(differences, len(train), len(test))),
            allowed=ALLOWED,
            splits=len(ours),
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
