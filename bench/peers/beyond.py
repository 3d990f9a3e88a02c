"""Holds `tidemill train` against the field on texts, pictures and forecasts, on the same rows, over repeated splits.

`kjv`        accuracy of the section of a verse, split by chapters, against TF-IDF with scikit-learn's LinearSVC;
`digits`     accuracy on little PNG files, our convolutional net against one of the same size in PyTorch (beyond_torch.py);
`bikeshare`  MASE 24 hours ahead, leaks dropped, from many origins of five spans that came later, against LightGBM on lags.

The interval is the corrected one of Nadeau and Bengio (2003), as in quality.py; of MASE, the difference is theirs minus ours.

Arguments: the program, the folder of tables, a folder to work in, the number of splits, which (comma-separated), the interpreter
with PyTorch. One line of JSON each. What a side scored on a split is kept in the folder, ours by the program's hash.
"""

import csv
import gzip
import json
import pathlib
import subprocess
import sys
from datetime import datetime

import lightgbm
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedShuffleSplit

from contest import build_of, divided, kept, tables, their_scores, timed
from forecast import features
from quality import PART, TEST, lower_bound, our_score
from timing import report

HORIZON, SEASONS = 24, [24, 168]
# Origins of the test spans: every eleventh hour comes by every hour of the week.
STRIDE = 11
# Our score minus theirs must be above this.
ALLOWED = -0.01


def tidemill(*arguments):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")


def kjv(program, data, folder, splits, build, _):
    """Of each split, ours and theirs, with the share of rows that judge."""
    for name, text, features_, target, truth, task in tables(data, ["kjv"]):
        for seed, (train, test) in enumerate(divided(features_, truth, task, splits)):
            mine = folder / f"{seed}.{build}.json"
            ours, secs = kept(mine, lambda: timed(lambda: our_score(program, folder, text, target, task, test, seed)))
            scores = kept(folder / f"{seed}.field.json", lambda: their_scores(features_, truth, task, train, test))
            yield ours, scores["linear svm"], len(train), len(test), secs


def pictures(data, folder):
    """The digits as PNG files, once; their paths and labels."""
    made = folder / "png"
    if not made.exists():
        script = pathlib.Path(__file__).parents[2] / "examples/digits/make.py"
        subprocess.run([sys.executable, script, pathlib.Path(data) / "digits.csv.gz", made], check=True)
    paths = sorted(made.glob("*/*.png"), key=lambda path: path.stem)
    return [str(path.relative_to(folder)) for path in paths], [path.parent.name for path in paths]


def digits(program, data, folder, splits, build, torch):
    paths, labels = pictures(data, folder)
    with gzip.open(pathlib.Path(data) / "digits.csv.gz", "rt", newline="") as file:
        rows = [row for row in csv.reader(file) if row[0].replace(".", "", 1).isdigit()]
    pixels = np.array([row[:-1] for row in rows], dtype=np.float32)
    y = np.array(labels).astype(int)
    assert (y == np.array([float(row[-1]) for row in rows]).astype(int)).all()
    splitter = StratifiedShuffleSplit(splits, test_size=TEST, random_state=0)
    for seed, (train, test) in enumerate(splitter.split(pixels, y)):

        def ours():
            part = np.full(len(y), "train")
            part[test] = "test"
            pd.DataFrame({"picture": paths, "digit": labels, PART: part}).to_csv(folder / "data.csv", index=False)
            recipe = [
                'data.source = "data.csv"',
                'data.target = "digit"',
                'data.task = "multiclass"',
                'columns.picture.kind = "image"',
                'split.kind = "given"',
                f'split.column = "{PART}"',
                f"train.seed = {seed}",
                "train.trials = 1",
                'learners = [{ kind = "neural_net" }]',
            ]
            (folder / "recipe.toml").write_text("\n".join(recipe) + "\n")
            tidemill(program, "train", folder / "recipe.toml", "--out", folder / "out", "--quiet")
            return json.loads((folder / "out/metrics.json").read_text())["test"]["metrics"]["accuracy"]

        def theirs():
            np.savez(folder / "split.npz", pixels=pixels, y=y, train=train, test=test, seed=seed)
            script = pathlib.Path(__file__).with_name("beyond_torch.py")
            done = subprocess.run([torch, script, folder / "split.npz"], capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"beyond_torch.py: {done.stderr[-2000:]}")
            return float(done.stdout)

        reached, secs = kept(folder / f"{seed}.{build}.json", lambda: timed(ours))
        yield reached, kept(folder / f"{seed}.torch.json", theirs), len(train), len(test), secs


