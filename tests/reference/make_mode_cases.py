# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow==13.0.0", "numpy==2.4.6"]
# ///
"""Writes modes/: one small image for each colour mode and variant, and the pixels Pillow gives for it.

    uv run make_mode_cases.py        (or: pip install pillow==13.0.0 numpy==2.4.6; python make_mode_cases.py)

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libtiff 4.7.2) and numpy 2.4.6.

    modes/NAME                  the image
    modes/expected/NAME.png     Image.open(NAME).convert("RGB"), lossless
    modes/upright/NAME.png      the same after ImageOps.exif_transpose, where there is an orientation to apply

What Pillow cannot write is assembled here from bytes. 16-bit grey is the one mode whose expected pixels are not
Pillow's (it clips them to white): they are the high bytes.
"""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
OUT = HERE / "modes"
VERSIONS = {"pillow": "13.0.0", "numpy": "2.4.6"}

W, H = 41, 27
LARGE = Image.fromarray(np.asarray(Image.open(HERE / "images" / "cat.png").convert("RGB")))  # without its profile
PHOTO = LARGE.resize((W, H))
RGB = np.asarray(PHOTO)
ALPHA = np.add.outer(np.arange(H) * 5, np.arange(W) * 3).astype(np.uint8)
RGBA = Image.fromarray(np.dstack([RGB, ALPHA]))
GREY = PHOTO.convert("L")
DEEP = (RGB.astype(np.uint16) << 8) | RGB[:, ::-1]  # 16 bits whose low byte is not the high one
PALETTE = PHOTO.quantize(61)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# --- PNG ---------------------------------------------------------------------------------------------------------


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pack_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """Rows of samples of 1, 2 or 4 bits as bytes, first sample highest."""
    spread = (values[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(len(values), -1).astype(np.uint8), axis=1)


def png(rows: np.ndarray, bits: int, color: int, extra: bytes = b"", interlaced: bool = False) -> bytes:
    """`rows` is height x width x samples, of uint8 or uint16."""
    height, width = rows.shape[:2]

    def scanlines(part: np.ndarray) -> bytes:
        if part.size == 0:
            return b""
        part = part.reshape(part.shape[0], -1)
        packed = pack_bits(part, bits) if bits < 8 else part.astype(">u2").view(np.uint8) if bits == 16 else part
        return b"".join(b"\0" + row.tobytes() for row in packed)

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    if interlaced:
        data = b"".join(scanlines(rows[y::dy, x::dx]) for y, x, dy, dx in passes)
    else:
        data = scanlines(rows)
    ihdr = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", ihdr) + extra
        + png_chunk(b"IDAT", zlib.compress(data, 9)) + png_chunk(b"IEND", b"")
    )  # fmt: skip


def png_cases():
    grey, deep_alpha = np.asarray(GREY)[..., None], (ALPHA.astype(np.uint16) << 8) | 77
    plte = png_chunk(b"PLTE", bytes(PALETTE.getpalette()[: 3 * 61]))
    indices = np.asarray(PALETTE)[..., None]
    for bits in (1, 2, 4):
        yield f"grey-{bits}bit.png", png(grey >> (8 - bits), bits, 0)
        yield f"grey-{bits}bit-interlaced.png", png(grey >> (8 - bits), bits, 0, interlaced=True)
        colors = png_chunk(b"PLTE", RGB[5, : 1 << bits].tobytes())
        yield f"palette-{bits}bit.png", png(grey >> (8 - bits), bits, 3, colors)
    yield "grey-trns.png", png(grey, 8, 0, png_chunk(b"tRNS", b"\0\x20"))
    yield "grey-16bit.png", png(DEEP[..., :1], 16, 0)
    yield "grey-alpha.png", png(np.dstack([grey, ALPHA]), 8, 4)
    yield "grey-alpha-16bit.png", png(np.dstack([DEEP[..., :1], deep_alpha]), 16, 4)
    yield "rgb.png", png(RGB, 8, 2)
    yield "rgb-interlaced.png", png(RGB, 8, 2, interlaced=True)
    yield "rgb-trns.png", png(RGB, 8, 2, png_chunk(b"tRNS", b"".join(bytes([0, v]) for v in RGB[0, 0])))
    yield "rgb-16bit.png", png(DEEP, 16, 2)
    yield "rgba.png", saved(RGBA, "PNG")
    yield "rgba-16bit-interlaced.png", png(np.dstack([DEEP, deep_alpha]), 16, 6, interlaced=True)
    yield "palette.png", png(indices, 8, 3, plte)
    yield "palette-trns.png", png(indices, 8, 3, plte + png_chunk(b"tRNS", bytes(range(0, 244, 4))))
    yield "palette-index-beyond.png", png(indices + np.uint8(20), 8, 3, plte)
    second = Image.fromarray(RGB[::-1].copy())
    yield "animated.png", saved(PHOTO, "PNG", save_all=True, append_images=[second])
    yield "animated-default.png", saved(PHOTO, "PNG", save_all=True, append_images=[second], default_image=True)
    for side in ((1, 1), (1, H), (W, 1)):
        yield f"rgb-{side[0]}x{side[1]}.png", saved(PHOTO.crop((0, 0, *side)), "PNG")


