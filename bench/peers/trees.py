"""LightGBM boosts trees (`boosted`), or scikit-learn grows a forest (`forest`) or extremely randomised trees (`extra`), on the table of argument 2.

The table is 64-bit floats, column after column: features, then the class. Arguments: which, the file, how many
features, how many rows to learn from, how many threads. Prints the seconds of one fit and the probabilities of class 1
for the other rows.
"""

import sys

import numpy as np
from lightgbm import LGBMClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from timing import median_secs, report

kind, path = sys.argv[1:3]
features, rows, threads = map(int, sys.argv[3:6])
table = np.fromfile(path, dtype="<f8").reshape(features + 1, -1).T
X, y = np.ascontiguousarray(table[:, :features]), table[:, features].astype(int)
if kind == "boosted":
    model = LGBMClassifier(n_estimators=200, num_leaves=31, max_bin=255, reg_lambda=1.0, n_jobs=threads, verbose=-1)
else:
    learner = ExtraTreesClassifier if kind == "extra" else RandomForestClassifier
    model = learner(100, n_jobs=threads, random_state=0)
# A fit of many seconds is long enough to need no other.
secs, fitted = median_secs(lambda: model.fit(X[:rows], y[:rows]), slow=5.0)
report(secs=secs, answer=fitted.predict_proba(X[rows:])[:, 1].tolist())
