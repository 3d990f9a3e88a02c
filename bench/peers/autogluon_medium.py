"""AutoGluon's `medium` preset at 60 s on one split; runs in AutoGluon's own environment.

Arguments: a folder with `train.pkl` and `test.pkl`, written by contest.py in the same run, and the task. Writes `answer.json`.
"""

import json
import pathlib
import sys

import pandas as pd
from autogluon.tabular import TabularPredictor

TARGET = "the target"


def main(folder, task):
    folder = pathlib.Path(folder)
    train, test = pd.read_pickle(folder / "train.pkl"), pd.read_pickle(folder / "test.pkl")
    predictor = TabularPredictor(TARGET, path=str(folder / "autogluon"), verbosity=0)
    predictor.fit(train, presets="medium_quality", time_limit=60, num_cpus=2)
    rows = test.drop(columns=TARGET)
    if task != "classes":
        answer, classes = predictor.predict(rows), None
    else:
        answer = predictor.predict_proba(rows)
        classes = [str(name) for name in answer.columns]
    (folder / "answer.json").write_text(json.dumps({"answer": answer.to_numpy().tolist(), "classes": classes}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
