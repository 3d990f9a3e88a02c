"""Writes policy.json: off-policy estimates of generated logs. Single decisions by the Open Bandit Pipeline (its estimators IPS,
self-normalised IPS and doubly robust), episodes by the published sums in numpy.
Run: python policy.py (numpy 2, scikit-learn, pandas, pyyaml, obp 0.4.1 without its dependencies; its tensors are not used)."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np

torch = types.ModuleType("torch")
torch.Tensor = type("Tensor", (), {})
sys.modules["torch"] = torch
found = importlib.util.find_spec("obp")
root = Path(found.submodule_search_locations[0])
for name, where in [("obp", root), ("obp.ope", root / "ope")]:
    package = types.ModuleType(name)
    package.__path__ = [str(where)]
    sys.modules[name] = package
from obp.ope.estimators import DoublyRobust, InverseProbabilityWeighting, SelfNormalizedInverseProbabilityWeighting

Z = 1.959963984540054
random = np.random.default_rng(5)


def interval(values):
    reach = Z * values.std(ddof=1) / np.sqrt(len(values))
    return {"value": values.mean(), "low": values.mean() - reach, "high": values.mean() + reach}


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log(n, k):
    x = random.normal(size=(n, 3))
    weights = random.normal(size=(3, k))
    logged = softmax(0.7 * x @ random.normal(size=(3, k)))
    action = np.array([random.choice(k, p=p) for p in logged])
    mean = x @ weights
    reward = mean[np.arange(n), action] + random.normal(size=n)
    return {
        "action": action,
        "reward": reward,
        "propensity": logged[np.arange(n), action],
        "probability": softmax(2 * mean),
        "expected": mean + random.normal(scale=0.4, size=(n, k)),
    }


def single(n, k):
    d = log(n, k)
    arguments = dict(reward=d["reward"], action=d["action"], pscore=d["propensity"], action_dist=d["probability"][:, :, None])
    ips = InverseProbabilityWeighting()._estimate_round_rewards(**arguments)
    snips = SelfNormalizedInverseProbabilityWeighting().estimate_policy_value(**arguments)
    dr = DoublyRobust()._estimate_round_rewards(
        **arguments, estimated_rewards_by_reg_model=d["expected"][:, :, None]
    )
    w = d["probability"][np.arange(n), d["action"]] / d["propensity"]
    # The delta method for a ratio of means.
    linear = snips + w * (d["reward"] - snips) / w.mean()
    return {
        **d,
        "episodes": None,
        "logged": interval(d["reward"]),
        "ips": interval(ips),
        "snips": {**interval(linear), "value": snips},
        "doubly_robust": interval(dr),
        "gain": interval(dr - d["reward"]),
        "effective_episodes": w.sum() ** 2 / (w**2).sum(),
        "mean_weight": w.mean(),
    }


def episodes(lengths, k):
    """Per-decision importance sampling forwards, as sums of weighted rewards: ours goes backwards."""
    n = sum(lengths)
    d = log(n, k)
    order = random.permutation(n)  # rows of an episode are not neighbours
    rows, at = [], 0
    for length in lengths:
        rows.append(sorted(order[at : at + length].tolist()))
        at += length
    ratio = d["probability"][np.arange(n), d["action"]] / d["propensity"]
    taken = d["expected"][np.arange(n), d["action"]]
    mean = (d["probability"] * d["expected"]).sum(axis=1)
    ips, dr, earned, last = [], [], [], []
    for own in rows:
        products = np.cumprod(ratio[own])
        before = np.concatenate([[1.0], products[:-1]])
        ips.append((products * d["reward"][own]).sum())
        dr.append((products * (d["reward"][own] - taken[own]) + before * mean[own]).sum())
        earned.append(d["reward"][own].sum())
        last.append(products[-1])
    ips, dr, earned, last = map(np.array, (ips, dr, earned, last))
    # Weighted per-decision importance sampling: an episode that is over keeps its last weight and earns nothing.
    m, longest = len(rows), max(lengths)
    weight, reward = np.zeros((m, longest)), np.zeros((m, longest))
    for i, own in enumerate(rows):
        products = np.cumprod(ratio[own])
        weight[i] = np.concatenate([products, np.full(longest - len(own), products[-1])])
        reward[i, : len(own)] = d["reward"][own]
    steps = (weight * reward).sum(axis=0) / weight.sum(axis=0)
    linear = steps.sum() + (weight * (reward - steps) / weight.mean(axis=0)).sum(axis=1)
    return {
        **d,
        "episodes": rows,
        "logged": interval(earned),
        "ips": interval(ips),
        "snips": {**interval(linear), "value": steps.sum()},
        "doubly_robust": interval(dr),
        "gain": interval(dr - earned),
        "effective_episodes": last.sum() ** 2 / (last**2).sum(),
        "mean_weight": last.mean(),
    }


def plain(value):
    if isinstance(value, np.ndarray):
        return value.ravel().tolist()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return float(value) if isinstance(value, np.floating) else value


cases = [single(60, 3), single(25, 2), episodes([1, 3, 2, 4, 3, 2, 1, 4], 3)]
Path(__file__).with_suffix(".json").write_text(json.dumps([plain(c) for c in cases]) + "\n")
