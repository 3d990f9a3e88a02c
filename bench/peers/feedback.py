"""pandas joins the predictions of the store of argument 1 (SQLite) with their labels, and scikit-learn judges them: ROC AUC, log loss, the
confusion matrix, and the accuracy of each day."""

import json
import sqlite3
import sys

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from timing import median_secs, report

PREDICTIONS = "SELECT p.id, p.at, p.prediction, p.probabilities FROM predictions p JOIN versions v ON v.id = p.version WHERE v.model = 'bench'"
LABELS = "SELECT prediction_id AS id, value, at AS said_at FROM feedback WHERE kind IN ('label', 'correction')"


def figures():
    with sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True) as store:
        predictions = pd.read_sql_query(PREDICTIONS, store)
        labels = pd.read_sql_query(LABELS, store)
    # Of several words about one prediction the latest counts.
    labels = labels.sort_values("said_at").drop_duplicates("id", keep="last")
    rows = predictions.merge(labels, on="id")
    # One document of JSON for all rows is much quicker than one for each.
    column = lambda texts: json.loads("[" + ",".join(texts) + "]")
    truth = np.array(column(rows["value"])) == "yes"
    predicted = np.array(column(rows["prediction"])) == "yes"
    probability = np.array(column(rows["probabilities"]))[:, 1]
    daily = pd.Series(truth == predicted).groupby(rows["at"] // 86_400_000_000).mean()
    matrix = confusion_matrix(truth, predicted)
    return [roc_auc_score(truth, probability), log_loss(truth, probability), *matrix.ravel().tolist(), *daily.tolist()]


secs, found = median_secs(figures, times=3)
report(secs=secs, answer=[float(x) for x in found])