# --- JPEG --------------------------------------------------------------------------------------------------------


def segments(jpeg: bytes) -> dict[int, bytes]:
    """The first segment of each marker, with its marker and length."""
    found, at = {}, 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4])
        found.setdefault(jpeg[at + 1], b"")
        found[jpeg[at + 1]] += jpeg[at:end]
        at = end
    return found


def jpeg(planes: list[np.ndarray], sampling: list[tuple[int, int]], transform: int | None, separate=False) -> bytes:
    """A baseline JPEG of the given planes (full size each) with any sampling factors, in one scan or in one for each:
    what Pillow's encoder does not offer. Tables are those of a grey JPEG that Pillow writes."""
    tables = segments(saved(Image.fromarray(planes[0]), "JPEG", quality=92))
    zigzag = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
    steps = np.array(list(tables[0xDB][5:69]))
    codes: dict[int, dict[int, str]] = {}
    dht = tables[0xC4]
    while dht:
        end = 2 + int.from_bytes(dht[2:4])
        code, values = 0, iter(dht[21:end])
        codes[dht[4]] = {}
        for length, count in enumerate(dht[5:21], 1):
            for _ in range(count):
                codes[dht[4]][next(values)] = f"{code:0{length}b}"
                code += 1
            code <<= 1
        dht = dht[end:]
    k = np.arange(8)
    basis = np.cos((2 * k[None] + 1) * k[:, None] * np.pi / 16) * np.where(k[:, None] == 0, np.sqrt(1 / 8), 0.5)

    def number(v: int) -> tuple[int, str]:
        size = abs(v).bit_length()
        return size, f"{v if v > 0 else v + (1 << size) - 1:0{size}b}" if size else ""

    height, width = planes[0].shape
    hmax, vmax = max(h for h, _ in sampling), max(v for _, v in sampling)
    across, down = -(-width // (8 * hmax)), -(-height // (8 * vmax))
    blocks = []
    for plane, (h, v) in zip(planes, sampling):
        full = np.pad(plane, ((0, down * 8 * vmax - height), (0, across * 8 * hmax - width)), mode="edge")
        fy, fx = vmax // v, hmax // h
        small = full.reshape(full.shape[0] // fy, fy, full.shape[1] // fx, fx).mean((1, 3)) - 128
        tiles = small.reshape(small.shape[0] // 8, 8, small.shape[1] // 8, 8).swapaxes(1, 2)
        coefficients = (basis @ tiles @ basis.T).reshape(*tiles.shape[:2], 64)[..., zigzag]
        blocks.append(np.rint(coefficients / steps).astype(int))

    def order(components: list[int]):
        """The blocks of a scan, each with its component: of one component without what fills up the last units."""
        if len(components) == 1:
            (c,) = components
            h, v = sampling[c]
            for y, x in np.ndindex(-(-height * v // (8 * vmax)), -(-width * h // (8 * hmax))):
                yield c, blocks[c][y, x]
            return
        for my, mx in np.ndindex(down, across):
            for c in components:
                h, v = sampling[c]
                for y, x in np.ndindex(v, h):
                    yield c, blocks[c][my * v + y, mx * h + x]

    def scan(components: list[int]) -> bytes:
        bits, last = [], [0] * len(planes)
        for c, block in order(components):
            size, extra = number(int(block[0]) - last[c])
            last[c] = int(block[0])
            bits += [codes[0x00][size], extra]
            run = 0
            for value in map(int, block[1 : np.flatnonzero(block)[-1] + 1 if block.any() else 1]):
                if value == 0:
                    run += 1
                    continue
                bits += [codes[0x10][0xF0]] * (run // 16)
                size, extra = number(value)
                bits += [codes[0x10][run % 16 << 4 | size], extra]
                run = 0
            if not block[-1]:
                bits.append(codes[0x10][0])
        stream = "".join(bits)
        stream += "1" * (-len(stream) % 8)
        data = int(stream, 2).to_bytes(len(stream) // 8).replace(b"\xff", b"\xff\0")
        head = bytes([len(components)]) + b"".join(bytes([c + 1, 0]) for c in components) + b"\0\x3f\0"
        return b"\xff\xda" + struct.pack(">H", len(head) + 2) + head + data

    count = len(planes)
    frame = struct.pack(">BHHB", 8, height, width, count)
    frame += b"".join(bytes([c + 1, h << 4 | v, 0]) for c, (h, v) in enumerate(sampling))
    scans = [[c] for c in range(count)] if separate else [list(range(count))]
    adobe = b"" if transform is None else b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])
    return (
        b"\xff\xd8" + adobe + tables[0xDB] + b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + tables[0xC4]
        + b"".join(map(scan, scans)) + b"\xff\xd9"
    )  # fmt: skip


def first_scans(progressive: bytes, count: int) -> bytes:
    """The first scans of a progressive JPEG, as a complete file of less detail."""
    at = -1
    for _ in range(count + 1):
        at = progressive.index(b"\xff\xda", at + 1)
    while progressive[at - 1] != 0xFF or progressive[at] != 0xC4:  # back over the tables of the scan
        at -= 1
    return progressive[: at - 1] + b"\xff\xd9"


def deep_steps(jpeg: bytes) -> bytes:
    """The same JPEG with quantisation tables of 16 bits."""
    tables = segments(jpeg)[0xDB]
    deep = b""
    for at in range(0, len(tables), 69):
        steps = b"".join(bytes([0, step]) for step in tables[at + 5 : at + 69])
        deep += b"\xff\xdb\0\x83" + bytes([0x10 | tables[at + 4]]) + steps
    return jpeg.replace(tables, deep)


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[274] = orientation
    return tags.tobytes()


def jpeg_cases():
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        name = sampling.replace(":", "")
        yield f"ycbcr-{name}.jpg", saved(PHOTO, "JPEG", quality=90, subsampling=sampling)
        yield f"progressive-{name}.jpg", saved(PHOTO, "JPEG", quality=90, subsampling=sampling, progressive=True)
    yield "grey.jpg", saved(GREY, "JPEG", quality=90)
    yield "grey-progressive.jpg", saved(GREY, "JPEG", quality=90, progressive=True)
    yield "rgb-adobe.jpg", saved(PHOTO, "JPEG", quality=90, keep_rgb=True)
    yield "restarts.jpg", saved(PHOTO, "JPEG", quality=90, restart_marker_blocks=3)
    yield "restarts-progressive.jpg", saved(PHOTO, "JPEG", quality=90, restart_marker_blocks=3, progressive=True)
    yield "low-quality.jpg", saved(PHOTO, "JPEG", quality=8)
    cmyk = PHOTO.convert("CMYK")
    yield "cmyk.jpg", saved(cmyk, "JPEG", quality=90)
    yield "cmyk-progressive.jpg", saved(cmyk, "JPEG", quality=90, progressive=True)
    ycc = list(np.moveaxis(np.asarray(PHOTO.convert("YCbCr")), 2, 0))
    black = 255 - np.asarray(GREY) // 5
    yield "ycck.jpg", jpeg([*ycc, black], [(1, 1)] * 4, 2)
    yield "ycck-420.jpg", jpeg([*ycc, black], [(2, 2), (1, 1), (1, 1), (2, 2)], 2)
    yield "cmyk-no-adobe.jpg", jpeg([*ycc, black], [(1, 1)] * 4, None)
    yield "ycbcr-411.jpg", jpeg(ycc, [(4, 1), (1, 1), (1, 1)], None)
    yield "ycbcr-440.jpg", jpeg(ycc, [(1, 2), (1, 1), (1, 1)], None)
    yield "ycbcr-410.jpg", jpeg(ycc, [(4, 2), (1, 1), (1, 1)], None)
    yield "ycbcr-311.jpg", jpeg(ycc, [(3, 1), (1, 1), (1, 1)], None)
    yield "ycbcr-mixed.jpg", jpeg(ycc, [(2, 2), (2, 1), (1, 2)], None)
    yield "separate-scans.jpg", jpeg(ycc, [(2, 2), (1, 1), (1, 1)], None, separate=True)
    progressive = saved(PHOTO, "JPEG", quality=90, progressive=True)
    yield "progressive-means-only.jpg", first_scans(progressive, 1)
    yield "progressive-coarse.jpg", first_scans(progressive, 3)
    frame = b"\xff\xc0\0\x0b\x08" + struct.pack(">HH", H, W) + b"\x01\x01"
    yield "grey-sampling-22.jpg", saved(GREY, "JPEG", quality=90).replace(frame + b"\x11", frame + b"\x22")
    plain = saved(PHOTO, "JPEG", quality=90)
    yield "trailing-bytes.jpg", plain + b"\0more bytes behind the image\xff\xd8\xff"
    yield "padded-scan.jpg", plain[:-2] + b"\0\0\0\0\0\0" + plain[-2:]
    yield "stray-bytes.jpg", plain[:20] + b"\0\0\0\0\0\0" + plain[20:]  # behind APP0
    yield "no-huffman-tables.jpg", plain.replace(segments(plain)[0xC4], b"")  # a frame of Motion JPEG
    yield "deep-quantisation.jpg", deep_steps(plain)
    comment = b"\xff\xfe\0\x0ea comment \xff\xd9"
    yield "marker-in-comment.jpg", plain[:2] + comment + plain[2:]
    for width, height in ((1, 1), (7, 5), (8, 8), (9, 17), (15, 16), (16, 15), (17, 33), (31, 3), (3, 31), (33, 32)):
        yield f"size-{width}x{height}.jpg", saved(LARGE.resize((width, height)), "JPEG", quality=90)
    yield "size-19x67.jpg", saved(LARGE.resize((19, 67)), "JPEG", quality=90, subsampling="4:2:0")
    yield "size-300x3.jpg", saved(LARGE.resize((300, 3)), "JPEG", quality=90)
    for orientation in range(1, 9):
        small = PHOTO.crop((0, 0, 24, 16))
        yield f"exif-{orientation}.jpg", saved(small, "JPEG", quality=90, exif=exif(orientation))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="6"/></x:xmpmeta>'
    yield "xmp-6.jpg", saved(PHOTO.crop((0, 0, 24, 16)), "JPEG", quality=90, xmp=xmp)


# --- GIF ---------------------------------------------------------------------------------------------------------


def lzw(pixels: bytes, bits: int) -> bytes:
    """GIF's LZW without any compression: the table is cleared before it would widen the codes."""
    clear, per_clear = 1 << bits, (1 << bits) - 2
    codes = []
    for i, pixel in enumerate(pixels):
        codes += [clear] * (i % per_clear == 0) + [pixel]
    value = sum(code << i * (bits + 1) for i, code in enumerate([*codes, clear + 1]))
    data = value.to_bytes(-(-(len(codes) + 1) * (bits + 1) // 8), "little")
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    return bytes([bits]) + blocks + b"\0"


def gif(screen, frame, pixels: np.ndarray, colors=None, local=None, transparent=None) -> bytes:
    """One frame at (left, top) on a screen (width, height); palettes of 8 colours."""
    height, width = pixels.shape
    out = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x82 if colors else 0, 3, 0) + (colors or b"")
    if transparent is not None:
        out += b"!\xf9\x04\x01\0\0" + bytes([transparent, 0])
    out += b"," + struct.pack("<HHHHB", *frame, width, height, 0x82 if local else 0) + (local or b"")
    return out + lzw(pixels.tobytes(), 3) + b";"


def gif_cases():
    colors, local = RGB[9, :8].tobytes(), RGB[20, 10:18].tobytes()
    ramp = bytes(v for i in range(8) for v in (i, i, i))
    pixels = np.asarray(GREY.crop((0, 0, 12, 9))) >> 5
    yield "plain.gif", saved(PALETTE, "GIF")
    yield "interlaced.gif", saved(PALETTE, "GIF", interlace=1)
    yield "not-interlaced.gif", saved(PALETTE, "GIF", interlace=0)
    yield "grey.gif", saved(GREY, "GIF")
    yield "transparent.gif", saved(RGBA.convert("P"), "GIF", transparency=3)
    rest = [Image.fromarray(RGB[::-1].copy()).quantize(40)]
    yield "animated.gif", saved(PALETTE, "GIF", save_all=True, append_images=rest, duration=50)
    yield "small-first-frame.gif", gif((20, 15), (3, 4), pixels, colors)
    yield "small-first-frame-transparent.gif", gif((20, 15), (3, 4), pixels, colors, transparent=5)
    yield "frame-beyond-screen.gif", gif((10, 8), (3, 4), pixels, colors)
    yield "local-palette.gif", gif((12, 9), (0, 0), pixels, colors, local)
    yield "local-palette-small-frame.gif", gif((20, 9), (0, 0), pixels, colors, local)
    yield "local-ramp.gif", gif((12, 9), (0, 0), pixels, colors, ramp)
    yield "global-ramp.gif", gif((12, 9), (0, 0), pixels, ramp)
    yield "no-palette.gif", gif((20, 15), (3, 4), pixels)


# --- WebP --------------------------------------------------------------------------------------------------------


def webp_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp_animation(canvas, places, images) -> bytes:
    def u24(v):
        return struct.pack("<I", v)[:3]

    head = webp_chunk(b"VP8X", b"\x12\0\0\0" + u24(canvas[0] - 1) + u24(canvas[1] - 1))
    head += webp_chunk(b"ANIM", b"\x40\x50\x60\x70\0\0")
    for (left, top), image in zip(places, images):
        chunks, at = b"", 12
        data = saved(image, "WEBP", lossless=True, exact=True)
        while at < len(data):
            size = struct.unpack("<I", data[at + 4 : at + 8])[0]
            if data[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
                chunks += data[at : at + 8 + size + size % 2]
            at += 8 + size + size % 2
        place = u24(left // 2) + u24(top // 2) + u24(image.width - 1) + u24(image.height - 1)
        head += webp_chunk(b"ANMF", place + u24(100) + b"\0" + chunks)
    return b"RIFF" + struct.pack("<I", len(head) + 4) + b"WEBP" + head


def webp_cases():
    yield "lossless.webp", saved(PHOTO, "WEBP", lossless=True)
    yield "lossless-alpha.webp", saved(RGBA, "WEBP", lossless=True, exact=True)
    yield "lossless-palette.webp", saved(PALETTE.convert("RGB"), "WEBP", lossless=True)
    yield "lossy.webp", saved(PHOTO, "WEBP", quality=80)
    yield "lossy-alpha.webp", saved(RGBA, "WEBP", quality=80)
    yield "lossy-1x1.webp", saved(PHOTO.crop((0, 0, 1, 1)), "WEBP", quality=80)
    yield "lossy-17x33.webp", saved(LARGE.resize((17, 33)), "WEBP", quality=60)
    yield "lossless-exif-6.webp", saved(PHOTO.crop((0, 0, 24, 16)), "WEBP", lossless=True, exif=exif(6))
    second = Image.fromarray(RGB[::-1].copy())
    yield "animated-lossless.webp", saved(PHOTO, "WEBP", save_all=True, append_images=[second], lossless=True)
    yield "animated-lossy.webp", saved(PHOTO, "WEBP", save_all=True, append_images=[second], quality=80)
    small = RGBA.crop((0, 0, 20, 15))
    yield "animated-lossless-small-frame.webp", webp_animation((32, 24), [(4, 6), (0, 0)], [small, small])


# --- BMP ---------------------------------------------------------------------------------------------------------


def bmp(bits, rows, *, size=40, compression=0, masks=(), palette=b"", colors=0, height=H, width=W, offset=None):
    """A BMP from its rows as stored, each already padded or coded."""
    if size == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(rows), 0, 0, colors, 0)
        extra = b"".join(struct.pack("<I", m) for m in masks)
        info += extra if size == 40 else extra.ljust(size - 40, b"\0")
    start = 14 + len(info) + len(palette) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(palette) + len(rows), 0, 0, start) + info + palette + rows


def bmp_rows(rows: np.ndarray) -> bytes:
    return b"".join(row.tobytes() + b"\0" * (-row.nbytes % 4) for row in rows[::-1])


def bmp_cases():
    bgr = RGB[..., ::-1].copy()
    bgrx = np.dstack([bgr, ALPHA])
    yield "24bit.bmp", bmp(24, bmp_rows(bgr))
    yield "24bit-top-down.bmp", bmp(24, bmp_rows(bgr[::-1]), height=-H)
    yield "24bit-no-offset.bmp", bmp(24, bmp_rows(bgr), offset=0)
    yield "24bit-os2.bmp", bmp(24, bmp_rows(bgr), size=12)
    yield "32bit.bmp", bmp(32, bmp_rows(bgrx))
    v4 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "32bit-v4-alpha.bmp", bmp(32, bmp_rows(bgrx), size=108, compression=3, masks=v4)
    v5 = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    yield "32bit-v5-rgba.bmp", bmp(32, bmp_rows(bgrx), size=124, compression=3, masks=v5)
    xbgr = (0xFF000000, 0xFF0000, 0xFF00)
    yield "32bit-xbgr.bmp", bmp(32, bmp_rows(bgrx), compression=3, masks=xbgr)
    r, g, b = (RGB.astype(np.uint16)[..., c] for c in range(3))
    yield "16bit-555.bmp", bmp(16, bmp_rows((r >> 3) << 10 | (g >> 3) << 5 | b >> 3))
    mask555 = (0x7C00, 0x3E0, 0x1F)
    yield "16bit-555-masks.bmp", bmp(16, bmp_rows((r >> 3) << 10 | (g >> 3) << 5 | b >> 3), compression=3, masks=mask555)
    mask565 = (0xF800, 0x7E0, 0x1F)
    yield "16bit-565.bmp", bmp(16, bmp_rows((r >> 3) << 11 | (g >> 2) << 5 | b >> 3), compression=3, masks=mask565)
    indices = np.asarray(PALETTE)
    grey = np.asarray(GREY)
    quads = np.pad(np.array(PALETTE.getpalette()[: 3 * 61], np.uint8).reshape(-1, 3)[:, ::-1], ((0, 0), (0, 1)))
    few = np.pad(bgr[5, :16], ((0, 0), (0, 1)))
    yield "8bit.bmp", bmp(8, bmp_rows(indices), palette=quads.tobytes(), colors=61)
    yield "8bit-os2.bmp", bmp(8, bmp_rows(grey), size=12, palette=np.repeat(bgr.reshape(-1, 3)[:256], 1, 0).tobytes())
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, 1)
    ramp[:, 3] = 0
    yield "8bit-grey-ramp.bmp", bmp(8, bmp_rows(grey), palette=ramp.tobytes())
    yield "8bit-index-beyond.bmp", bmp(8, bmp_rows(indices), palette=quads[:30].tobytes(), colors=30)
    yield "4bit.bmp", bmp(4, bmp_rows(pack_bits(grey >> 4, 4)), palette=few.tobytes())
    yield "4bit-offset-of-palette.bmp", bmp(4, bmp_rows(pack_bits(grey >> 4, 4)), palette=few.tobytes(), offset=54)
    yield "1bit.bmp", bmp(1, bmp_rows(pack_bits(grey >> 7, 1)), palette=few[3:5].tobytes())
    yield "1bit-black-white.bmp", bmp(1, bmp_rows(pack_bits(grey >> 7, 1)), palette=b"\0\0\0\0\xff\xff\xff\0")

    rle8 = b""
    for row in indices[::-1]:
        coded, x = b"", 0
        while x < len(row):
            run = 1
            while x + run < len(row) and row[x + run] == row[x] and run < 255:
                run += 1
            if run == 1 and x + 5 < len(row):
                coded += b"\0\5" + row[x : x + 5].tobytes() + b"\0"
                run = 5
            else:
                coded += bytes([run, row[x]])
            x += run
        rle8 += coded + b"\0\0"
    yield "rle8.bmp", bmp(8, rle8 + b"\0\1", compression=1, palette=quads.tobytes(), colors=61)
    jump = b"\4\7\0\2\3\2\6\1\0\0\0\0" + bytes([W, 5, 0, 0]) * (H - 4) + b"\x40\4\0\0"
    yield "rle8-jumps.bmp", bmp(8, jump + b"\0\1", compression=1, palette=quads.tobytes(), colors=61)
    rle4 = b""
    for row in (grey >> 4)[::-1]:
        pairs = pack_bits(row[None], 4)[0]
        rle4 += b"\0\x13" + pairs[:10].tobytes() + bytes([W - 20, pairs[11], 1, pairs[12]]) + b"\0\0"
    yield "rle4.bmp", bmp(4, rle4 + b"\0\1", compression=2, palette=few.tobytes())


# --- TIFF --------------------------------------------------------------------------------------------------------


def tiff(order, tags: dict[int, tuple[str, list[int]]], chunks: list[bytes], tiled=False) -> bytes:
    """A TIFF of the given tags (type "H" or "I") and strips or tiles."""
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 0)
    offsets = []
    for chunk in chunks:
        offsets.append(len(out))
        out += chunk + b"\0" * (len(chunk) % 2)
    tags = tags | {324 if tiled else 273: ("I", offsets), 325 if tiled else 279: ("I", [len(c) for c in chunks])}
    entries = b""
    for tag, (kind, values) in sorted(tags.items()):
        data = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(data) > 4:
            data, out = struct.pack(order + "I", len(out)), out + data + b"\0" * (len(data) % 2)
        entries += struct.pack(order + "HHI", tag, 3 if kind == "H" else 4, len(values)) + data.ljust(4, b"\0")
    directory = struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "I", 0)
    return out[:4] + struct.pack(order + "I", len(out)) + out[8:] + directory


def page(photometric, bits, samples, width=W, height=H, **more) -> dict[int, tuple[str, list[int]]]:
    """The usual tags; `more` by name."""
    names = {"compression": 259, "fill": 266, "orientation": 274, "rows": 278, "planar": 284, "predictor": 317,
             "colors": 320, "tile_width": 322, "tile_length": 323, "extra": 338}  # fmt: skip
    tags = {256: [width], 257: [height], 258: [bits] * samples, 259: [1], 262: [photometric], 277: [samples]}
    tags |= {names[k]: v if isinstance(v, list) else [v] for k, v in more.items()}
    if 322 not in tags:
        tags.setdefault(278, [height])
    return {tag: ("H", values) for tag, values in tags.items()}


def reverse_bits(data: bytes) -> bytes:
    return bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)


def tiff_cases():
    for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield f"rgb-{name.removeprefix('tiff_')}.tiff", saved(PHOTO, "TIFF", compression=None if name == "raw" else name)
    yield "rgb-lzw-predictor.tiff", saved(PHOTO, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    yield "rgb-strips.tiff", saved(PHOTO, "TIFF", compression="tiff_lzw", tiffinfo={278: 5})
    yield "rgb-big.tiff", saved(PHOTO, "TIFF", big_tiff=True)
    yield "rgba.tiff", saved(RGBA, "TIFF", compression="tiff_lzw")
    yield "grey.tiff", saved(GREY, "TIFF")
    yield "grey-alpha.tiff", saved(RGBA.convert("LA"), "TIFF")
    yield "1bit.tiff", saved(PHOTO.convert("1"), "TIFF")
    yield "palette.tiff", saved(PALETTE, "TIFF")
    yield "cmyk.tiff", saved(PHOTO.convert("CMYK"), "TIFF")
    yield "cmyk-lzw.tiff", saved(PHOTO.convert("CMYK"), "TIFF", compression="tiff_lzw")
    yield "grey-16bit.tiff", saved(Image.fromarray(DEEP[..., 0]), "TIFF")
    yield "rgb-jpeg.tiff", saved(PHOTO, "TIFF", compression="jpeg", quality=90)
    yield "grey-jpeg.tiff", saved(GREY, "TIFF", compression="jpeg", quality=90)
    yield "pages.tiff", saved(PHOTO, "TIFF", save_all=True, append_images=[GREY])
    for orientation in range(1, 9):
        yield f"orientation-{orientation}.tiff", saved(PHOTO.crop((0, 0, 24, 16)), "TIFF", tiffinfo={274: orientation})
    yield "orientation-6-lzw.tiff", saved(PHOTO.crop((0, 0, 24, 16)), "TIFF", compression="tiff_lzw", tiffinfo={274: 6})
    grey, indices = np.asarray(GREY), np.asarray(PALETTE)
    for order, name in (("<", "little"), (">", "big")):
        deep = order + "u2"
        yield f"rgb-{name}-endian.tiff", tiff(order, page(2, 8, 3), [RGB.tobytes()])
        yield f"rgb-16bit-{name}-endian.tiff", tiff(order, page(2, 16, 3), [DEEP.astype(deep).tobytes()])
        yield f"grey-16bit-{name}-endian.tiff", tiff(order, page(1, 16, 1), [DEEP[..., 0].astype(deep).tobytes()])
        steps = DEEP.copy()
        steps[:, 1:] -= DEEP[:, :-1]
        predicted = zlib.compress(steps.astype(deep).tobytes())
        yield f"rgb-16bit-predictor-{name}-endian.tiff", tiff(order, page(2, 16, 3, compression=8, predictor=2), [predicted])
        premultiplied = np.dstack([(DEEP.astype(np.uint32) * ALPHA[..., None] // 255).astype(np.uint16), ALPHA * np.uint16(257)])
        yield f"rgba-16bit-premultiplied-{name}-endian.tiff", tiff(order, page(2, 16, 4, extra=1), [premultiplied.astype(deep).tobytes()])
    for bits in (1, 2, 4, 8):
        rows = pack_bits(grey >> (8 - bits), bits) if bits < 8 else grey
        yield f"grey-{bits}bit-black-is-zero.tiff", tiff("<", page(1, bits, 1), [rows.tobytes()])
        yield f"grey-{bits}bit-white-is-zero.tiff", tiff("<", page(0, bits, 1), [rows.tobytes()])
        yield f"grey-{bits}bit-fill-order-2.tiff", tiff("<", page(1, bits, 1, fill=2), [reverse_bits(rows.tobytes())])
        colors = (DEEP.reshape(-1, 3)[100 : 100 + (1 << bits)].T.ravel().tolist())
        yield f"palette-{bits}bit.tiff", tiff(">", page(3, bits, 1, colors=colors), [rows.tobytes()])
    yield "rgb-planar.tiff", tiff("<", page(2, 8, 3, planar=2), [RGB[..., c].tobytes() for c in range(3)])
    planar = [zlib.compress(RGB[y : y + 10, :, c].tobytes()) for c in range(3) for y in range(0, H, 10)]
    yield "rgb-planar-deflate.tiff", tiff("<", page(2, 8, 3, planar=2, compression=8, rows=10), planar)
    padded = np.pad(RGB, ((0, 32 - H), (0, 48 - W), (0, 0)), mode="edge")
    tiles = [padded[y : y + 16, x : x + 16].tobytes() for y in range(0, 32, 16) for x in range(0, 48, 16)]
    yield "rgb-tiles.tiff", tiff("<", page(2, 8, 3, tile_width=16, tile_length=16), tiles, tiled=True)
    tiles = [zlib.compress(tile) for tile in tiles]
    yield "rgb-tiles-deflate.tiff", tiff(">", page(2, 8, 3, tile_width=16, tile_length=16, compression=8), tiles, tiled=True)
    rgbx = np.dstack([RGB, ALPHA])
    yield "rgbx.tiff", tiff("<", page(2, 8, 4, extra=0), [rgbx.tobytes()])
    yield "rgba-no-extra-samples.tiff", tiff("<", page(2, 8, 4), [rgbx.tobytes()])
    yield "rgba-premultiplied.tiff", tiff("<", page(2, 8, 4, extra=1), [rgbx.tobytes()])
    yield "rgbxx.tiff", tiff("<", page(2, 8, 5, extra=[0, 0]), [np.dstack([rgbx, ALPHA]).tobytes()])
    yield "palette-alpha.tiff", tiff("<", page(3, 8, 2, extra=2, colors=DEEP.reshape(-1, 3)[:256].T.ravel().tolist()), [np.dstack([indices, ALPHA]).tobytes()])
    cmyk = np.asarray(PHOTO.convert("CMYK"))
    deep_cmyk = (cmyk.astype(np.uint16) << 8) | 99
    yield "cmyk-16bit.tiff", tiff("<", page(5, 16, 4), [deep_cmyk.astype("<u2").tobytes()])
    yield "cmyk-extra.tiff", tiff("<", page(5, 8, 5, extra=0), [np.dstack([cmyk, ALPHA]).tobytes()])


# -----------------------------------------------------------------------------------------------------------------


def expected(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)
        return Image.fromarray((deep >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def main() -> None:
    found = {"pillow": PIL.__version__, "numpy": np.__version__}
    if found != VERSIONS:
        raise SystemExit(f"needs {VERSIONS}, found {found}")
    warnings.simplefilter("ignore")  # Pillow's advice on palettes with transparency
    for folder in (OUT, OUT / "expected", OUT / "upright"):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            if old.is_file():
                old.unlink()
    total = 0
    for cases in (png_cases, jpeg_cases, gif_cases, webp_cases, bmp_cases, tiff_cases):
        for name, data in cases():
            (OUT / name).write_bytes(data)
            image = expected(data)
            image.save(OUT / "expected" / f"{name}.png", optimize=True)
            if "exif" in name or "xmp" in name:
                turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
                turned.save(OUT / "upright" / f"{name}.png", optimize=True)
            total += 1
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{total} images, {size} bytes with what is expected")


if __name__ == "__main__":
    main()
