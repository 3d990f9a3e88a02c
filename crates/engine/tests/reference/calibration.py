"""Makes calibration.json: what scikit-learn's isotonic regression and Platt scaling, and SciPy's minimiser of the temperature's
loss, answer on small fixed inputs. Run from this folder: python calibration.py"""

import json

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(11)
isotonic, platt, temperature = [], [], []

for n, ties, weighted in [(1, False, False), (30, False, False), (60, True, True), (200, True, False)]:
    x = rng.uniform(size=n)
    if ties:
        x = np.round(x, 1)
    y = np.clip(x + 0.4 * rng.normal(size=n), 0, 1)
    weights = rng.integers(0, 4, n).astype(float) if weighted else None
    at = np.concatenate([np.linspace(-0.2, 1.2, 29), x[:5]])
    model = IsotonicRegression(out_of_bounds="clip").fit(x, y, weights)
    isotonic.append(
        {
            "x": x.tolist(),
            "y": y.tolist(),
            "weights": None if weights is None else weights.tolist(),
            "at": at.tolist(),
            "answers": model.predict(at).tolist(),
        }
    )

for n in [40, 300]:
    logit = 2 * rng.normal(size=n)
    y = (0.6 * logit - 0.5 + rng.logistic(size=n) > 0).astype(int)
    fitted = _SigmoidCalibration().fit(logit, y)
    platt.append({"logit": logit.tolist(), "y": y.tolist(), "slope": -float(fitted.a_), "offset": -float(fitted.b_)})

for n, k in [(50, 2), (120, 4)]:
    raw = 3 * rng.normal(size=(n, k))
    p = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    y = np.array([rng.choice(k, p=q / q.sum()) for q in p**0.4])

    def loss(log_power):
        z = np.exp(log_power) * np.log(p)
        log = z - np.log(np.exp(z).sum(1, keepdims=True))
        # Every class seen once more.
        return -((n * log[np.arange(n), y] + log.sum(1)) / (n + k)).sum()

    best = minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded", options={"xatol": 1e-12})
    temperature.append({"p": p.ravel().tolist(), "y": y.tolist(), "classes": k, "power": float(np.exp(best.x))})

with open("calibration.json", "w") as file:
    json.dump({"isotonic": isotonic, "platt": platt, "temperature": temperature}, file)
    file.write("\n")
