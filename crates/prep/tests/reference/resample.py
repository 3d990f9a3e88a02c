"""Writes resample.json: what imbalanced-learn does to fixed rows. Run: python resample.py (imbalanced-learn 0.14, numpy 2)."""

import json
from pathlib import Path

import numpy as np
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import ADASYN, SMOTE, SMOTENC, BorderlineSMOTE, RandomOverSampler
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler, TomekLinks
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(4)
CLASSES = [90, 26, 14]
y = np.repeat(["a", "b", "c"], CLASSES)
centre = {"a": 0.0, "b": 1.2, "c": -1.0}
x = np.column_stack([rng.normal([centre[k] for k in y], s) for s in (1.0, 0.8, 1.5, 1.1)])
order = rng.permutation(len(y))
x, y = x[order], y[order]
K, M = 5, 10


def counts(labels):
    return [int((labels == k).sum()) for k in "abc"]


def two(ratio, sampler):
    """Counts for the classes a and b alone, for which imbalanced-learn takes a ratio."""
    keep = y != "c"
    return counts(sampler(sampling_strategy=ratio, random_state=0).fit_resample(x[keep], y[keep])[1])


def kept(sampler):
    # The mode of text labels is refused by SciPy: numbers in the same order.
    sampler.fit_resample(x, np.searchsorted(list("abc"), y))
    return sorted(int(i) for i in sampler.sample_indices_)


def own_neighbours():
    """The K nearest of the same class of each row, as numbers of rows."""
    near = [None] * len(y)
    for k in "abc":
        rows = np.flatnonzero(y == k)
        found = NearestNeighbors(n_neighbors=K + 1).fit(x[rows]).kneighbors(x[rows], return_distance=False)
        for row, own in zip(rows, found):
            near[row] = [int(rows[i]) for i in own[1:]]
    return near


def in_danger():
    sampler = BorderlineSMOTE(random_state=0, k_neighbors=K, m_neighbors=M)
    sampler.fit_resample(x, y)
    rows = []
    for k in "bc":
        own = np.flatnonzero(y == k)
        sampler.nn_m_.fit(x)
        danger = sampler._in_danger_noise(sampler.nn_m_, x[own], k, y, kind="danger")
        rows += [int(i) for i in own[danger]]
    return sorted(rows)


def adasyn():
    """How many rows are made from each row of b and c."""
    made = ADASYN(random_state=0, n_neighbors=K).fit_resample(x, y)[1]
    near = NearestNeighbors(n_neighbors=K + 1).fit(x)
    times = {}
    for k in "bc":
        rows = np.flatnonzero(y == k)
        found = near.kneighbors(x[rows], return_distance=False)[:, 1:]
        ratio = (y[found] != k).sum(axis=1) / K
        share = np.rint(ratio / ratio.sum() * (CLASSES[0] - len(rows))).astype(int)
        times.update({int(r): int(n) for r, n in zip(rows, share)})
    assert counts(made) == [CLASSES[0]] + [
        int((y == k).sum()) + sum(n for r, n in times.items() if y[r] == k) for k in "bc"
    ]
    return [times.get(i, 0) for i in range(len(y))], counts(made)


def nominal():
    """Rows of two numbers and a category: how far apart SMOTENC has two rows of different categories, by its neighbours."""
    letters = np.array(list("pqr"), dtype=object)[rng.integers(0, 3, size=len(y))]
    z = np.empty((len(y), 3), dtype=object)
    z[:, :2], z[:, 2] = x[:, :2], letters
    sampler = SMOTENC(categorical_features=[2], random_state=0, k_neighbors=K)
    made = sampler.fit_resample(z, y)[1]
    near = [None] * len(y)
    for k in "bc":
        rows = np.flatnonzero(y == k)
        numbers = x[rows][:, :2]
        unit = np.median(numbers.std(axis=0)) / 2
        assert abs(np.median(numbers.std(axis=0)) - sampler.median_std_[k]) < 1e-12
        hot = (letters[rows][:, None] == np.array(list("pqr"), dtype=object)).astype(float) * unit
        points = np.hstack([numbers, hot])
        found = NearestNeighbors(n_neighbors=K + 1).fit(points).kneighbors(points, return_distance=False)
        for row, own in zip(rows, found):
            near[row] = [int(rows[i]) for i in own[1:]]
    return {"letters": list(letters), "near": near, "counts": counts(made)}


times, adasyn_counts = adasyn()
cases = {
    "x": x.tolist(),
    "y": y.tolist(),
    "near": own_neighbours(),
    "in_danger": in_danger(),
    "adasyn": {"times": times, "counts": adasyn_counts},
    "nominal": nominal(),
    "counts": {
        "random_over": counts(RandomOverSampler(random_state=0).fit_resample(x, y)[1]),
        "random_under": counts(RandomUnderSampler(random_state=0).fit_resample(x, y)[1]),
        "smote": counts(SMOTE(random_state=0).fit_resample(x, y)[1]),
        "borderline_smote": counts(BorderlineSMOTE(random_state=0).fit_resample(x, y)[1]),
    },
    "ratio": {
        "random_over": [[r, two(r, RandomOverSampler)] for r in (0.31, 0.5, 0.77)],
        "random_under": [[r, two(r, RandomUnderSampler)] for r in (0.31, 0.5, 0.77)],
        "smote": [[r, two(r, SMOTE)] for r in (0.31, 0.5, 0.77)],
    },
    "kept": [
        ["tomek_links", {}, kept(TomekLinks())],
        ["edited_nearest_neighbours", {}, kept(EditedNearestNeighbours())],
        ["edited_nearest_neighbours", {"n_neighbors": 4}, kept(EditedNearestNeighbours(n_neighbors=4))],
        ["edited_nearest_neighbours", {"selection": "mode"}, kept(EditedNearestNeighbours(kind_sel="mode"))],
    ],
}
# Of 14 rows a class nothing is made, and what is left out is all that a combination does.
even = np.sort(np.concatenate([np.flatnonzero(y == k)[:14] for k in "abc"]))
cases["even"] = {
    "rows": even.tolist(),
    "smote_tomek": SMOTETomek(random_state=0).fit_resample(x[even], y[even])[0].tolist(),
    "smote_enn": SMOTEENN(random_state=0).fit_resample(x[even], y[even])[0].tolist(),
}
Path(__file__).with_name("resample.json").write_text(json.dumps(cases) + "\n")
