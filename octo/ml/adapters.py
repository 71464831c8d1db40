"""What becomes of low-rank adapters where a model's weights are told: they are added to them."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

_BASE, _DOWN, _UP = ".base_layer.", ".lora_A.", ".lora_B."
"""What peft puts into names: of the layer that stays, and of the two matrices beside it."""


def merged(model: torch.nn.Module, tensors: Iterator[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """The model's tensors by the names that they have without adapters, which are in them; at most three are held.

    Args:
        model: with adapters or without.
        tensors: in the order of its state. A tensor may be gone when the next one is asked for.
    """
    scales = {name: float(layer.scaling["default"]) for name, layer in _named(model) if hasattr(layer, "lora_A")}
    weight = down = torch.empty(0)
    for name, tensor in tensors:
        layer = name
        for mark in (_BASE, _DOWN, _UP):
            layer = layer.partition(mark)[0]
        if layer not in scales:
            yield name, tensor
        elif _DOWN in name:
            down = tensor.float().clone()
        elif _UP in name:
            added = torch.mm(tensor.float(), down).mul_(scales[layer])
            yield f"{layer}.weight", added.add_(weight.float()).to(weight.dtype)
        elif name.endswith(".weight"):
            weight = tensor.clone()
        else:
            yield name.replace(_BASE, "."), tensor


def frozen(model: torch.nn.Module) -> frozenset[str]:
    """The names of parameters that are not trained."""
    return frozenset(name for name, each in model.named_parameters() if not each.requires_grad)


def _named(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    yield from model.named_modules()
