"""Writes policy.json: LinUCB's choices and expected rewards by the Open Bandit Pipeline's LinUCB (its updates, one decision after the
other; ours solves once), and by scipy's quadrature how often linear Thompson sampling takes each action.
Run: python policy.py (numpy 2, scipy 1.17, scikit-learn, obp 0.4.1 without its other dependencies)."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

root = Path(importlib.util.find_spec("obp").submodule_search_locations[0])
for name, where in [("obp", root), ("obp.policy", root / "policy")]:
    package = types.ModuleType(name)
    package.__path__ = [str(where)]
    sys.modules[name] = package
from obp.policy.linear import LinUCB

N, NEW, P, K, ALPHA, SCALE = 90, 12, 3, 3, 0.8, 1.5
random = np.random.default_rng(3)
x, new = random.normal(size=(N, P)), random.normal(size=(NEW, P))
action = random.choice(K, size=N, p=[0.6, 0.3, 0.1])
weights = 0.4 * random.normal(size=(P, K))
reward = 2 + (x @ weights)[np.arange(N), action] + 0.5 * random.normal(size=N)

mean = reward.mean()
ones = lambda rows: np.column_stack([np.ones(len(rows)), rows])
design = ones(x)
# The noise of the rewards, with a ridge's degrees of freedom: sum over actions of trace((A - I) A^-1).
squares, freedom = 0.0, 0.0
for a in range(K):
    own, y = design[action == a], (reward - mean)[action == a]
    inverse = np.linalg.inv(own.T @ own + np.eye(P + 1))
    squares += ((y - own @ inverse @ own.T @ y) ** 2).sum()
    freedom += np.trace(own.T @ own @ inverse)
noise = np.sqrt(squares / (N - freedom))

bandit = LinUCB(dim=P + 1, n_actions=K, len_list=1, batch_size=1, epsilon=ALPHA * noise)
for a, r, c in zip(action, reward - mean, design):
    bandit.update_params(action=int(a), reward=r, context=c[None, :])
chosen, expected, errors, thompson = [], [], [], []
for context in ones(new):
    chosen.append(int(bandit.select_action(context[None, :])[0]))
    m = mean + context @ bandit.theta_hat
    s = noise * np.sqrt(np.array([context @ bandit.A_inv[a] @ context for a in range(K)]))
    expected.append(m.tolist())
    wins = []
    for a in range(K):
        others = [b for b in range(K) if b != a]
        best = lambda t: norm.pdf(t, m[a], SCALE * s[a]) * np.prod([norm.cdf(t, m[b], SCALE * s[b]) for b in others])
        wins.append(quad(best, m[a] - 10 * SCALE * s[a], m[a] + 10 * SCALE * s[a], limit=200)[0])
    thompson.append(wins)

out = {
    "x": x.tolist(),
    "action": action.tolist(),
    "reward": reward.tolist(),
    "new": new.tolist(),
    "alpha": ALPHA,
    "scale": SCALE,
    "chosen": chosen,
    "expected": expected,
    "thompson": thompson,
}
Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")
print(chosen, np.round(thompson, 3).tolist())
