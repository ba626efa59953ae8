"""KServe's own client, over HTTP and gRPC: health, tensors as bytes and as JSON, texts. The second
argument is the address of gRPC; without one it is the next port after that of HTTP."""

import asyncio
import sys
from urllib.parse import urlsplit

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest
from kserve.inference_client import RESTConfig
from support.native import BASE, TEXT, check, text
from support.triton import embedded, near, squares

http = urlsplit(BASE)
ADDRESS = sys.argv[2] if len(sys.argv) > 2 else f"{http.hostname}:{http.port + 1}"


def request(model, name, datatype, array, binary):
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(model_name=model, infer_inputs=[tensor])


def found(answer, count):
    return answer.outputs[0].as_numpy().astype(np.float32).reshape(count, -1)


async def by_http():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=300))
    assert await client.is_server_live(BASE) is True
    assert await client.is_server_ready(BASE) is True
    assert await client.is_model_ready(BASE, "clip_vit_b32") is True
    assert await client.is_model_ready(BASE, "resnet") is False
    numbers, files = squares(2)
    texts = np.array([TEXT], object)
    for binary in [True, False]:
        asked = request("clip_vit_b32", "image", "FP32", numbers, binary)
        near(found(await client.infer(BASE, asked, "clip_vit_b32"), 2), embedded(files))
        asked = request("clip_vit_b32_text", "text", "BYTES", texts, binary)
        answer = await client.infer(BASE, asked, "clip_vit_b32_text")
        near(found(answer, 1), np.array([text()], np.float32))
    await client.close()


async def by_grpc():
    client = InferenceGRPCClient(ADDRESS)
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready("clip_vit_b32")
    numbers, files = squares(2)
    for binary in [True, False]:
        asked = request("clip_vit_b32", "image", "FP32", numbers, binary)
        near(found(await client.infer(asked), 2), embedded(files))
    await client.close()


check("kserve", "http: health, tensors as bytes and JSON, texts", lambda: asyncio.run(by_http()))
check("kserve", "grpc: health, tensors raw and typed", lambda: asyncio.run(by_grpc()))
