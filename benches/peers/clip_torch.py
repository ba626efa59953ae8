"""The image tower of ViT-B-32 with the seeded weights in eager PyTorch, as open_clip computes it, with exact GELU."""

import torch
from clip_onnx import EPSILON, HEAD, HEADS, LAYERS, PATCH, WIDTH, weights
from torch.nn import functional


class Tower:
    def __init__(self) -> None:
        self.tensors = {name: torch.from_numpy(tensor.copy()) for name, tensor in weights().items()}

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        tensors = self.tensors
        return functional.layer_norm(x, (WIDTH,), tensors[f"{name}.weight"], tensors[f"{name}.bias"], EPSILON)

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self.tensors[f"{name}weight"], self.tensors[f"{name}bias"])

    def block(self, x: torch.Tensor, name: str) -> torch.Tensor:
        n, tokens, _ = x.shape
        qkv = self.linear(self.norm(x, f"{name}.ln_1"), f"{name}.attn.in_proj_")
        queries, keys, values = qkv.view(n, tokens, 3, HEADS, HEAD).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(queries, keys, values)
        x = x + self.linear(mixed.transpose(1, 2).reshape(n, tokens, WIDTH), f"{name}.attn.out_proj.")
        inner = functional.gelu(self.linear(self.norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc."))
        return x + self.linear(inner, f"{name}.mlp.c_proj.")

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        tensors = self.tensors
        patches = functional.conv2d(pixels, tensors["conv1.weight"], stride=PATCH).flatten(2).transpose(1, 2)
        first = tensors["class_embedding"].expand(len(pixels), 1, WIDTH)
        x = self.norm(torch.cat([first, patches], dim=1) + tensors["positional_embedding"], "ln_pre")
        for i in range(LAYERS):
            x = self.block(x, f"transformer.resblocks.{i}")
        return functional.normalize(self.norm(x[:, 0], "ln_post") @ tensors["proj"], dim=-1)
