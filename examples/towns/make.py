"""Makes towns.csv and roads.csv: 300 invented towns, the roads between them, and rents that follow the jobs of the neighbours.

Run from this folder: python make.py
"""
import csv
import math
import random

random.seed(11)
N = 300
NAMES_A = ["Ash", "Birch", "Clay", "Dove", "Elm", "Fern", "Glen", "Hazel", "Iron", "Juniper", "Kings", "Lark", "Mill", "North", "Oak"]
NAMES_B = ["bridge", "bury", "by", "combe", "dale", "field", "ford", "gate", "ham", "hill", "ley", "mere", "mouth", "port", "stead",
           "stoke", "ton", "well", "wick", "worth"]
names = [a + b for a in NAMES_A for b in NAMES_B]
random.shuffle(names)
places = [(random.random() * 100, random.random() * 100) for _ in range(N)]
jobs = [round(random.gauss(0, 1), 2) for _ in range(N)]
people = [int(random.lognormvariate(8, 0.8)) for _ in range(N)]
coast = [random.random() < 0.2 for _ in range(N)]
roads = set()
for i, here in enumerate(places):
    near = sorted((math.dist(here, there), j) for j, there in enumerate(places) if j != i)
    roads.update((min(i, j), max(i, j)) for _, j in near[:3])
ends = [[] for _ in range(N)]
for a, b in roads:
    ends[a].append(b)
    ends[b].append(a)
with open("towns.csv", "w", newline="") as out:
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["town", "jobs", "people", "coast", "rent"])
    for i in range(N):
        around = sum(jobs[j] for j in ends[i]) / len(ends[i])
        rent = 700 + 40 * jobs[i] + 150 * around + 90 * coast[i] + 20 * math.log(people[i] / 3000) + random.gauss(0, 20)
        table.writerow([names[i], jobs[i], people[i], "yes" if coast[i] else "no", round(rent)])
with open("roads.csv", "w", newline="") as out:
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["from", "to"])
    table.writerows([names[a], names[b]] for a, b in sorted(roads))
