"""Triton's client over HTTP: the models at batches of 1 to 32 with bytes and with JSON, what the server
tells, statistics, errors."""

import numpy as np
import tritonclient.http as triton
from support.native import BASE, check
from support.triton import MODELS, counted, infers, near, raises, squares
from tritonclient.utils import InferenceServerException

client = triton.InferenceServerClient(BASE.removeprefix("http://"), network_timeout=300)


def infer(model, name, datatype, array, binary=True, **options):
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    wanted = [triton.InferRequestedOutput("embedding", binary_data=binary)]
    return client.infer(model, [tensor], outputs=wanted, **options).as_numpy("embedding")


def as_json():
    numbers, _ = squares(2)
    texts = np.array([[b"a photo of a cat"], ["ein Foto".encode()]], object)
    for model, name, datatype, array in [
        ("clip_vit_b32", "image", "FP32", numbers),
        ("clip_vit_b32_text", "text", "BYTES", texts),
    ]:
        found = infer(model, name, datatype, array, binary=False)
        near(found, infer(model, name, datatype, array), 1e-6)


def by_default():
    """Without outputs, and with an id and parameters that mean nothing here."""
    numbers, _ = squares(1)
    tensor = triton.InferInput("image", list(numbers.shape), "FP32")
    tensor.set_data_from_numpy(numbers)
    answer = client.infer("clip_vit_b32", [tensor], "1", request_id="7", priority=3, timeout=10)
    assert answer.get_response()["id"] == "7"
    near(answer.as_numpy("embedding"), infer("clip_vit_b32", "image", "FP32", numbers), 1e-6)


def at_once():
    numbers, _ = squares(4)
    many = triton.InferenceServerClient(BASE.removeprefix("http://"), concurrency=8)
    tensor = triton.InferInput("image", list(numbers.shape), "FP32")
    tensor.set_data_from_numpy(numbers)
    expected = infer("clip_vit_b32", "image", "FP32", numbers)
    answers = [many.async_infer("clip_vit_b32", [tensor]) for _ in range(16)]
    for answer in answers:
        near(answer.get_result().as_numpy("embedding"), expected, 1e-6)
    many.close()


def health():
    assert client.is_server_live() and client.is_server_ready()
    assert all(client.is_model_ready(model) for model in MODELS)
    assert client.is_model_ready("clip_vit_b32", "1") and not client.is_model_ready("resnet")


def metadata():
    assert client.get_server_metadata()["name"] == "inference-service"
    model = client.get_model_metadata("openclip_vit_b32")
    assert model["platform"] == "onnxruntime_onnx" and model["versions"] == ["1"], model
    assert model["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 224, 224]}]
    assert model["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, 512]}]


def config():
    config = client.get_model_config("openclip_vit_b32")
    assert config["max_batch_size"] == 32 and config["input"][0]["data_type"] == "TYPE_FP32", config


def index():
    states = {model["name"]: model["state"] for model in client.get_model_repository_index()}
    assert states == dict.fromkeys(MODELS, "READY"), states
    raises(InferenceServerException, lambda: client.load_model("openclip_vit_b32"), "not served here")


def statistics():
    def success():
        [model] = client.get_inference_statistics("openclip_vit_b32")["model_stats"]
        return model["inference_stats"]["success"]["count"]

    before, metrics = success(), counted()
    infer("openclip_vit_b32", "image", "FP32", squares(1)[0])
    assert success() == before + 1 and counted() == metrics + 1
    assert len(client.get_inference_statistics()["model_stats"]) == len(MODELS)


def errors():
    numbers, _ = squares(1)
    raises(InferenceServerException, lambda: infer("resnet", "image", "FP32", numbers), "'resnet'")
    wrong = numbers[:, :, :, :100].copy()
    raises(InferenceServerException, lambda: infer("clip_vit_b32", "image", "FP32", wrong), "[N,3,224,224]")
    broken = np.full_like(numbers, np.nan)
    raises(InferenceServerException, lambda: infer("clip_vit_b32", "image", "FP32", broken), "NaN")


check("tritonclient", "http: all models, batches of 1 to 32, bytes", lambda: infers(infer))
check("tritonclient", "http: tensors as JSON", as_json)
check("tritonclient", "http: default outputs, id, version, parameters", by_default)
check("tritonclient", "http: async, side by side", at_once)
check("tritonclient", "http: live, ready, models ready", health)
check("tritonclient", "http: metadata", metadata)
check("tritonclient", "http: configuration", config)
check("tritonclient", "http: repository index, load refused", index)
check("tritonclient", "http: statistics and nv_ counters", statistics)
check("tritonclient", "http: errors", errors)
