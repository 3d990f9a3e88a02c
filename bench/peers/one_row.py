"""A scikit-learn pipeline (ColumnTransformer, then logistic regression or 500 boosted trees) answers one row of a
DataFrame at a time.

Arguments: the CSV file, its target, the learner. Prints the seconds of one answer and the class given to every row.
"""

import sys

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from timing import median_secs, report

BLOCK = 100

path, target, learner = sys.argv[1:4]
table = pd.read_csv(path)
features = table.drop(columns=target)
numbers = features.select_dtypes("number").columns
names = features.columns.difference(numbers)
if learner == "logistic":
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            ("names", make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), names),
        ]
    )
    model = make_pipeline(prepare, LogisticRegression(max_iter=1000))
else:
    coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    prepare = ColumnTransformer([("names", coded, names), ("numbers", "passthrough", numbers)])
    places = list(range(len(names)))
    trees = HistGradientBoostingClassifier(max_iter=500, early_stopping=False, categorical_features=places)
    model = make_pipeline(prepare, trees)
model.fit(features, table[target])
rows = [features.iloc[[i]] for i in range(BLOCK)]


def block():
    for row in rows:
        model.predict_proba(row)


secs, _ = median_secs(block)
report(secs=secs / BLOCK, answer=[str(c) for c in model.predict(features)])
