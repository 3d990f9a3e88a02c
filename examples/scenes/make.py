"""Makes scenes.csv with its pictures and masks: `python make.py [FOLDER [PICTURES [SEED]]]`, without Pillow or NumPy.

Discs and squares, a little brighter than a background that grows brighter from one side to the other, all of it under noise: no
threshold tells them apart, and their shapes do. In a mask 0 is the ground, 1 a disc, 2 a square.
"""
import random
import struct
import sys
import zlib
from pathlib import Path

SIDE = 48


def png(rows):
    """A grey PNG of 8 bits."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def scene(r):
    """A picture and its mask, row by row."""
    things = []
    while len(things) < 3:
        radius = r.randint(4, 8)
        x, y = (r.randint(radius, SIDE - 1 - radius) for _ in range(2))
        if all(abs(x - a) > radius + b + 1 or abs(y - c) > radius + b + 1 for a, c, b, _ in things):
            things.append((x, y, radius, r.choice([1, 2])))
    base, slope, turned = r.uniform(20, 60), r.uniform(90, 130), r.random() < 0.5
    picture, mask = [], []
    for y in range(SIDE):
        values, classes = [], []
        for x in range(SIDE):
            found = 0
            for a, b, radius, kind in things:
                dx, dy = abs(x - a), abs(y - b)
                if (dx * dx + dy * dy <= radius * radius) if kind == 1 else max(dx, dy) <= radius - 1:
                    found = kind
            along = (SIDE - 1 - x if turned else x) / SIDE
            value = base + slope * along + (40 if found else 0) + r.gauss(0, 8)
            values.append(max(0, min(255, round(value))))
            classes.append(found)
        picture.append(values)
        mask.append(classes)
    return picture, mask


def make(folder, n, seed):
    r, folder = random.Random(seed), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["picture,mask"]
    for i in range(n):
        picture, mask = scene(r)
        (folder / f"scene{i}.png").write_bytes(png(picture))
        (folder / f"mask{i}.png").write_bytes(png(mask))
        lines.append(f"scene{i}.png,mask{i}.png")
    (folder / "scenes.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    asked = sys.argv[1:] + ["scenes", "80", "1"][len(sys.argv) - 1:]
    make(asked[0], int(asked[1]), int(asked[2]))
