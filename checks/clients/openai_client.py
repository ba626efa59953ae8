"""OpenAI's Python client: texts and photos, both encodings, dimensions, models, errors."""

import openai
from support.native import BASE, TEXT, URI, check, photo, raises, same, text

client = openai.OpenAI(base_url=BASE + "/v1", api_key="none", max_retries=0)


def vectors(**fields):
    answer = client.embeddings.create(model="ViT-B-32", **fields)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0
    return [item.embedding for item in sorted(answer.data, key=lambda item: item.index)]


def by_default():
    same(vectors(input=[TEXT, URI]), [text(), photo()])


def as_floats():
    same(vectors(input=URI, encoding_format="float"), [photo()])


def shortened():
    [short] = vectors(input=URI, dimensions=64)
    whole = photo()[:64]
    norm = sum(number * number for number in whole) ** 0.5
    same([short], [[number / norm for number in whole]])


def modality():
    same(vectors(input=[URI.split(",")[1]], extra_body={"modality": "image"}), [photo()])


def models():
    [model] = client.models.list().data
    assert model.id == "ViT-B-32"
    assert client.models.retrieve(model.id).id == model.id
    assert raises(openai.NotFoundError, lambda: client.models.retrieve("x")).code == "model_not_found"


def errors():
    error = raises(openai.BadRequestError, lambda: vectors(input=TEXT, dimensions=100_000))
    assert (error.type, error.param) == ("invalid_request_error", "dimensions"), error
    error = raises(openai.BadRequestError, lambda: vectors(input=["data:image/png;base64,AAAA"]))
    assert (error.code, error.param) == ("unknown_image_format", "input"), error
    assert raises(openai.BadRequestError, lambda: vectors(input=[1, 2])).param == "input"


check("openai", "text and photo in order, base64 (its default)", by_default)
check("openai", "photo, float", as_floats)
check("openai", "dimensions", shortened)
check("openai", "modality image, base64 alone", modality)
check("openai", "models: list, retrieve, not found", models)
check("openai", "errors: type, param and code", errors)
