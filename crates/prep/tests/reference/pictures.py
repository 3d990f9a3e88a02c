"""Writes pictures.json: some small pictures in every format, and what Pillow makes of them. Run: python pictures.py (Pillow 13)."""

import base64
import io
import json
import math
from pathlib import Path

from PIL import Image, ImageOps

WIDTH, HEIGHT = 40, 28


def scene(mode="RGB"):
    """Slopes, a disc and a fine grid, so that a slip of half a pixel shows."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            disc = 80 if math.hypot(x - 13, y - 10) < 7 else 0
            grid = 60 if x > 28 and (x + y) % 3 == 0 else 0
            image.putpixel((x, y), (min(255, 6 * x + grid), min(255, 8 * y + disc), (5 * x + 3 * y + disc) % 256))
    return image.convert(mode)


def with_alpha():
    image = scene("RGBA")
    for y in range(HEIGHT):
        for x in range(WIDTH):
            red, green, blue, _ = image.getpixel((x, y))
            image.putpixel((x, y), (red, green, blue, (x * 7 + y * 3) % 256))
    return image


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(scene(), "JPEG", quality=95, subsampling=0, exif=exif)


PICTURES = {
    "rgb.png": encoded(scene(), "PNG"),
    "grey.png": encoded(scene("L"), "PNG"),
    "palette.png": encoded(scene().quantize(32), "PNG"),
    "alpha.png": encoded(with_alpha(), "PNG"),
    "rgb.bmp": encoded(scene(), "BMP"),
    "rgb.webp": encoded(scene(), "WEBP", lossless=True),
    "palette.gif": encoded(scene().quantize(64), "GIF"),
    "rgb.jpg": encoded(scene(), "JPEG", quality=95, subsampling=0),
    "grey.jpg": encoded(scene("L"), "JPEG", quality=95),
    "progressive.jpg": encoded(scene(), "JPEG", quality=95, subsampling=0, progressive=True),
    **{f"turned{n}.jpg": turned(n) for n in (3, 6, 8, 5)},
}

FRAMES = [
    {"width": 40, "height": 28, "channels": 3},
    {"width": 16, "height": 16, "channels": 3},
    {"width": 16, "height": 16, "channels": 1},
    {"width": 60, "height": 50, "channels": 1},
    {"width": 12, "height": 20, "channels": 3, "fit": "crop"},
    {"width": 20, "height": 9, "channels": 1, "fit": "crop"},
    {"width": 12, "height": 20, "channels": 3, "fit": "pad"},
    {"width": 33, "height": 9, "channels": 1, "fit": "pad"},
]


def flat(bytes_):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(bytes_)))
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image.convert("L" if image.mode == "L" else "RGB")


def framed(image, frame):
    size = (frame["width"], frame["height"])
    image = image.convert("L" if frame["channels"] == 1 else "RGB")
    filter_ = Image.Resampling.BILINEAR
    match frame.get("fit", "stretch"):
        case "stretch":
            image = image.resize(size, filter_)
        case "crop":
            image = ImageOps.fit(image, size, filter_)
        case "pad":
            image = ImageOps.pad(image, size, filter_, color="white")
    # Plane after plane.
    return b"".join(band.tobytes() for band in image.split())


def cut(name, share):
    return PICTURES[name][: int(len(PICTURES[name]) * share)]


def huge():
    """A whole PNG whose header claims 10,000 x 10,000 pixels, its checksum mended."""
    import struct
    import zlib

    png = bytearray(PICTURES["rgb.png"])
    png[16:24] = struct.pack(">II", 10_000, 10_000)
    png[29:33] = struct.pack(">I", zlib.crc32(bytes(png[12:29])))
    return bytes(png)


BAD = {
    "empty": b"",
    "text": b"id,age\n1,31\n",
    "huge header": huge(),
    **{f"{name} cut off": cut(name, 0.6) for name in ("rgb.png", "rgb.jpg", "progressive.jpg", "palette.gif", "rgb.webp", "rgb.bmp")},
    "a JPEG without its end": PICTURES["rgb.jpg"][:-2],
}


def text(bytes_):
    return base64.b64encode(bytes_).decode()


if __name__ == "__main__":
    cases = [
        {"picture": name, "frame": frame, "pixels": text(framed(flat(bytes_), frame))}
        for name, bytes_ in PICTURES.items()
        for frame in FRAMES
    ]
    document = {
        "pictures": {name: text(bytes_) for name, bytes_ in PICTURES.items()},
        "bad": {name: text(bytes_) for name, bytes_ in BAD.items()},
        "cases": cases,
    }
    Path(__file__).with_name("pictures.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
