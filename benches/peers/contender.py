"""One peer in a process of its own, which measures what lines on its standard input ask for.

Speaks as `cargo bench --bench throughput -- --turns` does: each line is a turn as JSON, each is answered by a line. Turns:

    {"mode": "streams", "batch": 4, "seconds": 2}     as the peer is fastest with many calls side by side
    {"mode": "together", "batch": 4, "seconds": 2}    all cores on one call after another
    {"mode": "embed"}                                 the embeddings of all images
    {"mode": "preprocess", "file": F, "seconds": 2}   a photo's bytes to the model's numbers, one core (`pillow` alone)
"""

import argparse
import gc
import io
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Call = Callable[[], np.ndarray]
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OpenVino:
    """`streams` with the throughput hint, `together` with the latency hint; a model compiled for each batch size."""

    def __init__(self, args: argparse.Namespace) -> None:
        import openvino

        self.core, self.args = openvino.Core(), args
        if args.precision == "bf16" and "BF16" not in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            sys.exit("this processor has no bf16")

    def calls(self, mode: str, batch: np.ndarray) -> list[Call]:
        model = self.core.read_model(self.args.model)
        model.reshape(list(batch.shape))
        hint = "THROUGHPUT" if mode == "streams" else "LATENCY"
        config = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": self.args.precision}
        if self.args.threads:
            config["INFERENCE_NUM_THREADS"] = self.args.threads
        compiled = self.core.compile_model(model, "CPU", config)
        count = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") if mode == "streams" else 1
        requests = [compiled.create_infer_request() for _ in range(count)]
        return [lambda r=r: r.infer(batch, share_inputs=True, share_outputs=True)[0] for r in requests]


class OnnxRuntime:
    """`streams` with a thread of one session for each core, `together` with one session's threads on all cores."""

    def __init__(self, args: argparse.Namespace) -> None:
        import onnxruntime

        self.cores = args.threads or cores()
        self.sessions = {}
        for mode, threads in (("streams", 1), ("together", args.threads or 0)):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
            self.sessions[mode] = onnxruntime.InferenceSession(args.model, options, ["CPUExecutionProvider"])

    def calls(self, mode: str, batch: np.ndarray) -> list[Call]:
        session, inputs = self.sessions[mode], {"pixels": batch}
        return [lambda: session.run(None, inputs)[0]] * (self.cores if mode == "streams" else 1)


class Torch:
    """Eager; `streams` with a thread for each core, `together` with PyTorch's own threads."""

    def __init__(self, args: argparse.Namespace) -> None:
        import torch
        from clip_torch import Tower

        self.torch, self.tower = torch, Tower()
        self.cores = args.threads or cores()
        self.together = args.threads or torch.get_num_threads()

    def calls(self, mode: str, batch: np.ndarray) -> list[Call]:
        pixels = self.torch.from_numpy(batch)
        threads = 1 if mode == "streams" else self.together

        def call() -> np.ndarray:
            if self.torch.get_num_threads() != threads:
                self.torch.set_num_threads(threads)
            with self.torch.inference_mode():
                return self.tower(pixels).numpy()

        return [call] * (self.cores if mode == "streams" else 1)


class Pillow:
    """open_clip's transform: Pillow's resize and crop, then numbers from numpy."""

    def preprocess(self, photo: bytes) -> np.ndarray:
        from PIL import Image

        image = Image.open(io.BytesIO(photo)).convert("RGB")
        scale = 224 / min(image.size)
        size = [224 if side == min(image.size) else int(side * scale) for side in image.size]
        image = image.resize(size, Image.Resampling.BICUBIC)
        left, top = (round((side - 224) / 2) for side in size)
        square = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
        normal = (square / np.float32(255) - np.float32(MEAN)) / np.float32(DEVIATION)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))


def measure(calls: list[Callable[[], object]], images: int, seconds: float) -> dict:
    """Runs each of `calls` in a thread of its own, again and again until `seconds` are over, after one call to warm up."""
    times: list[list[float]] = [[] for _ in calls]
    begin = threading.Barrier(len(calls))

    def stream(call: Callable[[], object], mine: list[float]) -> None:
        call()
        begin.wait()
        start = last = time.perf_counter()
        while last - start < seconds:
            call()
            now = time.perf_counter()
            mine.append(now - last)
            last = now

    threads = [threading.Thread(target=stream, args=pair) for pair in zip(calls, times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = sum(len(mine) * images / sum(mine) for mine in times)
    every = [one for mine in times for one in mine]
    return {"images_per_second": rate, "calls": len(every), "call_ms": statistics.median(every) * 1e3}


def answer(peer, images: np.ndarray, turn: dict) -> dict:
    if turn["mode"] == "preprocess":
        photo = Path(turn["file"]).read_bytes()
        return measure([lambda: peer.preprocess(photo)], 1, turn["seconds"])
    if turn["mode"] == "embed":
        (call, *_) = peer.calls("together", images)
        return {"embeddings": call().tolist()}
    batch = np.resize(images, (turn["batch"], *images.shape[1:]))
    found = measure(peer.calls(turn["mode"], batch), turn["batch"], turn["seconds"])
    gc.collect()
    return found


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("peer", choices=["openvino", "onnxruntime", "torch", "pillow"])
    args.add_argument("--model")
    args.add_argument("--pixels", help="little-endian f32, [n, 3, 224, 224]")
    args.add_argument("--precision", default="f32")
    args.add_argument("--threads", type=int)
    args = args.parse_args()
    peers = {"openvino": OpenVino, "onnxruntime": OnnxRuntime, "torch": Torch}
    peer = Pillow() if args.peer == "pillow" else peers[args.peer](args)
    images = np.fromfile(args.pixels, "<f4").reshape(-1, 3, 224, 224) if args.pixels else np.empty(0)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(peer, images, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
