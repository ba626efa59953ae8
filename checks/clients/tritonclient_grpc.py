"""Triton's client over gRPC: the models at batches of 1 to 32, what the server tells, statistics,
errors; and the health check of gRPC itself. The second argument is the address of gRPC; without one it
is the next port after that of HTTP, as Triton's clients have it."""

import sys
import threading
from urllib.parse import urlsplit

import grpc
import numpy as np
import tritonclient.grpc as triton
from support.native import BASE, check
from support.triton import MODELS, counted, infers, near, raises, squares
from tritonclient.utils import InferenceServerException

http = urlsplit(BASE)
ADDRESS = sys.argv[2] if len(sys.argv) > 2 else f"{http.hostname}:{http.port + 1}"
client = triton.InferenceServerClient(ADDRESS)


def tensor(name, datatype, array):
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return [tensor]


def infer(model, name, datatype, array, **options):
    wanted = [triton.InferRequestedOutput("embedding")]
    answer = client.infer(model, tensor(name, datatype, array), outputs=wanted, **options)
    return answer.as_numpy("embedding")


def by_default():
    numbers, _ = squares(1)
    answer = client.infer("clip_vit_b32", tensor("image", "FP32", numbers), "1", request_id="7", priority=3)
    assert answer.get_response().id == "7"
    near(answer.as_numpy("embedding"), infer("clip_vit_b32", "image", "FP32", numbers), 1e-6)


def compressed():
    numbers, _ = squares(8)
    expected = infer("clip_vit_b32", "image", "FP32", numbers)
    for how in ["gzip", "deflate"]:
        found = infer("clip_vit_b32", "image", "FP32", numbers, compression_algorithm=how)
        near(found, expected, 1e-6)


def at_once():
    numbers, _ = squares(4)
    expected = infer("clip_vit_b32", "image", "FP32", numbers)
    done, answers = threading.Semaphore(0), []

    def answered(result, error):
        answers.append(error or result.as_numpy("embedding"))
        done.release()

    for _ in range(16):
        client.async_infer("clip_vit_b32", tensor("image", "FP32", numbers), answered)
    for _ in range(16):
        assert done.acquire(timeout=60)
    for found in answers:
        near(found, expected, 1e-6)


def health():
    assert client.is_server_live() and client.is_server_ready()
    assert all(client.is_model_ready(model) for model in MODELS)


def own_health():
    """`grpc.health.v1`, with a message written by hand: a status of 1 is `SERVING`."""
    with grpc.insecure_channel(ADDRESS) as channel:
        ask = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert ask(b"", timeout=60) == b"\x08\x01"


def metadata():
    assert client.get_server_metadata().name == "inference-service"
    model = client.get_model_metadata("openclip_vit_b32")
    assert model.platform == "onnxruntime_onnx" and list(model.versions) == ["1"], model
    [image], [embedding] = model.inputs, model.outputs
    assert (image.name, image.datatype, list(image.shape)) == ("image", "FP32", [-1, 3, 224, 224])
    assert (embedding.name, embedding.datatype, list(embedding.shape)) == ("embedding", "FP32", [-1, 512])


def config():
    config = client.get_model_config("openclip_vit_b32", as_json=True)["config"]
    assert config["max_batch_size"] == 32 and config["input"][0]["data_type"] == "TYPE_FP32", config


def index():
    models = client.get_model_repository_index().models
    assert {model.name: model.state for model in models} == dict.fromkeys(MODELS, "READY"), models
    raises(InferenceServerException, lambda: client.load_model("openclip_vit_b32"), "not served here")


def statistics():
    def success():
        [model] = client.get_inference_statistics("openclip_vit_b32").model_stats
        return model.inference_stats.success.count

    before, metrics = success(), counted()
    infer("openclip_vit_b32", "image", "FP32", squares(1)[0])
    assert success() == before + 1 and counted() == metrics + 1
    assert len(client.get_inference_statistics().model_stats) == len(MODELS)


def errors():
    numbers, _ = squares(1)
    for run, code, message in [
        (lambda: infer("resnet", "image", "FP32", numbers), "NOT_FOUND", "'resnet'"),
        (lambda: infer("clip_vit_b32", "image", "FP32", numbers[:, :, :, :100].copy()), "INVALID_ARGUMENT", "[N,3,224,224]"),
        (lambda: infer("clip_vit_b32", "image", "FP32", np.full_like(numbers, np.nan)), "INVALID_ARGUMENT", "NaN"),
        (lambda: client.get_trace_settings(), "UNIMPLEMENTED", "TraceSetting is not served here"),
    ]:
        raises(InferenceServerException, run, message)
        raises(InferenceServerException, run, f"StatusCode.{code}")


check("tritonclient", "grpc: all models, batches of 1 to 32", lambda: infers(infer))
check("tritonclient", "grpc: default outputs, id, version, parameters", by_default)
check("tritonclient", "grpc: gzip and deflate", compressed)
check("tritonclient", "grpc: async, side by side", at_once)
check("tritonclient", "grpc: live, ready, models ready", health)
check("grpcio", "grpc.health.v1", own_health)
check("tritonclient", "grpc: metadata", metadata)
check("tritonclient", "grpc: configuration", config)
check("tritonclient", "grpc: repository index, load refused", index)
check("tritonclient", "grpc: statistics and nv_ counters", statistics)
check("tritonclient", "grpc: errors", errors)
