"""What the clients are held against: the same photo and texts by the service's own routes, and one line
for each check."""

import base64
import json
import sys
import urllib.request
from importlib.metadata import version
from pathlib import Path

BASE = sys.argv[1].rstrip("/")
PHOTO = (Path(__file__).parents[3] / "tests/reference/images/cat-224.png").read_bytes()
TEXT = "a photo of a cat"
URI = "data:image/png;base64," + base64.b64encode(PHOTO).decode()


def native(path, body):
    """The embeddings that a route of the service's own answers."""
    data = json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["embeddings"]


def photo():
    return native("/embed/base64", {"images": [URI]})[0]


def text(text=TEXT):
    return native("/embed/text", {"texts": [text]})[0]


def same(found, expected):
    """The same embeddings, up to the order of sums in a batch."""
    assert len(found) == len(expected), (len(found), len(expected))
    for a, b in zip(found, expected):
        assert len(a) == len(b), (len(a), len(b))
        worst = max(abs(float(x) - float(y)) for x, y in zip(a, b))
        assert worst <= 1e-6, worst


def check(package, what, run):
    """Runs one check, and prints a line if it holds."""
    run()
    print(package, version(package), what, "ok", flush=True)


def raises(kind, call):
    """The error of this kind that `call` raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")
