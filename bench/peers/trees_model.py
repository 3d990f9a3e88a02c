"""A boosted-trees model of the size of ours, as ONNX: `trees_model.py TABLE OUT`.

500 trees of 31 leaves by scikit-learn's histogram boosting, on the same table. Every peer of `serve_trees` answers with it through
onnxruntime, the quickest of the ways they offer.
"""

import sys

import numpy as np
import onnx.helper
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

make_attribute = onnx.helper.make_attribute


def plain(key, value, *rest, **named):
    # skl2onnx leaves numpy's whole numbers and flags in lists of whole numbers; newer onnx takes only plain ones.
    if isinstance(value, list):
        value = [int(v) if isinstance(v, (bool, np.bool_, np.integer)) else v for v in value]
    return make_attribute(key, value, *rest, **named)


onnx.helper.make_attribute = plain
from skl2onnx import to_onnx  # noqa: E402  (it must find the function above)

table = pd.read_csv(sys.argv[1])
y = table.pop("y")
x = table.to_numpy(np.float32)
model = HistGradientBoostingClassifier(max_iter=500, max_leaf_nodes=31, learning_rate=0.1, early_stopping=False, random_state=0)
model.fit(x, y)
onnx_model = to_onnx(model, x[:1], options={id(model): {"zipmap": False}})
with open(sys.argv[2], "wb") as file:
    file.write(onnx_model.SerializeToString())
