"""Makes `trips.csv`, one row per trip: how somebody went (on foot, by bike, by bus or by car), and the trip as series of longitude and
latitude: `python make.py`. Speeds, turns and stops are made up; nobody went anywhere."""

import csv
import json
import math
import random

r = random.Random(20261201)
#       speed in m/s, how much it varies, the chance of a stop at each fix, how long it lasts (fixes), turns in degrees
MODES = {
    "foot": (1.4, 0.2, 0.02, 3, 25),
    "bike": (4.5, 0.9, 0.03, 3, 15),
    "bus": (8.0, 2.0, 0.10, 4, 8),
    "car": (11.0, 3.0, 0.05, 5, 8),
}


def trip(mode, start):
    speed, varies, stops, stays, turns = MODES[mode]
    speed *= math.exp(r.gauss(0, 0.3))
    lon, lat, at, heading, wait = 13.4 + r.gauss(0, 0.05), 52.5 + r.gauss(0, 0.03), start, r.uniform(0, 360), 0
    fixes = []
    for _ in range(r.randrange(12, 60)):
        fixes.append((at, lon, lat))
        gap = r.choice([10, 10, 10, 15, 20])
        wait = wait - 1 if wait > 0 else (stays if r.random() < stops else 0)
        way = 0.0 if wait else max(0.0, r.gauss(speed, varies)) * gap
        heading += r.gauss(0, turns)
        # Satellites err by some metres.
        east = way * math.sin(math.radians(heading)) + r.gauss(0, 2)
        north = way * math.cos(math.radians(heading)) + r.gauss(0, 2)
        lat += north / 111_195
        lon += east / (111_195 * math.cos(math.radians(lat)))
        at += gap
    return fixes


with open("trips.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["trip", "mode", "lon", "lat"])
    for i in range(600):
        mode = r.choice(list(MODES))
        fixes = trip(mode, 1_780_000_000 + 3600 * i)
        lon = [[at * 1_000_000, round(x, 6)] for at, x, _ in fixes]
        lat = [[at * 1_000_000, round(y, 6)] for at, _, y in fixes]
        out.writerow([f"t{i}", mode, json.dumps(lon), json.dumps(lat)])
