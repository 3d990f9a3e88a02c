"""Makes coefficients.csv and coefficients.json beside it: what statsmodels says of its coefficients and their standard errors.

    pip install numpy==2.4.6 pandas==3.1.1 statsmodels==0.15.0
    python coefficients.py
"""

import json
import pathlib

import numpy as np
import pandas as pd
import statsmodels.api as sm

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)
n = 160
year = rng.integers(1990, 2021, n)
size = np.round(rng.gamma(3.0, 20.0, n), 2)
colour = rng.choice(["blue", "green", "red"], n, p=[0.3, 0.5, 0.2])
member = rng.random(n) < 0.4
effect = pd.Series(colour).map({"blue": 0.4, "green": 0.0, "red": -0.5}).to_numpy()
score = 0.05 * (year - 2005) + 0.01 * size + effect + 0.6 * member - 0.8
price = np.round(20 + 3 * score + rng.normal(0, 1.5, n), 3)
visits = rng.poisson(np.exp(0.6 * score + 0.5))
wait = np.round(rng.gamma(2.5, np.exp(0.4 * score) / 2.5, n) + 0.001, 4)
bought = np.where(rng.random(n) < 1 / (1 + np.exp(-score)), "yes", "no")
scores = np.column_stack([np.zeros(n), 2.5 * score, -2.0 * score + 0.3])
grade = np.array([rng.choice(["a", "b", "c"], p=np.exp(s) / np.exp(s).sum()) for s in scores])
table = pd.DataFrame(
    dict(year=year, size=size, colour=colour, member=np.where(member, "true", "false"), price=price, visits=visits,
         wait=wait, bought=bought, grade=grade)
)
table.to_csv(here / "coefficients.csv", index=False)

# Categories against the commonest one, as the table of coefficients has them.
common = pd.Series(colour).mode()[0]
others = [name for name in ["blue", "green", "red"] if name != common]
x = np.column_stack([year, size, *[(colour == name).astype(float) for name in others], member.astype(float)])
names = ["year", "size", *[f"colour: {name}" for name in others], "member", "constant"]
# The constant at 0 of a column of years is far out: columns are centred for the fit and the constant is brought back.
means = np.array([year.mean(), size.mean(), 0, 0, 0])
centred = np.column_stack([x - means, np.ones(n)])
back = np.eye(6)
back[5, :5] = -means


def told(params, covariance):
    value, covariance = back @ params, back @ covariance @ back.T
    return {name: [float(v), float(e)] for name, v, e in zip(names, value, np.sqrt(np.diag(covariance)))}


def fit(model, **more):
    found = model.fit(**more)
    return told(np.asarray(found.params), np.asarray(found.cov_params()))


# Newton's steps in units in which all columns count alike, until nothing changes.
tight = dict(tol=1e-14, maxiter=200)
many = sm.MNLogit(pd.Categorical(grade).codes, centred).fit(method="newton", maxiter=200, tol=1e-13, disp=0)
params, covariance = np.asarray(many.params), np.asarray(many.cov_params())
out = {
    "common": common,
    "price": fit(sm.OLS(price, centred)),
    "visits": fit(sm.GLM(visits, centred, family=sm.families.Poisson()), **tight),
    "wait": fit(sm.GLM(wait, centred, family=sm.families.Gamma(sm.families.links.Log())), **tight),
    "bought": fit(sm.GLM(bought == "yes", centred, family=sm.families.Binomial()), **tight),
    "grade b": told(params[:, 0], covariance[:6, :6]),
    "grade c": told(params[:, 1], covariance[6:, 6:]),
}
t = sm.OLS(price, centred).fit()
low, high = t.conf_int()[0]
out["price_year_interval"] = [float(low), float(high)]
(here / "coefficients.json").write_text(json.dumps(out, indent=1) + "\n")
