"""AutoGluon's `medium` preset on one split, at 60 s on two cores and in proportion on others; runs in AutoGluon's own environment.

Arguments: a folder with `train.pkl` and `test.pkl`, written by contest.py in the same run, the task, the number of cores. Writes `answer.json`.
"""

import json
import pathlib
import sys

import pandas as pd
from autogluon.tabular import TabularPredictor

TARGET = "the target"


def main(folder, task, cores):
    folder = pathlib.Path(folder)
    train, test = pd.read_pickle(folder / "train.pkl"), pd.read_pickle(folder / "test.pkl")
    predictor = TabularPredictor(TARGET, path=str(folder / "autogluon"), verbosity=0)
    predictor.fit(train, presets="medium_quality", time_limit=120 / cores, num_cpus=cores)
    rows = test.drop(columns=TARGET)
    if task != "classes":
        answer, classes = predictor.predict(rows), None
    else:
        answer = predictor.predict_proba(rows)
        classes = [str(name) for name in answer.columns]
    (folder / "answer.json").write_text(json.dumps({"answer": answer.to_numpy().tolist(), "classes": classes}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
