"""scikit-learn's detector of argument 1 on the table of argument 2 (64-bit floats, column after column): fitted, and its rows scored;
the rows of the share of argument 3 that score highest."""

import sys

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler

from timing import median_secs, report

kind, path, share = sys.argv[1:]
X = np.ascontiguousarray(np.fromfile(path, dtype="<f8").reshape(20, -1).T)


def scores():
    """The lower, the farther from the others."""
    if kind == "isolation_forest":
        # Without a share of outliers given, it scores its rows once, not twice.
        return IsolationForest(n_estimators=100, random_state=0).fit(X).score_samples(X)
    return LocalOutlierFactor(20).fit(StandardScaler().fit_transform(X)).negative_outlier_factor_


secs, found = median_secs(scores)
report(secs=secs, answer=np.argsort(found)[: round(float(share) * len(X))].tolist())
