"""What Triton's clients are held against, over HTTP and gRPC alike: squares and photos whose embeddings
the native routes give."""

import base64
import io
import urllib.request

import numpy as np
from PIL import Image
from support.native import BASE, PHOTO, TEXT, native, text

SIZES = [1, 2, 8, 31, 32]
MODELS = [
    "openclip_vit_b32",
    "openclip_vit_b32_trt",
    "clip_vit_b32",
    "clip_vit_b32_jpeg",
    "clip_vit_b32_text",
]
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32).reshape(3, 1, 1)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32).reshape(3, 1, 1)


def squares(count):
    """Squares of 224 pixels, from 0 to 1, and the files that they are of."""
    square = np.asarray(Image.open(io.BytesIO(PHOTO)).convert("RGB"))
    pixels = [np.roll(square, 7 * i, axis=1) for i in range(count)]
    files = []
    for picture in pixels:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        files.append(file.getvalue())
    numbers = np.stack([p.transpose(2, 0, 1) for p in pixels]).astype(np.float32) / 255
    return numbers, files


def embedded(files):
    """What the native route gives for files."""
    images = [base64.b64encode(file).decode() for file in files]
    return np.array(native("/embed/base64", {"images": images}), np.float32)


def near(found, expected, bound=1e-5):
    assert found.dtype == np.float32 and found.shape == expected.shape, (found.shape, found.dtype)
    worst = np.abs(found - expected).max()
    assert worst <= bound, worst


def infers(infer):
    """Each model at each size of batch; `infer(model, input, datatype, array)` gives the output."""
    for count in SIZES:
        numbers, files = squares(count)
        expected = embedded(files)
        near(infer("clip_vit_b32", "image", "FP32", numbers), expected)
        for model in ["openclip_vit_b32", "openclip_vit_b32_trt"]:
            raw = infer(model, "image", "FP32", (numbers - MEAN) / STD)
            lengths = np.linalg.norm(raw, axis=1, keepdims=True)
            assert np.abs(lengths - 1).min() > 0.1, lengths
            near(raw / lengths, expected)
        near(infer("clip_vit_b32_jpeg", "image", "BYTES", np.array(files, object)), expected)
        texts = np.array([TEXT.encode()] * count, object).reshape(-1, 1)
        near(infer("clip_vit_b32_text", "text", "BYTES", texts), np.array([text()] * count, np.float32))


def raises(exception, run, message):
    try:
        run()
    except exception as error:
        assert message in str(error), error
        return
    raise AssertionError(f"no {exception.__name__}")


def counted():
    """What the metrics say of answered requests to the first model."""
    with urllib.request.urlopen(BASE + "/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    name = 'nv_inference_request_success{model="openclip_vit_b32",version="1"} '
    [line] = [line for line in lines if line.startswith(name)]
    return int(line.removeprefix(name))
