"""Thresholds that scikit-image finds: writes otsu.json.

    pip install scikit-image
    python crates/learn/tests/reference/otsu.py
"""
import json
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu

r = np.random.default_rng(2)
pictures = [
    np.concatenate([r.normal(60, 15, 300), r.normal(180, 20, 200)]),
    np.concatenate([r.normal(100, 30, 500), r.normal(140, 30, 60)]),
    r.uniform(0, 255, 400),
    np.array([0, 0, 0, 255, 255]),
    np.array([7, 7, 7, 7]),
    np.array([10, 20, 30, 200]),
    np.concatenate([np.full(50, 3), np.full(50, 4), np.full(1, 250)]),
]
cases = []
for pixels in pictures:
    pixels = np.clip(np.round(pixels), 0, 255).astype(np.uint8)
    cases.append({"pixels": pixels.tolist(), "threshold": int(threshold_otsu(pixels))})
Path(__file__).with_name("otsu.json").write_text(json.dumps(cases))
