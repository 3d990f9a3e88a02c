"""Makes copula.json: rows with known dependence, and the correlations of the normal numbers behind them by SciPy.

Run from this folder: python copula.py. `tests/copula.rs` holds ours against them. Of two columns of intervals the correlation is that
under which the conditional means of the intervals vary together as they do, by the probabilities of a bivariate normal distribution;
of two numbers it is that of their normal scores.
"""

import json

import numpy as np
import scipy
from scipy.optimize import brentq
from scipy.stats import multivariate_normal, norm, rankdata

random = np.random.default_rng(5)
n = 1200
R = np.array(
    [
        [1.0, 0.6, 0.5, 0.7, -0.3],
        [0.6, 1.0, 0.2, 0.5, 0.0],
        [0.5, 0.2, 1.0, 0.4, -0.5],
        [0.7, 0.5, 0.4, 1.0, 0.1],
        [-0.3, 0.0, -0.5, 0.1, 1.0],
    ]
)
z = random.multivariate_normal(np.zeros(5), R, n)
wait = np.round(-np.log1p(-norm.cdf(z[:, 0])) * 10, 2)
income = np.round(np.exp(7 + z[:, 1]))
loud = (z[:, 2] > 0.8).astype(int)
grade = np.digitize(z[:, 3], [-1.0, 0.2, 0.9])
late = (z[:, 4] > -0.3).astype(int)


def thresholds(levels):
    counts = np.bincount(levels)
    return np.concatenate([[-12.0], norm.ppf(np.cumsum(counts)[:-1] / len(levels)), [12.0]])


def scores(t):
    return (norm.pdf(t[:-1]) - norm.pdf(t[1:])) / (norm.cdf(t[1:]) - norm.cdf(t[:-1]))


def expected(r, s, t):
    """How the scores of two columns vary together where the numbers behind are correlated by r."""
    law = multivariate_normal([0, 0], [[1, r], [r, 1]])
    grid = np.array([[law.cdf([a, b]) for b in t] for a in s])
    cells = grid[1:, 1:] - grid[:-1, 1:] - grid[1:, :-1] + grid[:-1, :-1]
    return scores(s) @ cells @ scores(t)


def discrete(a, b):
    s, t = thresholds(a), thresholds(b)
    x, y = scores(s)[a], scores(t)[b]
    together = np.mean(x * y) - np.mean(x) * np.mean(y)
    return brentq(lambda r: expected(r, s, t) - together, -0.99, 0.99, xtol=1e-8)


def continuous(a, b):
    normal = [norm.ppf((rankdata(x) - 0.5) / n) for x in (a, b)]
    return np.corrcoef(*normal)[0, 1]


document = {
    "scipy": scipy.__version__,
    "wait": wait.tolist(),
    "income": income.tolist(),
    "loud": loud.tolist(),
    "grade": grade.tolist(),
    "late": late.tolist(),
    "correlations": [
        ["wait", "income", continuous(wait, income), 0.01],
        ["loud", "grade", discrete(loud, grade), 0.002],
        ["loud", "late", discrete(loud, late), 0.002],
        ["grade", "late", discrete(grade, late), 0.002],
    ],
    "truth": [["wait", "loud", R[0, 2]], ["wait", "grade", R[0, 3]], ["income", "late", R[1, 4]]],
}
with open("copula.json", "w") as file:
    json.dump(document, file)
    file.write("\n")
print(document["correlations"])
