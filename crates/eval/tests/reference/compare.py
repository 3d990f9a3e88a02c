"""Writes compare.json: paired tests by scipy, and DeLong's by its definition over all pairs. Run with scipy 1.15 or newer."""
import json
from pathlib import Path

import numpy as np
from scipy import stats

rng = np.random.default_rng(19)


def components(t, s):
    """The structural components of DeLong et al. 1988, every positive row against every negative one."""
    above = (s[t == 1][:, None] > s[t == 0][None, :]) + 0.5 * (s[t == 1][:, None] == s[t == 0][None, :])
    return above.mean(axis=1), above.mean(axis=0)


def delong(n, digits, share):
    t = (rng.random(n) < share).astype(int)
    a = 1 / (1 + np.exp(-(rng.normal(size=n) + 0.8 * t)))
    b = 1 / (1 + np.exp(-(rng.normal(size=n) + np.log(a / (1 - a)) + 0.3 * t)))
    if digits:
        a, b = np.round(a, digits), np.round(b, digits)
    (va, wa), (vb, wb) = components(t, a), components(t, b)
    positive, negative = np.cov(va, vb), np.cov(wa, wb)
    cov = positive / len(va) + negative / len(wa)
    difference = vb.mean() - va.mean()
    error = np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    z = stats.norm.ppf(0.975)
    return {"truth": t.tolist(), "a": a.tolist(), "b": b.tolist(), "auc": va.mean(), "error": float(np.sqrt(cov[0, 0])),
            "low": max(va.mean() - z * np.sqrt(cov[0, 0]), 0), "high": min(va.mean() + z * np.sqrt(cov[0, 0]), 1),
            "difference": difference, "difference_low": difference - z * error,
            "difference_high": difference + z * error, "p": float(2 * stats.norm.sf(abs(difference / error)))}


def mcnemar(b, c):
    exact = stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0
    # The mid-p-value gives half of the chance of what was found, on either side.
    mid = min(1.0, 2 * stats.binom.cdf(min(b, c), b + c, 0.5) - stats.binom.pmf(min(b, c), b + c, 0.5)) if b != c else 1.0
    return [b, c, float(exact), float(mid)]


def wilcoxon(d):
    d = np.asarray(d, float)
    some = d[d != 0]
    ranks = stats.rankdata(np.abs(some))
    return {"differences": d.tolist(), "above": float(ranks[some > 0].sum()), "below": float(ranks[some < 0].sum()),
            "p": float(stats.wilcoxon(d).pvalue)}


def five_by_two(scale):
    d = rng.normal(0.5, 1, size=(5, 2)) * scale
    variance = d.var(axis=1, ddof=1)
    t, f = d[0, 0] / np.sqrt(variance.mean()), (d ** 2).sum() / (2 * variance.sum())
    return {"differences": d.tolist(), "t": t, "p_t": float(2 * stats.t.sf(abs(t), 5)), "f": f,
            "p": float(stats.f.sf(f, 10, 5))}


def paired_t(n, shift):
    t = rng.normal(size=n)
    a, b = t + rng.normal(size=n), t + (1 - shift) * rng.normal(size=n)
    return {"truth": t.tolist(), "a": a.tolist(), "b": b.tolist(),
            "mae": float(stats.ttest_rel(np.abs(t - a), np.abs(t - b)).pvalue),
            "mse": float(stats.ttest_rel((t - a) ** 2, (t - b) ** 2).pvalue)}


zs = [0.0, 1e-9, 0.1, 0.7, 1.0, 1.96, 2.0, 2.7, 2.9, 3.5, 6.0, 10.0, 30.0]
stored = {
    "normal": [[z, float(2 * stats.norm.sf(z))] for z in zs],
    "reach": [[c, float(stats.norm.ppf(0.5 + c / 2))] for c in [0.1, 0.5, 0.9, 0.95, 0.99, 0.999999]],
    "delong": [delong(60, 0, 0.5), delong(150, 1, 0.2), delong(400, 2, 0.6)],
    "mcnemar": [mcnemar(b, c) for b, c in [(0, 0), (0, 1), (3, 3), (2, 10), (0, 30), (14, 17), (40, 80), (900, 1010),
                                           (50_000, 50_900), (2_000_000, 2_003_000)]],
    "wilcoxon": [wilcoxon(rng.normal(0.3, 1, n)) for n in [5, 12, 50, 80]]
    + [wilcoxon(np.round(rng.normal(0.3, 1, n), 1)) for n in [15, 40, 120]],
    "five_by_two": [five_by_two(s) for s in [1.0, 0.01, 3.0]],
    "paired_t": [paired_t(200, 0.3), paired_t(80, 0.02)],
}
Path(__file__).with_suffix(".json").write_text(json.dumps(stored) + "\n")
