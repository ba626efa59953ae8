"""Writes a very small CLIP model as PyTorch's `torch.save` does, for the tests of checkpoint files.

    pip install numpy torch       (made with numpy 2.3.5 and torch 2.9.1)
    python make_tiny_checkpoint.py

OUT/open_clip_pytorch_model.bin holds the vision tower, OUT/wrapped.pt the same as training saves it,
under the key `state_dict`. The weights are those of random_weights.py for these shapes, so that the
service can make them again and compare. OUT is `tiny/` beside this script.
"""

# /// script
# dependencies = ["numpy==2.3.5", "torch==2.9.1"]
# ///

from pathlib import Path

import torch

import random_weights

WIDTH, LAYERS, PATCH, GRID, EMBED, MLP = 16, 2, 8, 2, 8, 32


def shapes() -> dict[str, tuple[int, ...]]:
    out = {
        "visual.class_embedding": (WIDTH,),
        "visual.positional_embedding": (1 + GRID * GRID, WIDTH),
        "visual.proj": (WIDTH, EMBED),
        "visual.conv1.weight": (WIDTH, 3, PATCH, PATCH),
        "logit_scale": (),
    }
    for norm in ("ln_pre", "ln_post"):
        out |= {f"visual.{norm}.weight": (WIDTH,), f"visual.{norm}.bias": (WIDTH,)}
    for i in range(LAYERS):
        block = f"visual.transformer.resblocks.{i}"
        out |= {
            f"{block}.attn.in_proj_weight": (3 * WIDTH, WIDTH),
            f"{block}.attn.in_proj_bias": (3 * WIDTH,),
            f"{block}.attn.out_proj.weight": (WIDTH, WIDTH),
            f"{block}.attn.out_proj.bias": (WIDTH,),
            f"{block}.mlp.c_fc.weight": (MLP, WIDTH),
            f"{block}.mlp.c_fc.bias": (MLP,),
            f"{block}.mlp.c_proj.weight": (WIDTH, MLP),
            f"{block}.mlp.c_proj.bias": (WIDTH,),
        }
        for norm in ("ln_1", "ln_2"):
            out |= {f"{block}.{norm}.weight": (WIDTH,), f"{block}.{norm}.bias": (WIDTH,)}
    return out


def main() -> None:
    out = Path(__file__).resolve().parent / "tiny"
    out.mkdir(exist_ok=True)
    state = {k: torch.from_numpy(random_weights.tensor(k, s).copy()) for k, s in shapes().items()}
    torch.save(state, out / "open_clip_pytorch_model.bin")
    torch.save({"epoch": 3, "name": "tiny", "state_dict": state}, out / "wrapped.pt")


if __name__ == "__main__":
    main()
