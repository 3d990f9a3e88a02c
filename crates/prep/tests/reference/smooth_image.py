"""Writes smooth_image.json: what SciPy's filters make of a fixed image; the bilateral filter from its definition in numpy.

Run: python smooth_image.py (SciPy 1.17, numpy 2).
"""

import json
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter

rng = np.random.default_rng(6)
C, H, W = 3, 9, 11
image = np.clip(rng.normal(0.5, 0.1, (C, H, W)) + 0.4 * (np.arange(W) > 5), 0, 1)
image[rng.random(image.shape) < 0.05] = 1.0
image = image.astype(np.float32)


def bilateral(x, radius, sigma, sigma_color):
    x = x.astype(float)
    padded = np.pad(x, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    sums, total = np.zeros_like(x), np.zeros(x.shape[1:])
    for dy in range(-radius, radius + 1):
        for dx in range(-radius, radius + 1):
            near = padded[:, radius + dy : radius + dy + H, radius + dx : radius + dx + W]
            apart = ((near - x) ** 2).sum(axis=0)
            weight = np.exp(-(dy * dy + dx * dx) / (2 * sigma**2) - apart / (2 * sigma_color**2))
            sums += weight * near
            total += weight
    return sums / total


def case(name, radius, sigma=1.0, sigma_color=0.1):
    if name == "gaussian":
        smooth = np.stack([gaussian_filter(c.astype(float), sigma, radius=radius, mode="nearest") for c in image])
    elif name == "median":
        smooth = np.stack([median_filter(c, size=2 * radius + 1, mode="nearest") for c in image])
    else:
        smooth = bilateral(image, radius, sigma, sigma_color)
    found = {"filter": name, "radius": radius, "sigma": sigma, "sigma_color": sigma_color}
    return found | {"smoothed": smooth.astype(float).ravel().round(9).tolist()}


cases = [case("gaussian", 1), case("gaussian", 3, 1.7), case("median", 1), case("median", 2), case("bilateral", 2, 1.5, 0.2), case("bilateral", 1)]
found = {"shape": [C, H, W], "image": image.astype(float).ravel().tolist(), "cases": cases}
Path(__file__).with_name("smooth_image.json").write_text(json.dumps(found) + "\n")
