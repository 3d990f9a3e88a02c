"""Made signals.csv, once: `python make.py`. Decisions at the nine crossings of a grid of streets.

Cars queue from the west and from the north; green lets up to three pass to the next crossing, and new ones come in at the edge. The
log is that of a fixed cycle, but for one decision in four, which a coin takes."""

import csv
import random

SIDE, FLOW, STEPS = 3, 3, 400
r = random.Random(1)


def wait(queues):
    """How many steps the cars of these queues wait from now on at least."""
    return sum(n * (n + 1) / 2 / FLOW for n in queues)


queues = [[0, 0] for _ in range(SIDE * SIDE)]

with open("signals.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["step", "crossing", "west", "north", "green", "p", "reward"])
    for step in range(STEPS):
        cycle = step % 2
        green = [r.randrange(2) if r.random() < 0.25 else cycle for _ in queues]
        before = [list(q) for q in queues]
        arriving = [[0, 0] for _ in queues]
        for at, way in enumerate(green):
            passing = min(queues[at][way], FLOW)
            queues[at][way] -= passing
            row, column = divmod(at, SIDE)
            if way == 0 and column + 1 < SIDE:
                arriving[at + 1][0] += passing
            elif way == 1 and row + 1 < SIDE:
                arriving[at + SIDE][1] += passing
        for at, (west, north) in enumerate(before):
            p = 0.875 if green[at] == cycle else 0.125
            out.writerow([step, f"c{at}", west, north, ["west", "north"][green[at]], p, f"{0 - wait(queues[at]):.4g}"])
        for at in range(SIDE * SIDE):
            for way in range(2):
                at_edge = at % SIDE == 0 if way == 0 else at < SIDE
                rate = (0.5 if way == at % 2 else 0.1) if at_edge else 0.0
                new = sum(r.random() < rate for _ in range(3))
                queues[at][way] = min(30, queues[at][way] + arriving[at][way] + new)
