"""Makes series.json: what statsforecast and statsmodels say of four made series.

pip install statsforecast==2.1.1 statsmodels==0.15.0   (the versions that were used stand in the file)
"""

import json
import warnings

import numpy as np
import statsforecast
import statsmodels
from statsforecast.arima import ndiffs, nsdiffs
from statsforecast.models import AutoARIMA, AutoETS, AutoTheta
from statsmodels.tsa.seasonal import STL
from statsmodels.tsa.statespace.sarimax import SARIMAX

warnings.filterwarnings("ignore")
rng = np.random.default_rng(7)
t = np.arange(132)
wave = np.sin(2 * np.pi * t / 12) + 0.4 * np.cos(4 * np.pi * t / 12)
monthly = 100 * np.exp(0.007 * t + 0.2 * wave + 0.03 * rng.normal(size=132).cumsum() * 0.3 + 0.02 * rng.normal(size=132))
q = np.arange(88)
quarterly = 50 + 0.4 * q + np.tile([6, -3, -8, 5], 22) + rng.normal(size=88)
ar = np.zeros(120)
for i in range(1, 120):
    ar[i] = 0.7 * ar[i - 1] + rng.normal()
ar = ar + 20
walk = 200 + np.cumsum(0.5 + rng.normal(size=100))
series = {"monthly": (monthly, 12), "quarterly": (quarterly, 4), "ar": (ar, 1), "walk": (walk, 1)}

found = {"statsforecast": statsforecast.__version__, "statsmodels": statsmodels.__version__, "series": []}
for name, (y, m) in series.items():
    y = np.round(y, 4)
    h = 2 * m if m > 1 else 6
    train, truth = y[:-h], y[-h:]
    ets = AutoETS(season_length=m).fit(train)
    arima = AutoARIMA(season_length=m).fit(train)
    theta = AutoTheta(season_length=m).fit(train)
    one = {
        "name": name,
        "season": m,
        "y": y.tolist(),
        "horizon": h,
        "ndiffs": int(ndiffs(train)),
        "ets": {"form": ets.model_["method"], "aicc": float(ets.model_["aicc"]), "ahead": ets.predict(h)["mean"].tolist()},
        "arima": {"aicc": float(arima.model_["aicc"]), "ahead": arima.predict(h)["mean"].tolist()},
        "theta": {"ahead": theta.predict(h)["mean"].tolist()},
    }
    if m > 1:
        one["nsdiffs"] = int(nsdiffs(train, period=m))
        stl = STL(train, period=m, seasonal=11).fit()
        one["stl"] = {"trend": stl.trend.tolist(), "season": stl.seasonal.tolist()}
    found["series"].append(one)

# The exact likelihood and the forecasts of models whose coefficients are given.
given = [
    ("ar", [1, 0, 1], [0, 0, 0], 1, [0.6, 0.25]),
    ("monthly", [0, 1, 1], [0, 1, 1], 12, [-0.4, -0.5]),
    ("monthly", [2, 1, 0], [1, 1, 1], 12, [0.3, -0.2, 0.2, -0.6]),
    ("quarterly", [1, 0, 2], [0, 1, 1], 4, [0.5, 0.3, -0.2, -0.5]),
]
found["given"] = []
for name, step, far, m, c in given:
    y = np.round(series[name][0], 4)
    w = y.copy()
    for _ in range(far[1]):
        w = w[m:] - w[:-m]
    for _ in range(step[1]):
        w = np.diff(w)
    model = SARIMAX(w, order=(step[0], 0, step[2]), seasonal_order=(far[0], 0, far[2], m if m > 1 else 0), concentrate_scale=True)
    fitted = model.smooth(c)
    found["given"].append({
        "name": name, "step": step, "season": far, "n_season": m, "coefficients": c,
        "deviance": float(-2 * fitted.llf), "ahead_of_differences": fitted.forecast(12).tolist(),
    })
with open("series.json", "w") as file:
    json.dump(found, file, indent=1)
