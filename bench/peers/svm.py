"""scikit-learn fits an RBF support vector machine to the table of argument 1 (64-bit floats, column after column)."""

import sys

import numpy as np
from sklearn.svm import SVC

from timing import median_secs, report

table = np.fromfile(sys.argv[1], dtype="<f8").reshape(21, -1).T
X, y = np.ascontiguousarray(table[:, :20]), table[:, 20].astype(int)
secs, fitted = median_secs(lambda: SVC().fit(X, y))
report(secs=secs, answer=fitted.decision_function(X[:500]).tolist())
