"""scikit-learn's detector of argument 1 on the table of argument 2 (64-bit floats, column after column): the rows that it marks."""

import sys

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

from timing import median_secs, report

kind, path = sys.argv[1:]
X = np.ascontiguousarray(np.fromfile(path, dtype="<f8").reshape(10, -1).T)


def marked():
    if kind == "isolation_forest":
        return IsolationForest(n_estimators=100, contamination=0.02, random_state=0).fit_predict(X)
    return LocalOutlierFactor(20, contamination=0.02).fit_predict(StandardScaler().fit_transform(X))


secs, answer = median_secs(marked, times=3)
report(secs=secs, answer=np.flatnonzero(answer < 0).tolist())
