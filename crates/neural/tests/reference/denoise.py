"""Writes denoise.json: rows that lie near a curved surface, some that do not, and how well scikit-learn's PCA and net tell them.

Run: python denoise.py (scikit-learn 1.9). Columns are standardised by the training rows. `error` is the mean squared error of what the
reference gives for clean later rows; `area` the area under the ROC curve of its error between these and rows whose columns were
shuffled, each by itself.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(3)


def rows(n):
    a, b = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)
    clean = np.column_stack([a, b, a * b, a**2, np.sin(2 * b), a - b])
    return clean * [1.0, 20.0, 0.1, 5.0, 300.0, 2.0] + [0.0, 7.0, 1.0, -3.0, 50.0, 0.0]


train, later = np.round(rows(800), 5), np.round(rows(300), 5)
strange = np.column_stack([rng.permutation(column) for column in rows(300).T]).round(5)
scaler = StandardScaler().fit(train)
x, z, s = scaler.transform(train), scaler.transform(later), scaler.transform(strange)


def scores(give):
    error = lambda v: np.mean((give(v) - v) ** 2, axis=1)
    area = roc_auc_score(np.r_[np.zeros(300), np.ones(300)], np.r_[error(z), error(s)])
    return {"error": float(error(z).mean()), "area": float(area)}


pca = PCA(2).fit(x)
noisy = np.vstack([np.where(rng.random(x.shape) < 0.1, x[rng.permutation(len(x))], x) + 0.1 * rng.normal(size=x.shape) for _ in range(5)])
nets = []
for seed in range(5):
    net = MLPRegressor(hidden_layer_sizes=[64, 8, 64], max_iter=100, learning_rate_init=3e-3, random_state=seed).fit(noisy, np.tile(x, (5, 1)))
    nets.append(scores(net.predict))
found = {
    "train": train.tolist(),
    "later": later.tolist(),
    "strange": strange.tolist(),
    "pca": scores(lambda v: pca.inverse_transform(pca.transform(v))),
    "nets": nets,
}
Path(__file__).with_name("denoise.json").write_text(json.dumps(found) + "\n")
print(found["pca"], nets)
