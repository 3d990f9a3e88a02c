"""Makes the onnx-*.onnx files, onnx.csv and onnx.json beside it: forests and boosted trees of scikit-learn as skl2onnx writes
them, and what onnxruntime answers.

    pip install scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 pandas==3.1.1
    python onnx.py
"""

import json
import pathlib
import sys

# This file is called like the package that it needs.
sys.path = [path for path in sys.path if pathlib.Path(path or ".").resolve() != pathlib.Path(__file__).parent.resolve()]

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(11)
n, names = 240, ["a", "b", "c", "d"]
x = rng.normal(size=(n, 4)) * [1.0, 30.0, 0.02, 5.0] + [0.0, 100.0, 0.0, -3.0]
score = x[:, 0] - (x[:, 1] - 100) / 30 + 20 * x[:, 2] * x[:, 0]
number = 10 + 3 * score + rng.normal(size=n)
two = np.where(score + 0.3 * rng.normal(size=n) > 0, "yes", "no")
three = np.digitize(score + 0.3 * rng.normal(size=n), [-0.7, 0.7])
told = x[:60].copy()
# On thresholds, where rounding to 32 bits decides.
told[:8, 0] = np.float32(told[:8, 0])
pd.DataFrame(told, columns=names).to_csv(here / "onnx.csv", index=False)

small = dict(n_estimators=6, max_depth=4, random_state=0)
models = {
    "forest-number": RandomForestRegressor(**small).fit(x, number),
    "forest-three": RandomForestClassifier(**small).fit(x, three),
    "forest-two": RandomForestClassifier(**small).fit(x, two),
    "extra-number": ExtraTreesRegressor(**small).fit(x, number),
    "extra-two": ExtraTreesClassifier(**small).fit(x, two),
    "boosted-number": GradientBoostingRegressor(**small).fit(x, number),
    "boosted-two": GradientBoostingClassifier(**small).fit(x, two),
    "boosted-three": GradientBoostingClassifier(**small).fit(x, three),
}
out = {}


def write(name, model, types, feed):
    zipmap = name in ("forest-two", "boosted-three")
    options = {} if zipmap or not hasattr(model, "classes_") else {id(model): {"zipmap": False}}
    proto = to_onnx(model, initial_types=types, options=options)
    file = here / f"onnx-{name}.onnx"
    file.write_bytes(proto.SerializeToString())
    answers = onnxruntime.InferenceSession(file.read_bytes()).run(None, feed)
    if hasattr(model, "classes_"):
        chances = answers[1]
        if zipmap:
            chances = np.array([[row[c] for c in model.classes_] for row in chances])
        rows = [[float(row[1])] if len(row) == 2 else [float(v) for v in row] for row in chances]
        out[name] = dict(answers=rows, classes=[str(c) for c in model.classes_])
    else:
        out[name] = dict(answers=[[float(v)] for v in answers[0].ravel()], classes=[])


for name, model in models.items():
    write(name, model, [("X", FloatTensorType([None, 4]))], {"X": told.astype(np.float32)})
# A column each.
columns = [(name, FloatTensorType([None, 1])) for name in names]
feed = {name: told[:, [j]].astype(np.float32) for j, name in enumerate(names)}
whole = ColumnTransformer([("all", "passthrough", names)])
named = make_pipeline(whole, GradientBoostingRegressor(**small)).fit(pd.DataFrame(x, columns=names), number)
write("columns", named, columns, feed)
refused = make_pipeline(StandardScaler(), models["boosted-number"]).fit(x, number)
(here / "onnx-scaled.onnx").write_bytes(
    to_onnx(refused, initial_types=[("X", FloatTensorType([None, 4]))]).SerializeToString()
)
linear = LogisticRegression().fit(x, two)
(here / "onnx-linear.onnx").write_bytes(
    to_onnx(linear, initial_types=[("X", FloatTensorType([None, 4]))]).SerializeToString()
)
(here / "onnx.json").write_text(json.dumps(out) + "\n")
