"""What the peers' sides share: the median time of a piece of work, and the one line of JSON that they print."""

import json
import os
import statistics
import time

clock = time.process_time if os.environ.get("TIDEMILL_BENCH_CPU") else time.perf_counter


def median_secs(work, times=5, slow=float("inf")):
    """The median over `times` runs, after one that warms up; and what the last run gave. Where the first takes more than `slow` seconds,
    it is the only one: warming up is nothing to it."""
    start = clock()
    result = work()
    first = clock() - start
    if first > slow:
        return first, result
    taken = []
    for _ in range(times):
        start = clock()
        result = work()
        taken.append(clock() - start)
    return statistics.median(taken), result


def report(**fields):
    print(json.dumps(fields), flush=True)
