"""Made the tables of this folder, once: `python make.py`. What they say means nothing; they hold one column of every kind."""

import csv
import random
import struct

r = random.Random(20261127)


def bmp(grey):
    """A picture of 4 x 4 pixels, brighter below."""
    rows = b"".join(bytes([min(255, grey + 20 * y)] * 3) * 4 for y in range(4))
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + len(rows), 0, 0, 54, 40, 4, 4, 1, 24, 0, len(rows), 0, 0, 0, 0) + rows


for i in range(6):
    with open(f"grey{i}.bmp", "wb") as file:
        file.write(bmp(30 * i))

WORDS = ["tide", "mill", "water", "wheel", "grain", "stone", "flour", "sack"]
with open("people.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["id", "seen", "height", "width", "visits", "colour", "loud", "note", "kind", "price"])
    for i in range(72):
        height, width = r.gauss(0, 1), r.gauss(40, 8)
        colour, loud = r.choice(["red", "green", "blue"]), r.random() < 0.4
        score = height + (width - 40) / 8 * (1 if colour == "red" else -0.5) + (0.8 if loud else 0) + r.gauss(0, 0.4)
        kind = "high" if score > 0.7 else "low" if score < -0.7 else "middle"
        note = " ".join(r.choices(WORDS[:5] if kind == "high" else WORDS[3:], k=6))
        seen = f"2026-{1 + i % 12:02}-{1 + i % 28:02}"
        cells = [seen, f"{height:.3f}", f"{width:.2f}", r.randrange(9), colour, "yes" if loud else "no", note]
        for at in (1, 4):
            if r.random() < 0.08:
                cells[at] = ""
        out.writerow([f"p{i}", *cells, kind, f"{20 + 3 * score:.2f}"])

with open("media.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["photo", "past", "note", "size", "answer"])
    for i in range(48):
        k = r.randrange(6)
        past = [[t * 3_600_000_000, round(r.gauss(k, 1), 2)] for t in range(r.randrange(3, 9))]
        note = " ".join(r.choices(WORDS[:4] if k > 2 else WORDS[4:], k=5))
        answer = "yes" if k + r.gauss(0, 1) > 2.5 else "no"
        out.writerow([f"grey{k}.bmp" if r.random() > 0.05 else "", past, note, f"{r.gauss(k, 2):.2f}", answer])

# Logged decisions: which of three offers was made, with which probability, and what came of it.
r = random.Random(20261130)
with open("offers.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["age", "plan", "offer", "p", "earned"])
    for i in range(160):
        age, plan = r.randrange(18, 80), r.choice(["basic", "plus"])
        offer = r.choices(["mail", "call", "none"], weights=[0.5, 0.3, 0.2])[0]
        p = {"mail": 0.5, "call": 0.3, "none": 0.2}[offer]
        mean = {"mail": 2.0, "call": (age - 40) / 10, "none": 0.5 if plan == "basic" else 1.5}[offer]
        out.writerow([age, plan, offer, p, f"{mean + r.gauss(0, 1):.3f}"])

# Three places, the second between the others, month by month.
r = random.Random(20261201)
with open("places.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["place", "month", "sold", "neighbors"])
    levels = {"Au": 50.0, "Bo": 80.0, "Cy": 20.0}
    beside = {"Au": "Bo", "Bo": "Au;Cy=0.5", "Cy": "Bo"}
    for i in range(48):
        for place in levels:
            # About a level: the mean of the past errs by less than the last value.
            sold = levels[place] + r.gauss(0, 5)
            out.writerow([place, f"{2019 + i // 12}-{1 + i % 12:02}-01", f"{sold:.2f}", beside[place]])
# Masks of pictures: bright below a line that moves from picture to picture.
def plain(values):
    """A grey picture of 4 x 4 pixels, its rows from above."""
    rows = b"".join(bytes([v] * 3) * 4 for v in reversed(values))
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + len(rows), 0, 0, 54, 40, 4, 4, 1, 24, 0, len(rows), 0, 0, 0, 0) + rows


with open("scenes.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["picture", "mask"])
    for i in range(12):
        line = 1 + i % 3
        with open(f"scene{i}.bmp", "wb") as picture:
            picture.write(plain([20 + 5 * i if y < line else 150 + 5 * i for y in range(4)]))
        out.writerow([f"scene{i}.bmp", f"cut{line}.bmp"])
for line in (1, 2, 3):
    with open(f"cut{line}.bmp", "wb") as file:
        file.write(plain([0 if y < line else 1 for y in range(4)]))
