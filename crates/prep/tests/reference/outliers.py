"""Writes outliers.json: what scikit-learn's detectors say of fixed rows. Run: python outliers.py (scikit-learn 1.9, numpy 2)."""

import json
from pathlib import Path

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

rng = np.random.default_rng(5)
N, M = 150, 25
mix = rng.normal(size=(4, 4))


def rows(n):
    x = rng.normal(size=(n, 4)) @ mix * [1.0, 20.0, 0.1, 5.0] + [0.0, 300.0, 1.0, -7.0]
    far = rng.choice(n, n // 12, replace=False)
    x[far] += rng.normal(size=(len(far), 4)) * [6.0, 120.0, 0.6, 30.0]
    return x


train, later = rows(N), rows(M)
scaler = StandardScaler().fit(train)
x, z = scaler.transform(train), scaler.transform(later)
forest = IsolationForest(n_estimators=2000, random_state=0).fit(train)
own = LocalOutlierFactor(15).fit(x)
novel = LocalOutlierFactor(15, novelty=True).fit(x)
distance = LedoitWolf().fit(x)
# Ours takes the value at the boundary over the sum of it and the value of the row.
region = OneClassSVM(nu=0.1, tol=1e-10).fit(x)


def beyond(x):
    return (region.offset_ / (region.offset_ + region.score_samples(x))).tolist()


found = {
    "train": train.tolist(),
    "later": later.tolist(),
    "isolation_forest": [(-forest.score_samples(train)).tolist(), (-forest.score_samples(later)).tolist()],
    "local_outlier_factor": [(-own.negative_outlier_factor_).tolist(), (-novel.score_samples(z)).tolist()],
    "one_class_svm": [beyond(x), beyond(z)],
    "mahalanobis": [distance.mahalanobis(x).tolist(), distance.mahalanobis(z).tolist()],
}
Path(__file__).with_name("outliers.json").write_text(json.dumps(found) + "\n")
