"""What becomes of low-rank adapters where a model's weights are told, or only read with: they are added to them."""

from collections.abc import Iterator
from contextlib import contextmanager
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
            yield f"{layer}.weight", _sum(weight, down, tensor, scales[layer])
        elif name.endswith(".weight"):
            weight = tensor.clone()
        else:
            yield name.replace(_BASE, "."), tensor


@contextmanager
def merging(model: torch.nn.Module) -> Iterator[None]:
    """Within, the layers of a model have their adapters in their weights, to the bit as whoever is told these has them.

    Nothing is to be learnt meanwhile. The weights without are kept: those of layers with adapters are held twice.
    """
    layers = [layer for _, layer in _named(model) if hasattr(layer, "lora_A")]
    kept = [layer.base_layer.weight.data for layer in layers]
    try:
        for layer, weight in zip(layers, kept, strict=True):
            down, up = (each["default"].weight.detach() for each in (layer.lora_A, layer.lora_B))
            layer.base_layer.weight.data = _sum(weight, down.float(), up, float(layer.scaling["default"]))
            # What peft looks at: there is nothing to be added any more.
            layer.merged_adapters = ["default"]
        yield
    finally:
        for layer, weight in zip(layers, kept, strict=True):
            layer.base_layer.weight.data = weight
            layer.merged_adapters = []


def _sum(weight: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Added up in float32, and rounded once."""
    return torch.mm(up.float(), down).mul_(scale).add_(weight.float()).to(weight.dtype)


def frozen(model: torch.nn.Module) -> frozenset[str]:
    """The names of parameters that are not trained."""
    return frozenset(name for name, each in model.named_parameters() if not each.requires_grad)


def _named(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    yield from model.named_modules()
