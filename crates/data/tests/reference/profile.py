"""Writes profile.json: what numpy, pandas and scipy say of the columns that the tests of `profile` make."""

import json
import pathlib

import numpy as np
import pandas as pd
from scipy import stats


def columns():
    """Four columns by formulas that Rust repeats exactly; None where missing."""
    n = 600
    a = [float((i * i * 31) % 1009) / 8 for i in range(n)]
    b = [None if i % 7 == 3 else float((i * 17) % 251) - 40 for i in range(n)]
    c = [x * 2 + float(i % 13) for i, x in enumerate(a)]
    d = [None if i % 5 == 0 else 1e6 + float((i * i) % 97) for i in range(n)]
    return {"a": a, "b": b, "c": c, "d": d}


def describe(values):
    x = pd.Series(values, dtype=float).dropna()
    q1, q3 = np.quantile(x, [0.25, 0.75])
    iqr, median = q3 - q1, np.median(x)
    mad = stats.median_abs_deviation(x)
    std = x.std()
    fences = {
        "iqr": (q1 - 1.5 * iqr, q3 + 1.5 * iqr),
        "robust_z": (median - 3.5 * mad / 0.6745, median + 3.5 * mad / 0.6745),
        "z": (x.mean() - 3 * std, x.mean() + 3 * std),
    }
    return {
        "mean": x.mean(),
        "std": std,
        "min": x.min(),
        "max": x.max(),
        "skewness": x.skew(),
        "kurtosis": x.kurt(),
        "mad": mad,
        "distinct": int(x.nunique()),
        "quantiles": list(np.quantile(x, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])),
        "fences": {rule: [low, high, int(((x < low) | (x > high)).sum())] for rule, (low, high) in fences.items()},
    }


def pairs():
    a = np.array([[0, 1, 2, 0, 1, 0][i % 6] for i in range(60)])
    b = np.array([[0, 1, 1, 0, 1, 1][i % 6] for i in range(60)])
    x = np.array([(i * i) % 17 + 3.0 * a[i] for i in range(60)])
    table = pd.crosstab(a, b).to_numpy()
    n, (k, m) = table.sum(), table.shape
    phi2 = stats.contingency.association(table, method="cramer") ** 2 * min(k - 1, m - 1)
    phi2 = max(0, phi2 - (k - 1) * (m - 1) / (n - 1))
    k, m = k - (k - 1) ** 2 / (n - 1), m - (m - 1) ** 2 / (n - 1)
    between = sum((a == g).sum() * (x[a == g].mean() - x.mean()) ** 2 for g in set(a))
    return {
        "cramers_v": np.sqrt(phi2 / min(k - 1, m - 1)),
        "eta": np.sqrt(between / ((x - x.mean()) ** 2).sum()),
    }


frame = pd.DataFrame({name: pd.Series(values, dtype=float) for name, values in columns().items()})
answer = {
    "columns": {name: describe(values) for name, values in columns().items()},
    "correlation": frame.corr().to_numpy().tolist(),
    "pairs": pairs(),
    "ks": stats.ks_2samp([(i * 7) % 23 for i in range(50)], [(i * 5) % 31 for i in range(40)]).statistic,
}
path = pathlib.Path(__file__).with_name("profile.json")
path.write_text(json.dumps(answer, indent=1) + "\n")
