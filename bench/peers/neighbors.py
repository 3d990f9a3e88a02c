"""scikit-learn's nearest neighbours, searched by argument 1, on the table of argument 2 (64-bit floats, column after
column): fitted on 50,000 rows, asked about the rest."""

import sys

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from timing import median_secs, report

algorithm, path = sys.argv[1:]
table = np.fromfile(path, dtype="<f8").reshape(21, -1).T
X, y = np.ascontiguousarray(table[:, :20]), table[:, 20].copy()
model = KNeighborsRegressor(10, algorithm=algorithm)
secs, answer = median_secs(lambda: model.fit(X[:50_000], y[:50_000]).predict(X[50_000:]), times=3)
report(secs=secs, answer=answer.tolist())
