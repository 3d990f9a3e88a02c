"""Writes ordered.json: what category_encoders' CatBoostEncoder makes of fixed rows in their order. Run: python ordered.py."""

import json
from pathlib import Path

import category_encoders
import numpy as np
import pandas as pd

rng = np.random.default_rng(12)
N = 60
letters = rng.choice(["a", "b", "c", "d"], N, p=[0.5, 0.3, 0.15, 0.05]).astype(object)
letters[rng.random(N) < 0.1] = None
y = np.round(rng.normal(5.0, 2.0, N), 3)
table = pd.DataFrame({"letter": letters})
encoder = category_encoders.CatBoostEncoder(cols=["letter"], a=2.5, handle_missing="value")
train = encoder.fit_transform(table, pd.Series(y))
later = encoder.transform(table)
found = {
    "category_encoders": category_encoders.__version__,
    "letters": letters.tolist(),
    "y": y.tolist(),
    "smooth": 2.5,
    "train": train["letter"].tolist(),
    "later": later["letter"].tolist(),
}
Path(__file__).with_name("ordered.json").write_text(json.dumps(found) + "\n")
