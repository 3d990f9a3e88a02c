"""What the peers' sides share: the median time of a piece of work, and the one line of JSON that they print."""

import json
import statistics
import time


def median_secs(work, times=5, slow=float("inf")):
    """The median over `times` runs, after one that warms up; and what the last run gave. Where the first takes more than `slow` seconds,
    it is the only one: warming up is nothing to it."""
    start = time.perf_counter()
    result = work()
    first = time.perf_counter() - start
    if first > slow:
        return first, result
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), result


def report(**fields):
    print(json.dumps(fields), flush=True)
