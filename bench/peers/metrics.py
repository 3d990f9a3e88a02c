"""scikit-learn judges predictions of two classes: true classes (u8) in the file of argument 1, scores (f64) of 2."""

import sys

import numpy as np
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from timing import median_secs, report

truth = np.fromfile(sys.argv[1], dtype=np.uint8).astype(np.int64)
scores = np.fromfile(sys.argv[2], dtype="<f8")
predicted = (scores >= 0.5).astype(np.int64)


def judge():
    figures = [roc_auc_score(truth, scores), average_precision_score(truth, scores)]
    return figures + confusion_matrix(truth, predicted).ravel().tolist()


secs, answer = median_secs(judge)
report(secs=secs, answer=answer)
