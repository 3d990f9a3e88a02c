"""Makes mstl.json: two seasons of a made series, found by statsmodels' STL in what the other leaves.

pip install statsmodels   (the version that was used stands in the file)

It is the loop of Bandara, Hyndman and Bergmeir (2021), with the windows and jumps of R's `mstl`; statsmodels' own MSTL takes one jump
for all seasons.
"""

import json
import math

import numpy as np
import statsmodels
from statsmodels.tsa.seasonal import STL

rng = np.random.default_rng(11)
t = np.arange(24 * 7 * 4 + 30)
y = 50 + 0.01 * t + 10 * np.sin(2 * np.pi * t / 24) - 6 * (t % 168 >= 120) * (1 + np.cos(2 * np.pi * t / 24)) + rng.normal(size=len(t))
y = np.round(y, 3)


def odd(x):
    return x + 1 if x % 2 == 0 else x


seasons = [24, 168]
found = [np.zeros(len(y)), np.zeros(len(y))]
left = y.copy()
for _ in range(2):
    for at, season in enumerate(seasons):
        window = 11 + 4 * at
        trend, low = odd(math.ceil(1.5 * season / (1 - 1.5 / window))), odd(season + 1)
        left = left + found[at]
        stl = STL(
            left,
            period=season,
            seasonal=window,
            trend=trend,
            low_pass=low,
            # A line through few seasons follows chance.
            seasonal_deg=0 if len(y) < 6 * season else 1,
            trend_jump=math.ceil(trend / 10),
            low_pass_jump=math.ceil(low / 10),
        ).fit(inner_iter=5, outer_iter=0)
        found[at] = stl.seasonal
        left = left - found[at]

with open("mstl.json", "w") as file:
    json.dump(
        {
            "statsmodels": statsmodels.__version__,
            "y": y.tolist(),
            "trend": np.round(stl.trend, 10).tolist(),
            "seasons": [np.round(s, 10).tolist() for s in found],
        },
        file,
    )
