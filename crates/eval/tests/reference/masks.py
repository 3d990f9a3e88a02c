"""IoU and Dice of each class that scikit-learn finds: writes masks.json.

    pip install scikit-learn
    python crates/eval/tests/reference/masks.py
"""
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, jaccard_score

r = np.random.default_rng(4)
CLASSES = [0, 3, 255]
cases = []
for wrong in [0.0, 0.1, 0.6]:
    truth = r.choice(CLASSES, 300, p=[0.7, 0.2, 0.1])
    said = np.where(r.random(300) < wrong, r.choice(CLASSES, 300), truth)
    average = {"average": None, "labels": CLASSES}
    cases.append({
        "truth": truth.tolist(), "said": said.tolist(),
        "iou": jaccard_score(truth, said, **average).tolist(),
        "dice": f1_score(truth, said, **average).tolist(),
        "accuracy": accuracy_score(truth, said),
    })
Path(__file__).with_name("masks.json").write_text(json.dumps({"classes": CLASSES, "cases": cases}))
