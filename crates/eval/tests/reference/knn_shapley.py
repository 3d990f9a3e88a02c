"""Makes knn_shapley.json: the Shapley values of neighbours by enumeration of all sets of them, from the definition.

    python knn_shapley.py
"""

import itertools
import json
import math
import pathlib
import random


def worth(right, members, k):
    """What a set is worth: of its nearest k, how right they are, over k. The nearest come first in `right`."""
    return sum(right[i] for i in sorted(members)[:k]) / k


def shapley(right, k):
    n = len(right)
    values = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        value = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for members in itertools.combinations(others, size):
                value += weight * (worth(right, (*members, i), k) - worth(right, members, k))
        values.append(value)
    return values


random.seed(5)
cases = []
for n, k in [(1, 1), (1, 3), (4, 1), (6, 2), (9, 3), (9, 5), (5, 7)]:
    for right in [[random.choice([0.0, 1.0]) for _ in range(n)], [round(random.uniform(-2, 1), 3) for _ in range(n)]]:
        cases.append(dict(k=k, right=right, worth=shapley(right, k)))
(pathlib.Path(__file__).parent / "knn_shapley.json").write_text(json.dumps(cases) + "\n")
