"""What the arithmetic of memory is made of: sizes of elements, and what is trained how."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal, NamedTuple

from octo.settings.base import Precision
from octo.settings.lora import PROJECTIONS, LoraSettings
from octo.settings.midtraining import OptimizerSettings
from octo.transformer_shape import TransformerShape

WIDTHS: Mapping[Precision, int] = {"float32": 4, "bfloat16": 2}
"""Bytes of an element."""


Moment = Literal["backward", "exchange", "reduction", "update", "decoding"]


@dataclass(frozen=True)
class Training:
    """How a model is trained, as one rank sees it."""

    num_tokens: int
    """Positions of a micro-batch: sequences by their length, padding included."""
    num_predicted: int
    """Those that carry loss, at most."""
    num_micro_batches: int
    """That a rank computes in one update."""
    ranks: int
    optimizer: OptimizerSettings
    on_accelerator: bool
    """Otherwise on processors."""
    lora: LoraSettings = field(default_factory=LoraSettings)
    """Which adapters are trained instead of all weights, if any."""
    saves: bool = False
    """Whether checkpoints are made beside it, of a copy in the machine's own memory."""


class Held(NamedTuple):
    """What differs from moment to moment, in bytes."""

    gradients: int
    buffers: int = 0


def adapter_parameters(shape: TransformerShape, lora: LoraSettings) -> int:
    """Weights of adapters of all layers, beside those matrices whose names are known."""
    return shape.num_layers * lora.rank * sum(map(sum, _adapted(shape, lora)))


def adapted_parameters(shape: TransformerShape, lora: LoraSettings) -> int:
    """Weights of the matrices that have adapters, of all layers."""
    return shape.num_layers * sum(map(prod, _adapted(shape, lora))) * (lora.rank > 0)


def _adapted(shape: TransformerShape, lora: LoraSettings) -> list[tuple[int, int]]:
    """The two sides of a layer's matrices that have adapters, whose names are known."""
    hidden, inner, queries, keys = shape.hidden_size, shape.intermediate_size, shape.query_size, shape.key_size
    sides = ((hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), *(3 * [(hidden, inner)]))
    by_name = dict(zip(PROJECTIONS, sides, strict=True))
    return [by_name[name] for name in lora.modules if name in by_name]
