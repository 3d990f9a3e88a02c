"""Handwritten digits as pictures: reads a CSV of 64 pixels (0 to 16) and a label per row (with or without a line of names) and
writes each row as an 8x8 PNG into the folder of its class.

    python3 make.py digits.csv.gz digits
    tidemill train digits/

Needs Python alone: PNG is simple enough to write by hand.
"""

import csv
import gzip
import struct
import sys
import zlib
from pathlib import Path

SIDE = 8


def png(pixels):
    """An 8-bit grey PNG of these rows of pixels."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 0, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(row) for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def main(table, folder):
    opened = gzip.open if table.endswith(".gz") else open
    with opened(table, "rt", newline="") as file:
        rows = list(csv.reader(file))
    if not rows[0][0].replace(".", "", 1).isdigit():
        rows = rows[1:]
    for i, row in enumerate(rows):
        *pixels, label = row
        assert len(pixels) == SIDE * SIDE, f"row {i + 1} has {len(pixels)} pixels"
        # 16 is ink; a white page has none.
        grey = [255 - round(float(x) * 255 / 16) for x in pixels]
        place = Path(folder) / str(int(float(label)))
        place.mkdir(parents=True, exist_ok=True)
        lines = [grey[at : at + SIDE] for at in range(0, SIDE * SIDE, SIDE)]
        (place / f"{i:04}.png").write_bytes(png(lines))
    print(f"{len(rows)} pictures in {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
