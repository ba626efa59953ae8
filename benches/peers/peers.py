"""Our forward pass and our service beside OpenVINO, ONNX Runtime and PyTorch: all in turns, in one run, on this machine.

A round goes through the batch sizes; for each, every contender has its turn of a few seconds, in another order each round; the
limit of the machine is measured before and after ours. What else the machine does hits all alike, and ratios are taken within a
round. Then come the turns of the service over HTTP and of the preprocessing. README.md says how to run it.
"""

import argparse
import json
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import numpy as np

import clip_onnx
import report
from contender import DEVIATION, MEAN, cores

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
REFERENCE = ROOT / "tests" / "reference"
PHOTO = REFERENCE / "images" / "coffee-12mp.jpg"
# The least cosine to the expected embeddings with which a contender is measured at all.
LEAST_COSINE = {"f32": 0.999999, "bf16": 0.9999}
# How long the limit is measured before and after ours.
LIMIT_SECONDS = 0.5


class Contender:
    """A process that answers turns, see contender.py."""

    def __init__(self, name: str, precision: str, command: list[str], log: Path) -> None:
        self.name, self.precision = name, precision
        self.log = log.open("w")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.ready = json.loads(self.process.stdout.readline() or "null")

    def ask(self, **turn) -> dict:
        self.process.stdin.write(json.dumps(turn) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ({self.precision}) ended, see {self.log.name}")
        return json.loads(line)

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def build(features: str | None) -> dict[str, str]:
    """Builds the service and the benchmark; where cargo put each."""
    command = ["cargo", "build", "--release", "--bin", "inference-service", "--bench", "throughput"]
    command += ["--message-format", "json-render-diagnostics"] + (["--features", features] if features else [])
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return {m["target"]["name"]: m["executable"] for m in messages if m.get("executable")}


def reference() -> tuple[np.ndarray, np.ndarray]:
    """Pillow's crops of the reference images as the model's numbers, and the embeddings that they must get."""
    from PIL import Image

    expected = json.loads((REFERENCE / "expected" / "embeddings.json").read_text())["embeddings"]["gelu"]
    crops = [np.asarray(Image.open(REFERENCE / "expected" / "pixels" / f"{name}.png").convert("RGB")) for name in expected]
    numbers = (np.stack(crops).astype(np.float32) / np.float32(255) - np.float32(MEAN)) / np.float32(DEVIATION)
    return np.ascontiguousarray(numbers.transpose(0, 3, 1, 2)), np.array(list(expected.values()))


def prepare(folder: Path) -> np.ndarray:
    """Writes the model, unless it is there, and the pixels into `folder`; the expected embeddings."""
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    sources = [Path(clip_onnx.__file__), Path(clip_onnx.random_weights.__file__)]
    newest = max(source.stat().st_mtime for source in sources)
    model = folder / "model.onnx"
    if not model.exists() or model.stat().st_mtime < newest:
        onnx.save(clip_onnx.build(), model)
    pixels, expected = reference()
    pixels.astype("<f4").tofile(folder / "pixels.f32")
    return expected


def start(args: argparse.Namespace, programs: dict[str, str]) -> list[Contender]:
    """Every contender that this machine has; the first is ours in f32."""
    pixels = ["--pixels", str(args.work / "pixels.f32")]
    threads = ["--threads", str(args.threads)] if args.threads else []
    commands = []
    for precision in ("f32", "bf16"):
        ours = [programs["throughput"], "--turns", "--precision", precision, "--cpu-isa", args.cpu_isa, *pixels, *threads]
        commands.append(("ours", precision, ours))
    peers = [("openvino", "f32"), ("openvino", "bf16"), ("onnxruntime", "f32")] + ([("torch", "f32")] if args.torch else [])
    for peer, precision in peers:
        python = args.torch if peer == "torch" else sys.executable
        options = ["--model", str(args.work / "model.onnx"), "--precision", precision, *pixels, *threads]
        commands.append((peer, precision, [python, str(HERE / "contender.py"), peer, *options]))
    contenders = []
    for name, precision, command in commands:
        contender = Contender(name, precision, command, args.work / f"{name}-{precision}.log")
        if contender.ready:
            contenders.append(contender)
        elif precision == "f32":
            sys.exit(f"{name} does not start, see {contender.log.name}")
        else:
            print(f"{name}: no {precision} ({Path(contender.log.name).read_text().strip()})", file=sys.stderr)
    return contenders


def least_cosine(contender: Contender, expected: np.ndarray) -> float:
    found = np.array(contender.ask(mode="embed")["embeddings"], np.float64)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    cosine = float(((found * expected).sum(axis=1) / lengths).min())
    if not cosine >= LEAST_COSINE[contender.precision]:
        sys.exit(f"{contender.name} ({contender.precision}): its embeddings have a cosine of {cosine} to the expected ones")
    return cosine


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def service(program: str, precision: str, args: argparse.Namespace) -> Iterator[dict]:
    """The service with seeded weights while it runs: its URL, its start in seconds and its idle memory in MB."""
    port = free_port()
    command = [program, "--pretrained", "random", "--activation", "gelu", "--port", str(port), "--admin-port", "0"]
    command += ["--precision", precision, "--cpu-isa", args.cpu_isa] + (["--threads", str(args.threads)] if args.threads else [])
    url, begin = f"http://127.0.0.1:{port}", time.perf_counter()
    with (args.work / "service.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            while not answers(f"{url}/health"):
                if process.poll() is not None or time.perf_counter() - begin > 60:
                    sys.exit(f"the service does not start, see {log.name}")
                time.sleep(0.005)
            seconds = time.perf_counter() - begin
            time.sleep(1)
            yield {"url": url, "start_seconds": seconds, "idle_mb": resident(process.pid)}
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def resident(process: int) -> float | None:
    """Resident memory in MB, on Linux."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) * 1024 / 1e6


def load(program: str, url: str, photo: str, clients: int, seconds: float) -> dict:
    """Load from `clients`, each with a JPEG of `photo` pixels in base64 at a time."""
    command = [program, "bench", "--url", url, "--photo", photo, "--clients", str(clients), "--json"]
    command += ["--duration", f"{round(seconds * 1000)}ms", "--warmup", "1s"]
    # A status of 1 says that not every answer was as expected; the document tells which.
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    document = json.loads(found.stdout)
    if not document["passed"]:
        sys.exit(f"{url}: {'; '.join(document['faults'])}")
    rate, latency = document["goodput"]["images_per_second"], document["latency_ms"]["ok"]["p50"]
    return {"images_per_second": rate, "calls": document["requests"]["answered"], "call_ms": latency}


class Run:
    """All turns, and what each found."""

    def __init__(self, args: argparse.Namespace, programs: dict[str, str], contenders: list[Contender]) -> None:
        self.args, self.programs, self.contenders = args, programs, contenders
        self.turns: list[dict] = []
        self.order = random.Random(0)

    def note(self, number: int, contender: str, precision: str, mode: str, batch: int | None, found: dict) -> None:
        turn = {"round": number, "contender": contender, "precision": precision, "mode": mode, "batch": batch}
        self.turns.append(turn | found | {"load_average": os.getloadavg()[0]})

    def limit(self, number: int, batch: int) -> None:
        found = self.contenders[0].ask(mode="limit", seconds=LIMIT_SECONDS)
        self.note(number, "machine", "f32", "limit", batch, found)

    def round(self, number: int) -> None:
        for batch in self.args.batches:
            turns = [(contender, mode) for contender in self.contenders for mode in ("streams", "together")]
            self.order.shuffle(turns)
            for contender, mode in turns:
                beside_the_limit = contender is self.contenders[0] and mode == "streams"
                if beside_the_limit:
                    self.limit(number, batch)
                found = contender.ask(mode=mode, batch=batch, seconds=self.args.seconds)
                self.note(number, contender.name, contender.precision, mode, batch, found)
                if beside_the_limit:
                    self.limit(number, batch)
        self.services(number)
        self.preprocessing(number)

    def services(self, number: int) -> None:
        program, seconds = self.programs["inference-service"], self.args.seconds * 2
        for precision in [contender.precision for contender in self.contenders if contender.name == "ours"]:
            with service(program, precision, self.args) as running:
                begun = {name: running[name] for name in ("start_seconds", "idle_mb")}
                self.note(number, "service", precision, "start", None, begun)
                found = load(program, running["url"], "224x224", 8, seconds)
                self.note(number, "service", precision, "224x224", None, found)
                found = load(program, running["url"], "4000x3000", 5, seconds)
                self.note(number, "service", precision, "4000x3000", None, found)
        if self.args.original:
            found = load(program, self.args.original, "4000x3000", 5, seconds)
            self.note(number, "original", "f32", "4000x3000", None, found)

    def preprocessing(self, number: int) -> None:
        turn = {"mode": "preprocess", "file": str(PHOTO), "seconds": self.args.seconds}
        self.note(number, "ours", "f32", "preprocess", None, self.contenders[0].ask(**turn))
        command = [sys.executable, str(HERE / "contender.py"), "pillow"]
        pillow = Contender("pillow", "f32", command, self.args.work / "pillow.log")
        self.note(number, "pillow", "f32", "preprocess", None, pillow.ask(**turn))
        pillow.end()


def torch_version(python: str) -> str:
    program = "from importlib import metadata; print(metadata.version('torch'))"
    return subprocess.run([python, "-c", program], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def machine(args: argparse.Namespace, isa: str) -> dict:
    """What the figures depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.strip()
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": args.threads or cores(),
        "isa": isa,
        "system": platform.platform(),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "commit": commit,
        "versions": {name: metadata.version(name) for name in ("openvino", "onnxruntime", "pillow", "numpy")}
        | ({"torch": torch_version(args.torch)} if args.torch else {}),
    }


def command_line() -> argparse.Namespace:
    args = argparse.ArgumentParser(description="Our forward pass and service beside the peers, in turns, in one run.")
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--seconds", type=float, default=2, help="length of a turn (over HTTP twice as long); 2")
    args.add_argument("--batches", type=lambda text: [int(n) for n in text.split(",")], default=[1, 4, 8, 16, 32])
    args.add_argument("--threads", type=int, help="threads of each contender; left out, each chooses for all cores")
    args.add_argument("--cpu-isa", default="auto", help="instruction set of ours: auto, avx512, avx2, neon, portable")
    args.add_argument("--torch", nargs="?", const=sys.executable, metavar="PYTHON", help="measure PyTorch too, installed for this Python")
    args.add_argument("--original", metavar="URL", help="a running service with the original's API, for its rate at 12 megapixels")
    args.add_argument("--features", help="cargo features to build with")
    args.add_argument("--work", type=Path, default=ROOT / "target" / "peers", help="folder of models, logs and figures")
    args.add_argument("--out", type=Path, help="where the figures go; figures.json in --work")
    args.add_argument("--report", type=Path, metavar="FIGURES", help="measure nothing, print the report of saved figures")
    return args.parse_args()


def main() -> None:
    args = command_line()
    if args.report:
        return print(report.text(json.loads(args.report.read_text())))
    programs = build(args.features)
    expected = prepare(args.work)
    contenders = start(args, programs)
    cosines = {f"{contender.name} {contender.precision}": least_cosine(contender, expected) for contender in contenders}
    run = Run(args, programs, contenders)
    out = args.out or args.work / "figures.json"
    document = {"machine": machine(args, contenders[0].ready["isa"]), "least_cosine": cosines, "turns": run.turns}
    for number in range(args.rounds):
        begin = time.perf_counter()
        run.round(number)
        out.write_text(json.dumps(document, indent=1) + "\n")
        print(f"round {number + 1} of {args.rounds}: {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    for contender in contenders:
        contender.end()
    print(report.text(document))
    print(f"\nEvery turn: {out}")


if __name__ == "__main__":
    main()
