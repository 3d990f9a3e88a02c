"""Writes student.json: quantiles and p-values of Student's t, and corrected resampled t intervals, by scipy."""
import json
from pathlib import Path

import numpy as np
from scipy import stats

rng = np.random.default_rng(7)


def interval(n, share, confidence):
    d = rng.normal(0.01, 0.02, n)
    error = np.sqrt((1 / n + share / (1 - share)) * d.var(ddof=1))
    reach = error * stats.t.ppf(0.5 + confidence / 2, n - 1)
    return {"differences": d.tolist(), "test_share": share, "confidence": confidence, "mean": d.mean(),
            "low": d.mean() - reach, "high": d.mean() + reach, "p_value": 2 * stats.t.sf(abs(d.mean() / error), n - 1)}


degrees = [1, 2, 3, 4.5, 9, 10, 19, 30, 99, 1000, 1e6]
out = {
    "quantiles": [[p, df, float(stats.t.ppf(p, df))] for df in degrees
                  for p in [1e-8, 0.001, 0.025, 0.05, 0.3, 0.5, 0.6, 0.9, 0.95, 0.975, 0.9999]],
    "two_sided": [[t, df, float(2 * stats.t.sf(t, df))] for df in degrees
                  for t in [0.0, 1e-6, 0.1, 0.7, 1.0, 1.96, 3.0, 10.0, 40.0]],
    "intervals": [interval(n, share, confidence) for n, share, confidence in
                  [(2, 0.5, 0.95), (5, 0.2, 0.95), (10, 0.1, 0.99), (20, 0.2, 0.9), (100, 0.25, 0.95)]],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
