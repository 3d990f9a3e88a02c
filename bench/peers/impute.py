"""scikit-learn's imputer of argument 1 (knn or iterative) fills the table of argument 2 (64-bit floats, column after column, NaN where one
is missing): the filled numbers, column after column."""

import sys

import numpy as np
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer

from timing import median_secs, report

kind, path = sys.argv[1:]
X = np.ascontiguousarray(np.fromfile(path, dtype="<f8").reshape(20, -1).T)
make = KNNImputer if kind == "knn" else IterativeImputer
# A run of several seconds is long enough to need no other.
secs, filled = median_secs(lambda: make().fit_transform(X), slow=3.0)
report(secs=secs, answer=filled.T[np.isnan(X.T)].tolist())
