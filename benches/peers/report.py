"""Medians, spread and ratios of the turns, and the targets with what was reached.

A ratio is taken within a round, between turns that lie side by side, and its median over the rounds is told with the least
and the most: so what the machine does besides weighs on both sides.
"""

import statistics
from collections.abc import Callable, Iterable

# 4.37 G multiply-adds: the products of the tower's layers, in the last block for all tokens, as every peer computes it.
# Attention's own products, 1 % more, are not counted.
GFLOP_PER_IMAGE = 8.74
PEERS = ("openvino", "onnxruntime", "torch")
MODES = {"streams": "side by side", "together": "one after another"}
# Targets by instruction set: share of the limit, ratio to the best peer.
SHARE = {"AVX-512": 0.96}, 0.88
BEST_PEER = {"AVX-512": 1.12}, 1.25


class Figures:
    """The turns of a document, to be asked."""

    def __init__(self, document: dict) -> None:
        self.turns: list[dict] = document["turns"]
        self.rounds = sorted({turn["round"] for turn in self.turns})
        self.batches = sorted({turn["batch"] for turn in self.turns if turn["batch"]})

    def values(self, field: str, **wanted) -> list[float]:
        return [t[field] for t in self.turns if field in t and t[field] is not None and all(t[key] == value for key, value in wanted.items())]

    def rate(self, **wanted) -> float | None:
        """Images a second of the fastest of these turns."""
        return max(self.values("images_per_second", **wanted), default=None)

    def limit(self, number: int, batch: int) -> float:
        """Images a second at the limit, as it was before and after ours."""
        return statistics.mean(self.values("gflops", round=number, batch=batch, mode="limit")) / GFLOP_PER_IMAGE

    def best_peer(self, precision: str, **wanted) -> float | None:
        rates = [self.rate(contender=peer, precision=precision, **wanted) for peer in PEERS]
        return max((rate for rate in rates if rate), default=None)

    def over_rounds(self, ratio: Callable[[int], float | None]) -> list[float]:
        return [value for value in map(ratio, self.rounds) if value is not None]

    def shares(self, batch: int) -> list[float]:
        return self.over_rounds(lambda n: over(self.rate(contender="ours", precision="f32", round=n, batch=batch), self.limit(n, batch)))

    def peer_shares(self, batch: int) -> list[float]:
        return self.over_rounds(lambda n: over(self.best_peer("f32", round=n, batch=batch), self.limit(n, batch)))

    def against_peers(self, precision: str, batch: int) -> list[float]:
        return self.over_rounds(
            lambda n: over(
                self.rate(contender="ours", precision=precision, round=n, batch=batch),
                self.best_peer(precision, round=n, batch=batch),
            )
        )

    def latency(self) -> list[float]:
        """The best peer's time for one image alone, over ours."""
        def alone(number: int, contender: str) -> float | None:
            times = self.values("call_ms", round=number, batch=1, mode="together", precision="f32", contender=contender)
            return min(times, default=None)

        def ratio(number: int) -> float | None:
            times = [time for time in (alone(number, peer) for peer in PEERS) if time]
            return over(min(times, default=None), alone(number, "ours"))

        return self.over_rounds(ratio)

    def served(self, precision: str) -> list[float]:
        return self.over_rounds(
            lambda n: over(
                self.rate(contender="service", precision=precision, mode="224x224", round=n),
                max((self.rate(contender="ours", precision=precision, round=n, batch=batch) or 0 for batch in self.batches)),
            )
        )

    def twelve_megapixels(self) -> list[float]:
        return self.over_rounds(
            lambda n: over(*(self.rate(contender=who, precision="f32", mode="4000x3000", round=n) for who in ("service", "original")))
        )

    def preprocessing(self) -> list[float]:
        def time(number: int, contender: str) -> float | None:
            return min(self.values("call_ms", round=number, mode="preprocess", contender=contender), default=None)

        return self.over_rounds(lambda n: over(time(n, "ours"), time(n, "pillow")))


def over(a: float | None, b: float | None) -> float | None:
    return a / b if a and b else None


