"""Event files read back by TensorBoard's own reader: `tensorboard.py FOLDER`. Every run must hold what training promises for it: nets and
boosted trees their curves, learners their settings and scores, the model precision over recall, distributions and pictures. Steps and
times must rise, and each distribution count all of its numbers. Prints one line of JSON."""

import json
import math
import os
import sys

# Our own name is that of the package: it must not be found instead.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
import numpy as np  # noqa: E402
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: E402
from tensorboard.plugins.hparams import metadata as hparams  # noqa: E402
from tensorboard.util.tensor_util import make_ndarray  # noqa: E402

# By the kind of a run, the curves that it must hold.
CURVES = {
    "net": ["gradient_norm", "learning_rate", "loss/train", "loss/watched"],
    "boosted_trees": ["loss/train", "loss/watched"],
    "learners": ["score/fold", "score/mean", "cost/bytes", "cost/work"],
    "model": ["learning_curve/train", "learning_curve/validation", "test/log_loss"],
}
faults, found = [], dict(runs=0, points=0, distributions=0, pr_curves=0, pictures=0, settings=0)


def fault(text):
    faults.append(f"{folder}: {text}")


def curves(events, wanted):
    for tag in wanted:
        if tag not in events.Tags()["scalars"]:
            fault(f"no curve '{tag}'")
    for tag in events.Tags()["scalars"]:
        curve = events.Scalars(tag)
        found["points"] += len(curve)
        steps = [p.step for p in curve]
        if steps != sorted(set(steps)):
            fault(f"the steps of '{tag}' do not rise")
        if not all(math.isfinite(p.value) for p in curve):
            fault(f"'{tag}' holds values that are no numbers")
        if any(b.wall_time < a.wall_time for a, b in zip(curve, curve[1:])):
            fault(f"the times of '{tag}' do not rise")


def distributions(events):
    for tag in events.Tags()["histograms"]:
        for histogram in events.Histograms(tag):
            found["distributions"] += 1
            value = histogram.histogram_value
            if not math.isclose(sum(value.bucket), value.num) or not value.min <= value.max:
                fault(f"the distribution '{tag}' does not count all of its numbers")


def settings(events):
    tags = [tag for tag in events.Tags()["tensors"] if tag.startswith("_hparams_/")]
    content = {tag: events.SummaryMetadata(tag).plugin_data.content for tag in tags}
    if sorted(tags) != ["_hparams_/session_end_info", "_hparams_/session_start_info"]:
        return fault("no settings")
    start = hparams.parse_session_start_info_plugin_data(content["_hparams_/session_start_info"])
    end = hparams.parse_session_end_info_plugin_data(content["_hparams_/session_end_info"])
    found["settings"] += len(start.hparams)
    if "learner" not in start.hparams or end.status != 1:
        fault("settings without a learner, or no end")


def pr_curves(events):
    for tag in events.Tags()["tensors"]:
        if not tag.endswith("/pr_curves"):
            continue
        found["pr_curves"] += 1
        if events.SummaryMetadata(tag).plugin_data.plugin_name != "pr_curves":
            fault(f"'{tag}' is of no plugin")
        hits, wrong, right, missed, precision, recall = make_ndarray(events.Tensors(tag)[0].tensor_proto)
        if not np.allclose(hits + missed, hits[0] + missed[0]) or not np.allclose(wrong + right, wrong[0] + right[0]):
            fault(f"'{tag}' does not count the same rows at every threshold")
        named = hits + wrong > 0
        if not np.allclose(precision[named], (hits / (hits + wrong))[named], atol=1e-6) or not np.allclose(recall, hits / (hits + missed)):
            fault(f"precision and recall of '{tag}' are not those of its counts")


for folder, _, files in os.walk(sys.argv[1]):
    if not any("tfevents" in name for name in files):
        continue
    found["runs"] += 1
    sizes = dict(scalars=0, histograms=0, tensors=0, images=0)
    events = EventAccumulator(folder, size_guidance=sizes)
    events.Reload()
    parts = os.path.relpath(folder, sys.argv[1]).split(os.sep)
    kind = parts[0] if len(parts) > 1 else parts[0].split("-")[0]
    curves(events, CURVES.get(kind, []))
    distributions(events)
    pr_curves(events)
    if kind in ("learners", "model"):
        settings(events)
    for tag in events.Tags()["images"]:
        for image in events.Images(tag):
            found["pictures"] += 1
            if image.width < 1 or image.height < 1 or not image.encoded_image_string:
                fault(f"the picture '{tag}' is empty")
    if kind in ("net", "model") and not events.Tags()["histograms"]:
        fault("no distribution of weights")
if found["runs"] == 0:
    faults.append("no event file was found")
print(json.dumps({**found, "faults": faults}))
