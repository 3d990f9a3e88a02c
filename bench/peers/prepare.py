"""scikit-learn prepares the table of argument 1 (64-bit floats, column after column): as many numbers as argument 2 says, NaN where one is
missing, then categories by their codes, which are whole numbers here: quicker for it than names. Of every so many rows (argument 3) all
numbers are given, and of every column the mean square."""

import sys

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from timing import median_secs, report

path, n_numbers, every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
X = np.fromfile(path, dtype="<f8").reshape(50, -1).T
prepared = ColumnTransformer(
    [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), slice(0, n_numbers)),
        ("names", OneHotEncoder(handle_unknown="ignore", sparse_output=False), slice(n_numbers, 50)),
    ]
)
secs, found = median_secs(lambda: prepared.fit_transform(X))
squares = [float(np.mean(found[:, j] ** 2)) for j in range(found.shape[1])]
report(secs=secs, answer={"rows": found[::every].T.ravel().tolist(), "squares": squares})
