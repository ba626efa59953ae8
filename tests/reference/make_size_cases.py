# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "pillow==12.1.1"]
# ///
"""Writes size_cases.json: what Pillow, torchvision and PyTorch give for images of every odd size.

    uv run make_size_cases.py        (or: pip install numpy==2.4.6 pillow==12.1.1; python make_size_cases.py)

The images are formulas (`image` below, and again in the test), so only results are stored: the square's
position, the SHA-256 of its bytes and its middle row. torchvision's arithmetic is written out here:
https://github.com/pytorch/vision/blob/v0.20.0/torchvision/transforms/functional.py
(`_compute_resized_output_size`, `center_crop`). Pillow is 12.1 because later releases resample the rows of
tall images that shrink before their columns, which changes some levels. 0.7 GB of memory, half a minute.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

# Sides of 1, the sides around 224, and ratios as extreme as fit in memory.
ODD = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2), (1, 224), (224, 1), (1, 3000), (3000, 1), (7, 999), (999, 7)]
AROUND = [(w, h) for w in (223, 224, 225) for h in (223, 224, 225)]
# The square's margin is odd, so its half is rounded to even: not resized, and resized.
MARGINS = [(224, 224 + d) for d in (1, 2, 3, 5, 7, 9)] + [(224 + d, 224) for d in (1, 3, 5, 7)]
RESIZED_MARGINS = [(100, 101), (101, 100), (100, 102), (448, 451), (455, 448), (452, 450), (150, 157), (157, 150)]
PHOTOS = [(96, 64), (301, 203), (333, 500), (500, 333), (640, 480), (1001, 667), (1024, 768), (1999, 1501)]
# Shrunk by much more in number along one side than along the other.
LONG = [(300, 1000), (1000, 300), (230, 23100), (9000, 230)]
# The sizes of other models, and tiny ones.
OTHER = [(255, 256), (256, 257), (1, 256), (320, 240), (240, 320), (777, 333), (1280, 720), (5, 3)]

CASES = (
    [(224, "noise", s) for s in ODD + AROUND + MARGINS + RESIZED_MARGINS + PHOTOS + LONG]
    + [(224, "blocks", s) for s in [(2, 3), (7, 30), (40, 33), (96, 64), (223, 225), (225, 223), (640, 480)]]
    + [(256, "noise", s) for s in OTHER]
    + [(336, "blocks", s) for s in OTHER]
    + [(size, "noise", (50, 37)) for size in (1, 2, 7, 32, 37, 38)]
)

NORMALIZATIONS = {
    "openai": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "inception": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


def hashed(x: np.ndarray, y: np.ndarray, c: np.ndarray) -> np.ndarray:
    """A well mixed byte for each position, the same in every language: 32-bit arithmetic that wraps."""
    h = x * np.uint32(0x9E3779B1) + y * np.uint32(0x85EBCA77) + c * np.uint32(0xC2B2AE3D)
    h = (h ^ (h >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    h = (h ^ (h >> np.uint32(12))) * np.uint32(0x297A2D39)
    return (h ^ (h >> np.uint32(15))).astype(np.uint8)


def image(pattern: str, width: int, height: int) -> Image.Image:
    """`noise`, or `blocks`: 5 x 5 pixels of black or white a channel, whose edges overshoot and are clamped."""
    x = np.arange(width, dtype=np.uint32)[None, :, None]
    y = np.arange(height, dtype=np.uint32)[:, None, None]
    c = np.arange(3, dtype=np.uint32)[None, None, :]
    if pattern == "noise":
        return Image.fromarray(hashed(x, y, c))
    return Image.fromarray((hashed(x // 5, y // 5, c) & 1) * np.uint8(255))


def transform(source: Image.Image, size: int) -> tuple[tuple[int, int], tuple[int, int], Image.Image]:
    width, height = source.size
    short, long = (width, height) if width <= height else (height, width)
    if short != size:
        new_long = int(size * long / short)
        source = source.resize((size, new_long) if width <= height else (new_long, size), Image.Resampling.BICUBIC)
    width, height = source.size
    left, top = int(round((width - size) / 2.0)), int(round((height - size) / 2.0))
    return (width, height), (left, top), source.crop((left, top, left + size, top + size))


def case(size: int, pattern: str, sides: tuple[int, int]) -> dict:
    resized, corner, crop = transform(image(pattern, *sides), size)
    pixels = np.asarray(crop)
    return {
        "source": sides, "pattern": pattern, "size": size, "resized": resized, "corner": corner,
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(), "middle_row": pixels[size // 2].tobytes().hex(),
    }


def normalization(name: str, mean: tuple, std: tuple) -> dict:
    """The value of each level, red then green then blue, as the bits of an f32 (big-endian, in hexadecimal)."""
    mean, std = np.float32(mean)[:, None], np.float32(std)[:, None]
    values = (np.arange(256, dtype=np.float32)[None] / np.float32(255) - mean) / std
    assert values.dtype == np.float32
    return {"name": name, "mean": mean.ravel().tolist(), "std": std.ravel().tolist(), "levels": values.astype(">f4").tobytes().hex()}


def main() -> None:
    versions = {"pillow": PIL.__version__, "numpy": np.__version__}
    lines = {
        "cases": [json.dumps(case(*c)) for c in CASES],
        "normalizations": [json.dumps(normalization(n, *v)) for n, v in NORMALIZATIONS.items()],
    }
    lists = ",\n".join(f'"{name}": [\n' + ",\n".join(rows) + "\n]" for name, rows in lines.items())
    out = Path(__file__).with_name("size_cases.json")
    out.write_text(f'{{\n"versions": {json.dumps(versions)},\n{lists}\n}}\n')


if __name__ == "__main__":
    main()
