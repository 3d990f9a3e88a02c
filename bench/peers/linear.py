"""scikit-learn fits the linear model of argument 1 to the table of argument 2 (64-bit floats, column after column)."""

import sys

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression

from timing import median_secs, report

kind, path = sys.argv[1:]
table = np.fromfile(path, dtype="<f8").reshape(42, -1).T
if kind == "logistic":
    X, y, model = np.ascontiguousarray(table[:, :40]), table[:, 41].astype(int), LogisticRegression()
else:
    X, y, model = np.asfortranarray(table[:, :40]), table[:, 40].copy(), ElasticNet(0.05, l1_ratio=0.5)
secs, fitted = median_secs(lambda: model.fit(X, y))
coef = np.ravel(fitted.coef_).tolist()
report(secs=secs, answer={"coef": coef, "intercept": float(np.ravel(fitted.intercept_)[0])})