def bikeshare(program, data, folder, splits, build, _):
    with open(pathlib.Path(data) / "bikeshare.csv", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["time"])
    values = np.array([float(row["bikers"]) for row in rows])
    stamps = [row["time"] for row in rows]
    times = [datetime.fromisoformat(stamp) for stamp in stamps]
    n, first = len(values), max(SEASONS)
    for span in range(splits):
        # The second half of the table, in spans: each is forecast by what came before it.
        cut, end = (int(n * (0.5 + 0.5 * at / splits)) for at in (span, span + 1))
        asked = [
            (origin, ahead)
            for origin in range(cut, end - HORIZON, STRIDE)
            for ahead in range(1, HORIZON + 1)
        ]
        truth = np.array([values[origin + ahead] for origin, ahead in asked])
        scale = np.abs(values[SEASONS[0] : cut] - values[: cut - SEASONS[0]]).mean()

        def mase(answers):
            return float(np.abs(truth - answers).mean() / scale)

        def ours():
            pd.DataFrame({"time": stamps[:cut], "bikers": values[:cut]}).to_csv(folder / "past.csv", index=False)
            arguments = ["--target", "bikers", "--time", "time", "--horizon", str(HORIZON), "--seed", str(span)]
            tidemill(program, "train", folder / "past.csv", *arguments, "--out", folder / "out", "--quiet")
            with open(folder / "asked.csv", "w", newline="") as file:
                out = csv.writer(file)
                out.writerow(["history", "time"])
                for origin, ahead in asked:
                    past = [[stamps[p], values[p]] for p in range(origin - first + 1, origin + 1)]
                    out.writerow([json.dumps(past), stamps[origin + ahead]])
            answers = folder / "answers.csv"
            tidemill(program, "predict", folder / "out/model.tidemill", folder / "asked.csv", "--out", answers, "--quiet")
            return mase(pd.read_csv(answers)["prediction"].to_numpy())

        def theirs():
            made = [
                (features(values, times, origin, ahead, SEASONS), values[origin + ahead])
                for origin in range(first, cut - 1)
                for ahead in range(1, min(HORIZON, cut - 1 - origin) + 1)
            ]
            x, y = (np.array(part, dtype=float) for part in zip(*made))
            model = lightgbm.LGBMRegressor(n_estimators=400, learning_rate=0.05, num_leaves=31, verbose=-1, random_state=0)
            model.fit(x, y)
            u = np.array([features(values, times, origin, ahead, SEASONS) for origin, ahead in asked], dtype=float)
            return mase(model.predict(u))

        # Which rows a span holds depends on how many there are.
        reached, secs = kept(folder / f"{span}-{splits}.{build}.json", lambda: timed(ours))
        # Less is better.
        yield -reached, -kept(folder / f"{span}-{splits}.lightgbm.json", theirs), cut, end - cut, secs


SLICES = {
    "kjv": (kjv, "accuracy", "TF-IDF + LinearSVC"),
    "digits": (digits, "accuracy", "PyTorch CNN of the same size"),
    "bikeshare": (bikeshare, "-MASE", "LightGBM on lags"),
}


def main(program, data, work, splits, wanted, torch):
    for name, (compare, metric, peer) in SLICES.items():
        if name not in wanted.split(","):
            continue
        folder = pathlib.Path(work).absolute() / name
        folder.mkdir(parents=True, exist_ok=True)
        ours, theirs, trains, tests, secs = zip(*compare(program, data, folder, splits, build_of(program), torch))
        bound = lower_bound(np.subtract(ours, theirs), np.mean(trains), np.mean(tests)) if splits > 1 else float("nan")
        report(
            table=name,
            metric=metric,
            best=peer,
            ours=float(np.mean(ours)),
            theirs=float(np.mean(theirs)),
            lower_bound=float(bound),
            allowed=ALLOWED,
            splits=len(ours),
            each=[[round(a, 4), round(b, 4)] for a, b in zip(ours, theirs)],
            secs=float(np.median(secs)),
        )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], sys.argv[6])
