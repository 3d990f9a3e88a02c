"""A scikit-learn pipeline (ColumnTransformer, then logistic regression) answers one row of a DataFrame at a time.

Arguments: the CSV file, its target. Prints the seconds of one answer and the class given to every row.
"""

import sys

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from timing import median_secs, report

BLOCK = 100

path, target = sys.argv[1:3]
table = pd.read_csv(path)
features = table.drop(columns=target)
numbers = features.select_dtypes("number").columns
names = features.columns.difference(numbers)
prepare = ColumnTransformer(
    [
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("names", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), names),
    ]
)
model = make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(features, table[target])
rows = [features.iloc[[i]] for i in range(BLOCK)]


def block():
    for row in rows:
        model.predict_proba(row)


secs, _ = median_secs(block)
report(secs=secs / BLOCK, answer=[str(c) for c in model.predict(features)])
