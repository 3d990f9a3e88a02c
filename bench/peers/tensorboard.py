"""Event files read back by TensorBoard's own reader: `tensorboard.py FOLDER`. Every run must hold the curves that training
promises, their steps rising, and a distribution of each array of weights that counts all of its numbers. Prints one line of JSON."""

import json
import math
import os
import sys

# Our own name is that of the package: it must not be found instead.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402

CURVES = ["gradient_norm", "learning_rate", "loss/train", "loss/watched"]
faults, points, bars, runs = [], 0, 0, 0
for folder, _, files in os.walk(sys.argv[1]):
    if not any("tfevents" in name for name in files):
        continue
    runs += 1
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    for tag in CURVES:
        if tag not in tags["scalars"]:
            faults.append(f"{folder}: no curve '{tag}'")
            continue
        curve = events.Scalars(tag)
        points += len(curve)
        steps = [p.step for p in curve]
        if steps != sorted(set(steps)):
            faults.append(f"{folder}: the steps of '{tag}' do not rise")
        if not all(math.isfinite(p.value) for p in curve):
            faults.append(f"{folder}: '{tag}' holds values that are no numbers")
        if any(b.wall_time < a.wall_time for a, b in zip(curve, curve[1:])):
            faults.append(f"{folder}: the times of '{tag}' do not rise")
    for tag in tags["histograms"]:
        for histogram in events.Histograms(tag):
            bars += 1
            value = histogram.histogram_value
            if not math.isclose(sum(value.bucket), value.num) or not value.min <= value.max:
                faults.append(f"{folder}: the distribution '{tag}' does not count all of its numbers")
    if not any(tag.endswith(".weight") for tag in tags["histograms"]):
        faults.append(f"{folder}: no distribution of weights")
if runs == 0:
    faults.append("no event file was found")
print(json.dumps({"runs": runs, "points": points, "distributions": bars, "faults": faults}))
