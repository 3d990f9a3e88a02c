"""What the peers' sides share: the median time of a piece of work, and the one line of JSON that they print."""

import json
import statistics
import time


def median_secs(work, times=5):
    """The median over `times` runs, after one that warms up; and what the last run gave."""
    result = work()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), result


def report(**fields):
    print(json.dumps(fields), flush=True)
