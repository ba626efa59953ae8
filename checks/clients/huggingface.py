"""Hugging Face's InferenceClient, which takes the service for an endpoint with TEI: it posts to the
address that it is given, whatever its path."""

from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from support.native import BASE, TEXT, URI, check, photo, raises, same, text

PACKAGE = "huggingface_hub"


def of(client):
    def run():
        same(client.feature_extraction(TEXT), [text()])
        same(client.feature_extraction([TEXT, URI]), [text(), photo()])

    return run


def options():
    client = InferenceClient(BASE)
    raw = client.feature_extraction(TEXT, normalize=False)[0]
    norm = sum(float(number) ** 2 for number in raw) ** 0.5
    assert abs(norm - 1) > 1e-3, norm
    same([[number / norm for number in raw]], [text()])
    assert client.feature_extraction(TEXT, dimensions=8).shape == (1, 8)


def long_texts():
    client, long = InferenceClient(BASE), "cat " * 200
    error = raises(HfHubHTTPError, lambda: client.feature_extraction(long))
    assert error.response.status_code == 422, error
    assert error.response.json()["error_type"] == "Validation"
    cut = client.feature_extraction(long, truncate=True, truncation_direction="right")
    same(cut, [text(long)])


check(PACKAGE, "feature_extraction at /", of(InferenceClient(BASE)))
check(PACKAGE, "feature_extraction at /embed", of(InferenceClient(BASE + "/embed")))
check(PACKAGE, "normalize and dimensions", options)
check(PACKAGE, "long texts: refused, or cut", long_texts)
