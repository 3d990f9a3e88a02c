"""Makes accumulated_pair.json: accumulated local effects of two columns together by PyALE, of a formula on correlated rows.

    pip install PyALE==1.2.0 statsmodels numpy pandas scikit-learn
    python accumulated_pair.py > accumulated_pair.json

PyALE's stretches end at R's quantiles of type 1; here they are NumPy's, as ours.
"""

import json

import numpy as np
import pandas as pd
from PyALE._src import ALE_2D

ALE_2D.quantile_ied = lambda values, shares: pd.Series(np.quantile(values, np.clip(shares, 0, 1)), index=shares)

random = np.random.default_rng(8)
x = random.normal(size=(150, 3))
# Correlated, so that some cells are empty.
x[:, 1] = 0.9 * x[:, 0] + 0.4 * x[:, 1]


class Formula:
    def predict(self, rows):
        a, b, c = rows.to_numpy().T
        return a * b + np.tanh(a) + b * b + np.sin(a - b) * c


rows = pd.DataFrame(x, columns=["x0", "x1", "x2"])
found = ALE_2D.aleplot_2D_continuous(rows, Formula(), ["x0", "x1"], grid_size=8)
print(
    json.dumps(
        {
            "x": x.ravel().tolist(),
            "edges": [found.index.tolist(), found.columns.tolist()],
            "effects": found.to_numpy().tolist(),
        }
    )
)
