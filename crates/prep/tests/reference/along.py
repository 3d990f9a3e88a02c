"""Writes along.json: what pandas and SciPy make of numbers along time, group by group. Run: python along.py (pandas 3, SciPy 1.17)."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.interpolate import BarycentricInterpolator, CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_coeffs

rng = np.random.default_rng(8)
DAY = 86_400_000_000
frames = []
for shop, n in (("north", 40), ("south", 23), ("west", 3)):
    # Not every day is there.
    days = np.sort(rng.choice(60, n, replace=False))
    y = 10 + np.sin(days / 4) * 5 + rng.normal(size=n)
    y[rng.random(n) < 0.25] = np.nan
    y[n // 2] = 1.5
    frames.append(pd.DataFrame({"shop": shop, "day": days, "y": y}))
# The rows come in no order.
table = pd.concat(frames).sample(frac=1, random_state=1).reset_index(drop=True)


def fill(how):
    filled = pd.Series(np.nan, index=table.index)
    for _, own in table.sort_values("day").groupby("shop"):
        filled[own.index] = how(own.set_index("day")["y"]).to_numpy()
    return [None if np.isnan(v) else float(v) for v in filled]


def spline(y):
    known = y.dropna()
    if len(known) < 2:
        return y.ffill().bfill()
    curve = CubicSpline(known.index, known)
    inside = y.index.to_series().between(known.index[0], known.index[-1])
    return y.fillna(pd.Series(curve(y.index), index=y.index).where(inside)).ffill().bfill()


def polynomial(y, degree=3):
    """Through the nearest known numbers, as many before as after where there are."""
    known = y.dropna()
    filled = y.copy()
    for day in y.index[y.isna()]:
        i = known.index.searchsorted(day) - 1
        if i < 0 or i + 1 >= len(known):
            filled[day] = known.iloc[0] if i < 0 else known.iloc[-1]
            continue
        n = min(degree + 1, len(known))
        start = max(0, min(i - degree // 2, len(known) - n))
        own = known.iloc[start : start + n]
        filled[day] = BarycentricInterpolator(own.index, own)(day)
    return filled


def seasonal(y):
    week = pd.Series([next((y[d] for d in range(day - 7, -1, -7) if d in y.index and not np.isnan(y[d])), np.nan)
                      for day in y.index], index=y.index)
    return y.fillna(week).fillna(y.ffill())


def golay(y, centered):
    known = y.dropna()
    weights = savgol_coeffs(5, 2, pos=2 if centered else 4, use="dot")
    full = known.rolling(5, center=centered).apply(lambda w: w @ weights, raw=True)
    return full.reindex(y.index)


def gaussian(y, centered):
    """SciPy's filter where the window is full; the one that looks back is its left half."""
    known = y.dropna()
    weights = np.exp(-0.5 * (np.arange(4, -1, -1) / 1.25) ** 2)
    if centered:
        smooth = pd.Series(gaussian_filter1d(known, 1.25, radius=2), index=known.index)
        full = smooth.where(known.rolling(5, center=True).count() == 5)
    else:
        full = known.rolling(5).apply(lambda w: w @ weights / weights.sum(), raw=True)
    return full.reindex(y.index)


smoothed = {
    "moving_average": lambda y: y.dropna().rolling(5, min_periods=1).mean().reindex(y.index),
    "median": lambda y: y.dropna().rolling(5, min_periods=1).median().reindex(y.index),
    "exponential": lambda y: y.dropna().ewm(alpha=0.3, adjust=False).mean().reindex(y.index),
    "gaussian": lambda y: gaussian(y, False),
    "gaussian centered": lambda y: gaussian(y, True),
    "savitzky_golay": lambda y: golay(y, False),
    "moving_average centered": lambda y: y.dropna().rolling(5, min_periods=1, center=True).mean().reindex(y.index),
    "median centered": lambda y: y.dropna().rolling(5, min_periods=1, center=True).median().reindex(y.index),
    "savitzky_golay centered": lambda y: golay(y, True),
}
found = {
    "shop": table["shop"].tolist(),
    "time": (table["day"] * DAY).tolist(),
    "y": [None if np.isnan(v) else float(v) for v in table["y"]],
    # Where pandas leaves a gap (before the first known number) ours takes the group's mean.
    "forward": fill(lambda y: y.ffill()),
    "backward": fill(lambda y: y.bfill().ffill()),
    "linear": fill(lambda y: y.interpolate("values", limit_direction="both")),
    "nearest": fill(lambda y: y.fillna(y.interpolate("nearest") if y.count() > 1 else y).ffill().bfill()),
    "spline": fill(spline),
    "polynomial": fill(polynomial),
    "seasonal": fill(seasonal),
    "smoothed": {name: fill(how) for name, how in smoothed.items()},
    "group_means": fill(lambda y: y.fillna(y.mean())),
}
Path(__file__).with_name("along.json").write_text(json.dumps(found) + "\n")
