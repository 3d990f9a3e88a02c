"""imbalanced-learn's SMOTE on the table of argument 1 (64-bit floats, column after column, the class last): the rows of each class
afterwards, and the 5 nearest neighbours of each row of class 1 among these."""

import sys

import numpy as np
from imblearn.over_sampling import SMOTE
from sklearn.neighbors import NearestNeighbors

from timing import median_secs, report

table = np.fromfile(sys.argv[1], dtype="<f8").reshape(41, -1).T
X, y = np.ascontiguousarray(table[:, :40]), table[:, 40].astype(int)
secs, (_, classes) = median_secs(lambda: SMOTE(random_state=0).fit_resample(X, y))
rare = X[y == 1]
near = NearestNeighbors(n_neighbors=6).fit(rare).kneighbors(rare, return_distance=False)[:, 1:]
report(secs=secs, answer={"counts": np.bincount(classes).tolist(), "neighbors": near.ravel().tolist()})