def spread(values: Iterable[float], digits: int = 1) -> str:
    """Median, least and most."""
    values = list(values)
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def table(rows: list[list[str]]) -> str:
    """Rows as Markdown, the first of which is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def rates(figures: Figures, precision: str) -> str:
    rows = [[f"{precision}, images/s"] + [f"batch {batch}" for batch in figures.batches]]
    for contender in ("ours", *PEERS):
        for mode, words in MODES.items():
            wanted = {"contender": contender, "precision": precision, "mode": mode}
            cells = [spread(figures.values("images_per_second", batch=batch, **wanted)) for batch in figures.batches]
            if set(cells) != {"-"}:
                rows.append([f"{contender}, {words}", *cells])
    if precision == "f32":
        rows.append(["the machine's limit"] + [spread(figures.limit(n, batch) for n in figures.rounds) for batch in figures.batches])
        rows.append(["ours / the limit"] + [spread(figures.shares(batch), 2) for batch in figures.batches])
        rows.append(["the best peer / the limit"] + [spread(figures.peer_shares(batch), 2) for batch in figures.batches])
    rows.append(["ours / the best peer"] + [spread(figures.against_peers(precision, batch), 2) for batch in figures.batches])
    return table(rows)


def alone(figures: Figures) -> str:
    rows = [["one image alone, ms", "f32", "bf16"]]
    for contender in ("ours", *PEERS):
        wanted = {"contender": contender, "batch": 1, "mode": "together"}
        rows.append([contender] + [spread(figures.values("call_ms", precision=precision, **wanted)) for precision in ("f32", "bf16")])
    return table([row for row in rows if row[1:] != ["-", "-"]])


def others(figures: Figures) -> str:
    rows = [["", "f32", "bf16"]]
    for name, contender, mode, field in (
        ("service, 224-pixel JPEG in base64, 8 clients, images/s", "service", "224x224", "images_per_second"),
        ("service, 12-megapixel JPEG in base64, 5 clients, images/s", "service", "4000x3000", "images_per_second"),
        ("the original service, the same, images/s", "original", "4000x3000", "images_per_second"),
        ("preprocessing of 12 megapixels, one core, ms: ours", "ours", "preprocess", "call_ms"),
        ("the same, Pillow as open_clip uses it, ms", "pillow", "preprocess", "call_ms"),
    ):
        rows.append([name] + [spread(figures.values(field, contender=contender, mode=mode, precision=p)) for p in ("f32", "bf16")])
    for name, field, digits in (("start to ready, s", "start_seconds", 2), ("memory idle, MB", "idle_mb", 0)):
        rows.append([name] + [spread(figures.values(field, contender="service", precision=p), digits) for p in ("f32", "bf16")])
    return table([row for row in rows if row[1:] != ["-", "-"]])


def targets(figures: Figures, isa: str) -> str:
    """Each target with the median that counts: over batch sizes, the worst."""
    rows = [["target", "wanted", "measured", ""]]

    def row(name: str, values: list[float], bound: float, digits: int = 2, most: bool = False) -> None:
        wanted = f"{'<=' if most else '>='} {bound:.{digits}f}"
        median = statistics.median(values) if values else None
        met = median is not None and (median <= bound if most else median >= bound)
        rows.append([name, wanted, spread(values, digits), "not measured" if median is None else "met" if met else "MISSED"])

    def worst(kind: Callable[[int], list[float]]) -> list[float]:
        each = [values for values in map(kind, figures.batches) if values]
        return min(each, key=statistics.median, default=[])

    share, best_peer = (by_isa.get(isa, otherwise) for by_isa, otherwise in (SHARE, BEST_PEER))
    row("forward, f32, worst batch size / the limit", worst(figures.shares), share)
    row("forward, f32, worst batch size / the best peer", worst(lambda batch: figures.against_peers("f32", batch)), best_peer)
    row("one image alone: the best peer's time / ours", figures.latency(), 1.0)
    row("forward, bf16, worst batch size / OpenVINO's bf16", worst(lambda batch: figures.against_peers("bf16", batch)), 1.10)
    row("HTTP, 224-pixel JPEG, 8 clients / our forward pass in process", figures.served("f32"), 0.93)
    row("HTTP, 12-megapixel JPEG / the original service", figures.twelve_megapixels(), 3.3, 1)
    row("preprocessing of 12 megapixels: our time / Pillow's", figures.preprocessing(), 1 / 3, 2, most=True)
    row("start to ready, s", figures.values("start_seconds", precision="f32"), 0.6, 2, most=True)
    row("memory idle, f32, MB", figures.values("idle_mb", precision="f32"), 450, 0, most=True)
    return table(rows)


def text(document: dict) -> str:
    figures, machine = Figures(document), document["machine"]
    loads = figures.values("load_average")
    precisions = [p for p in ("f32", "bf16") if figures.values("images_per_second", precision=p, mode="streams")]
    head = [
        f"{machine['processor']}, {machine['cores']} cores, ours with {machine['isa']}; {machine['system']}; {machine['date']}, {machine['commit']}",
        "versions: " + ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
        f"{len(figures.rounds)} rounds; load average {spread(loads)}; each figure is a median (least-most)",
        "least cosine to the expected embeddings: " + ", ".join(f"{name} {cosine:.8f}" for name, cosine in document["least_cosine"].items()),
    ]
    parts = ["\n".join(head)] + [rates(figures, precision) for precision in precisions]
    return "\n\n".join([*parts, alone(figures), others(figures), targets(figures, machine["isa"])])
