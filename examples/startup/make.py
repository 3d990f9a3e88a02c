"""Purchases of credits in the pilot of the example plan: drawn from a BG/NBD and Gamma-Gamma world, seed 18."""

import csv
import datetime
import random

random.seed(18)
start, end = datetime.date(2026, 1, 1), datetime.date(2026, 11, 30)
rows = []
for i in range(420):
    day = start + datetime.timedelta(days=random.randrange(260))
    rate = random.gammavariate(0.9, 1 / 28)
    leaves = random.betavariate(0.9, 4.0)
    mean = 42.0 / random.gammavariate(4.0, 1 / 3.0)
    while day <= end:
        rows.append((day.isoformat(), f"c{i:04}", f"{max(random.gammavariate(6.0, mean / 6.0), 1.0):.2f}"))
        if random.random() < leaves:
            break
        day += datetime.timedelta(days=max(1, round(random.expovariate(rate))))
rows.sort()
with open("purchases.csv", "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["date", "customer", "amount"])
    writer.writerows(rows)
print(len(rows))
