"""Infinity's own client, made from its schema, and its client for photos; with its prefix and without."""

import base64
import io

from infinity_client import Client
from infinity_client.api.default import embeddings, embeddings_image, health, models
from infinity_client.models import (
    EmbeddingEncodingFormat,
    ImageEmbeddingInput,
    OpenAIEmbeddingInputImage,
    OpenAIEmbeddingInputText,
)
from infinity_client.vision_client import InfinityVisionAPI
from PIL import Image
from support.native import BASE, PHOTO, TEXT, URI, check, native, photo, same, text


def generated(base):
    def run():
        with Client(base_url=base) as client:
            answer = embeddings.sync(client=client, body=OpenAIEmbeddingInputText(input_=[TEXT]))
            same([item.embedding for item in answer.data], [text()])
            image = OpenAIEmbeddingInputImage(input_=[URI], encoding_format=EmbeddingEncodingFormat.FLOAT)
            answer = embeddings.sync(client=client, body=image)
            same([item.embedding for item in answer.data], [photo()])
            answer = embeddings_image.sync(client=client, body=ImageEmbeddingInput(input_=URI))
            same([item.embedding for item in answer.data], [photo()])
            [model] = models.sync(client=client).data
            assert model.id == "ViT-B-32" and "image_embed" in model.capabilities

    return run


def alive():
    with Client(base_url=BASE) as client:
        assert health.sync(client=client)["unix"] > 1.7e9


def for_photos(encoding):
    def run():
        client = InfinityVisionAPI(BASE, format=encoding)
        image = Image.open(io.BytesIO(PHOTO)).convert("RGB")
        [found], tokens = client.image_embed("ViT-B-32", [image]).result()
        file = io.BytesIO()
        image.save(file, format="JPEG")
        sent = base64.b64encode(file.getvalue()).decode()
        same([found.reshape(-1)], native("/embed/base64", {"images": [sent]}))
        assert tokens == 50
        [found], _ = client.embed("ViT-B-32", [TEXT]).result()
        same([found.reshape(-1)], [text()])

    return run


check("infinity_client", "text, photo and models at /v1", generated(BASE + "/v1"))
check("infinity_client", "text, photo and models without prefix", generated(BASE))
check("infinity_client", "health", alive)
check("infinity_client", "InfinityVisionAPI, base64", for_photos("base64"))
check("infinity_client", "InfinityVisionAPI, float", for_photos("float"))
