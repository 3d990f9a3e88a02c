"""Makes partition_shap.json: groups of columns by SciPy, and Owen values by the shap package, of the formula, the rows and the background of explain.json.

    pip install shap==0.51.0 scipy numpy
    python partition_shap.py > partition_shap.json
"""

import json

import numpy as np
import shap
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

x = np.array(json.load(open("explain.json"))["x"]).reshape(-1, 6)
rows, background = x[:3], x[20:50]


def model(x):
    return x[:, 0] * x[:, 1] + np.tanh(x[:, 2]) + x[:, 3] * x[:, 4] * x[:, 0] + 0.5 * x[:, 5]


apart = 1 - np.abs(np.corrcoef(x.T))
steps = linkage(squareform(apart, checks=False), "average")
masker = shap.maskers.Partition(background, max_samples=1000, clustering=steps)
found = shap.explainers.Partition(model, masker)(rows, max_evals=100_000, silent=True)
print(
    json.dumps(
        {
            "distances": apart.ravel().tolist(),
            "steps": np.sort(steps[:, :2]).astype(int).tolist(),
            "base": float(found.base_values[0]),
            "values": found.values.tolist(),
        }
    )
)
