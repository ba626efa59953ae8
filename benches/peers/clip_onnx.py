"""Writes the image tower of ViT-B-32 with the seeded weights as an ONNX model.

The weights are those of the tag `random` (tests/reference/random_weights.py), the graph is what open_clip computes with exact
GELU: pixels `[n, 3, 224, 224]` to embeddings `[n, 512]` of length 1. The operators are those on which both peers are fastest,
found by trying (README.md): layer norm, GELU and attention as single operators; queries, keys and values as one product.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "reference"))
import random_weights  # noqa: E402

WIDTH, LAYERS, HEADS, MLP, PATCH, SIZE, EMBED = 768, 12, 12, 3072, 32, 224, 512
PATCHES = (SIZE // PATCH) ** 2
TOKENS = PATCHES + 1
HEAD = WIDTH // HEADS
EPSILON = 1e-5


def shapes() -> dict[str, tuple[int, ...]]:
    """The tensors of the image tower under open_clip's names, without `visual.`, and their shapes."""
    shapes = {
        "conv1.weight": (WIDTH, 3, PATCH, PATCH),
        "class_embedding": (WIDTH,),
        "positional_embedding": (TOKENS, WIDTH),
        "proj": (WIDTH, EMBED),
    }
    norms = ["ln_pre", "ln_post"]
    for i in range(LAYERS):
        block = f"transformer.resblocks.{i}"
        norms += [f"{block}.ln_1", f"{block}.ln_2"]
        layers = {
            "attn.in_proj_": (3 * WIDTH, WIDTH),
            "attn.out_proj.": (WIDTH, WIDTH),
            "mlp.c_fc.": (MLP, WIDTH),
            "mlp.c_proj.": (WIDTH, MLP),
        }
        for name, (outputs, inputs) in layers.items():
            shapes[f"{block}.{name}weight"] = (outputs, inputs)
            shapes[f"{block}.{name}bias"] = (outputs,)
    for norm in norms:
        shapes[f"{norm}.weight"] = shapes[f"{norm}.bias"] = (WIDTH,)
    return shapes


def weights() -> dict[str, np.ndarray]:
    """The seeded tensors by the names of `shapes`."""
    return {name: random_weights.tensor(f"visual.{name}", shape) for name, shape in shapes().items()}


class Graph:
    """Nodes and constants as they come; every method returns the name of what it computes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def ints(self, *values: int) -> str:
        return self.constant("ints_" + "_".join(map(str, values)).replace("-", "m"), np.array(values, np.int64))

    def node(self, operator: str, *inputs: str, outputs: int = 1, **attributes) -> str | list[str]:
        names = [f"{operator}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0] if outputs == 1 else names


class Tower:
    """The tower as a graph."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self.tensors, self.graph = tensors, Graph()

    def tensor(self, name: str, transpose: bool = False) -> str:
        value = self.tensors[name]
        return self.graph.constant(name, value.T if transpose else value)

    def norm(self, x: str, name: str) -> str:
        return self.graph.node("LayerNormalization", x, self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias"), axis=-1, epsilon=EPSILON)

    def linear(self, x: str, name: str) -> str:
        product = self.graph.node("MatMul", x, self.tensor(f"{name}weight", transpose=True))
        return self.graph.node("Add", product, self.tensor(f"{name}bias"))

    def attend(self, qkv: str) -> str:
        parts = self.graph.node("Split", qkv, self.graph.ints(WIDTH, WIDTH, WIDTH), outputs=3, axis=-1)
        return self.graph.node("Attention", *parts, q_num_heads=HEADS, kv_num_heads=HEADS)

    def block(self, x: str, i: int) -> str:
        graph, name = self.graph, f"transformer.resblocks.{i}"
        attended = self.attend(self.linear(self.norm(x, f"{name}.ln_1"), f"{name}.attn.in_proj_"))
        x = graph.node("Add", x, self.linear(attended, f"{name}.attn.out_proj."))
        inner = graph.node("Gelu", self.linear(self.norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc."), approximate="none")
        return graph.node("Add", x, self.linear(inner, f"{name}.mlp.c_proj."))

    def embeddings(self, pixels: str) -> str:
        graph = self.graph
        patches = graph.node("Conv", pixels, self.tensor("conv1.weight"), kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
        patches = graph.node("Transpose", graph.node("Reshape", patches, graph.ints(0, WIDTH, PATCHES)), perm=[0, 2, 1])
        # The class token and a row for each patch, as padding and a sum: no shape depends on the batch.
        positions = self.tensors["positional_embedding"].copy()
        positions[0] += self.tensors["class_embedding"]
        padded = graph.node("Pad", patches, graph.ints(0, 1, 0, 0, 0, 0))
        x = self.norm(graph.node("Add", padded, graph.constant("positions", positions)), "ln_pre")
        for i in range(LAYERS):
            x = self.block(x, i)
        first = graph.node("Gather", x, graph.constant("first", np.int64(0)), axis=1)
        projected = graph.node("MatMul", self.norm(first, "ln_post"), self.tensor("proj"))
        return graph.node("LpNormalization", projected, axis=-1, p=2)


def build() -> onnx.ModelProto:
    """The model, whose batch is of any size."""
    tower = Tower(weights())
    output = tower.embeddings("pixels")
    graph = helper.make_graph(
        tower.graph.nodes,
        "vit_b_32",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", EMBED])],
        list(tower.graph.constants.values()),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
