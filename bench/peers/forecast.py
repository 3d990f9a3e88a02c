"""LightGBM on the same lags as `tidemill train TABLE --target TARGET --horizon H`: an independent judge of a forecast.

    python forecast.py ../examples/bikeshare/bikeshare.csv bikers 24 24 168

Arguments: the table, the target, the horizon in steps, and the seasons in steps (the first is that of MASE). Steps are the rows of
the table in the order of its column `time`. The last fifth is the test part; rows less than the horizon before it are not learned from.
Prints RMSE, sMAPE and MASE of LightGBM and of the seasonal naive forecast over all origins of the test part.
"""

import csv
import sys
from datetime import datetime

import lightgbm
import numpy as np


def features(values, times, origin, ahead, seasons):
    """What is known at the origin about the moment so many steps ahead; nothing after values[origin] is read."""
    target = origin + ahead
    row = [ahead, values[origin]]
    window = values[max(0, origin - seasons[0] + 1) : origin + 1]
    row += [window.mean(), window.std(), window.min(), window.max()]
    for season in seasons:
        back = season * -(-ahead // season)
        places = [target - back - i * season for i in range(2)]
        row += [values[p] if p >= 0 else np.nan for p in places]
    moment = times[target]
    return row + [moment.hour, moment.weekday(), moment.month, moment.timetuple().tm_yday]


def main(table, target, horizon, *seasons):
    horizon, seasons = int(horizon), [int(s) for s in seasons]
    with open(table, newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda r: r["time"])
    values = np.array([float(r[target]) for r in rows])
    times = [datetime.fromisoformat(r["time"]) for r in rows]
    n = len(values)
    cut, first = int(0.8 * n), max(seasons)
    made = {"train": [], "test": []}
    for origin in range(first, n - 1):
        for ahead in range(1, min(horizon, n - 1 - origin) + 1):
            at = origin + ahead
            part = "train" if at < cut - horizon else "test" if at >= cut and origin >= cut - horizon else None
            if part:
                naive = values[at - seasons[0] * -(-ahead // seasons[0])]
                made[part].append((features(values, times, origin, ahead, seasons), values[at], naive))
    x, y, _ = (np.array(part, dtype=float) for part in zip(*made["train"]))
    u, v, naive = (np.array(part, dtype=float) for part in zip(*made["test"]))
    model = lightgbm.LGBMRegressor(n_estimators=400, learning_rate=0.05, num_leaves=31, verbose=-1, random_state=0)
    predicted = model.fit(x, y).predict(u)
    scale = np.abs(values[seasons[0] : cut] - values[: cut - seasons[0]]).mean()
    for name, said in [("LightGBM", predicted), ("seasonal naive", naive)]:
        error = np.abs(v - said)
        smape = (200 * error / np.maximum(np.abs(v) + np.abs(said), 1e-12)).mean()
        print(f"{name}: RMSE {np.sqrt((error**2).mean()):.3f}  sMAPE {smape:.2f}  MASE {error.mean() / scale:.4f}  ({len(v)} forecasts)")


if __name__ == "__main__":
    main(*sys.argv[1:])
