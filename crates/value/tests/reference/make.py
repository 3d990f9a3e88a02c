"""Reference values of the value crate: lifetimes 0.11.3 (MIT licence, (c) 2015 Cameron Davidson-Pilon, whose package the
table of customers comes from), SciPy, numpy-financial.

    pip install lifetimes scipy numpy-financial && python make.py
"""

import json
import pathlib

import numpy as np
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
from scipy.optimize import least_squares

here = pathlib.Path(__file__).parent


def bass(sales):
    def share(t, p, q):
        fades = np.exp(-(p + q) * t)
        return (1 - fades) / (1 + q / p * fades)

    def residuals(x):
        m, p, q = np.exp(x)
        t = np.arange(1, len(sales) + 1)
        return m * (share(t, p, q) - share(t - 1, p, q)) - sales

    start = np.log([1.2 * sum(sales), 0.01, 0.4])
    return np.exp(least_squares(residuals, start, xtol=1e-15, ftol=1e-15, gtol=1e-15).x).tolist()


rows = load_cdnow_summary_data_with_monetary_value()
beta_geo = BetaGeoFitter()
beta_geo.fit(rows["frequency"], rows["recency"], rows["T"], tol=1e-10)
again = rows[rows["frequency"] > 0]
gamma = GammaGammaFitter()
gamma.fit(again["frequency"], again["monetary_value"], tol=1e-10)

rows[["frequency", "recency", "T", "monetary_value"]].to_csv(here / "cdnow.csv", index=False)
some = rows.iloc[[0, 1, 2, 50, 100, 1000]]
answers = {
    "bass": bass(np.array([96, 195, 238, 380, 1045, 1230, 1267, 1828, 1586, 1673, 1800, 1580, 1500.0])),
    "beta_geo": beta_geo.params_.tolist(),
    "gamma_gamma": gamma.params_.tolist(),
    "some": [0, 1, 2, 50, 100, 1000],
    "alive": [float(np.ravel(beta_geo.conditional_probability_alive(f, r, t))[0]) for f, r, t in some[["frequency", "recency", "T"]].values],
    "expected_39": [float(np.ravel(beta_geo.predict(39, f, r, t))[0]) for f, r, t in some[["frequency", "recency", "T"]].values],
    "average": gamma.conditional_expected_average_profit(some["frequency"], some["monetary_value"]).tolist(),
}
(here / "answers.json").write_text(json.dumps(answers, indent=1) + "\n")
