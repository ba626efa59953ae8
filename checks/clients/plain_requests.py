"""The `requests` package, for whoever wants no client: the native routes, and Infinity's as its
documentation shows it."""

import requests
from support.native import BASE, PHOTO, TEXT, URI, check, photo, same, text


def files():
    answer = requests.post(f"{BASE}/embed/batch", files=[("files", PHOTO)] * 2, timeout=60)
    answer.raise_for_status()
    same(answer.json()["embeddings"], [photo()] * 2)


def infinity():
    body = {"model": "openai/clip-vit-base-patch32", "input": [URI], "modality": "image"}
    answer = requests.post(f"{BASE}/embeddings", json=body, timeout=60)
    answer.raise_for_status()
    same([item["embedding"] for item in answer.json()["data"]], [photo()])


def nim():
    assert requests.get(f"{BASE}/v1/health/ready", timeout=60).json()["ready"] is True
    body = {"model": "nvidia/nvclip", "input": [TEXT, URI], "encoding_format": "float"}
    answer = requests.post(f"{BASE}/v1/embeddings", json=body, timeout=60)
    answer.raise_for_status()
    same([item["embedding"] for item in answer.json()["data"]], [text(), photo()])


check("requests", "a form with two photos", files)
check("requests", "Infinity: modality image", infinity)
check("requests", "NIM: text and photo, ready", nim)
