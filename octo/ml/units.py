"""Weights in units: what is gathered together, reduced together, and lies end to end in one tensor.

A unit is a layer, a large matrix beside the layers, or all the small ones beside them. Its tensor is filled up so that
every rank's share is made of whole blocks: nothing that is computed of an element or a block depends on how many ranks
share it, for a processor rounds the last elements of a tensor, which fill no vector, otherwise than the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, distributed
from torch.nn import Parameter

from octo.ml.process_group import collective
from octo.processes import rank, world_size

BLOCK = 1024
"""Elements of a share are a multiple of it."""
_ALIGNMENT = 32
"""Elements: a weight begins where its bytes are as far apart as vectors and matrix products like them."""
_LARGE = 1 << 20
"""Elements of a weight beside the layers that is a unit of its own."""
_LAYER = re.compile(r"(.+?\.\d+)\.")
REST = "rest"
"""The name of the unit of small weights that are of no layer."""


@dataclass(frozen=True)
class Layout:
    """Where the weights of a unit lie in its tensor; the same for every number of ranks, but for what fills it up."""

    name: str
    layer: str
    """The name of the layer whose weights they are; empty for those of none."""
    shapes: Mapping[str, torch.Size]
    """Of the weights, by name."""
    starts: Mapping[str, int] = field(init=False)
    length: int = field(init=False)
    """Elements with what lies between them."""

    def __post_init__(self) -> None:
        starts, at = {}, 0
        for name, shape in self.shapes.items():
            starts[name] = at
            at = _filled_up(at + shape.numel(), _ALIGNMENT)
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "length", at)

    @property
    def blocks(self) -> int:
        """Blocks that hold weights, on any number of ranks: what fills it up is more on some than on others."""
        return -(-self.length // BLOCK)

    def share(self, ranks: int) -> int:
        """Elements of the share of each of so many ranks."""
        return _filled_up(self.length, BLOCK * ranks) // ranks

    def parts(self, tensor: Tensor, *, first: int = 0) -> Iterator[tuple[str, Tensor, slice]]:
        """What a tensor that lies in the unit from element `first` on has of each weight, and which part of it."""
        for name, shape in self.shapes.items():
            start, size = self.starts[name], shape.numel()
            low, high = max(first, start), min(first + tensor.numel(), start + size)
            if low < high:
                yield name, tensor[low - first : high - first], slice(low - start, high - start)


class Unit:
    """Weights that are given and taken together: of one precision, and on one device."""

    def __init__(self, layout: Layout, parameters: Sequence[Parameter], *, dtype: torch.dtype, device: torch.device):
        """Make room for the weights; they are put in by `fill`."""
        self.layout = layout
        self.parameters = list(parameters)
        self.share = layout.share(world_size())
        self.size = self.share * world_size()
        self.flat = torch.zeros(self.size, dtype=dtype, device=device)
        self.own = slice(rank() * self.share, (rank() + 1) * self.share)
        self._shard: Tensor | None = None

    @property
    def name(self) -> str:
        """Of the layer, of the matrix, or what is left."""
        return self.layout.name

    @property
    def is_trained(self) -> bool:
        """Whether its weights have gradients: all of them, or none."""
        return self.parameters[0].requires_grad

    @property
    def shard(self) -> Tensor:
        """This rank's share of the weights."""
        return self.flat[self.own] if self._shard is None else self._shard

    def own_parts(self) -> Iterator[tuple[str, Tensor, slice]]:
        """What this rank's share has of each weight, and which of its elements that are."""
        return self.layout.parts(self.shard, first=self.own.start)

    @property
    def is_whole(self) -> bool:
        """Whether all the weights are here."""
        return self._shard is None or self.flat.untyped_storage().nbytes() > 0

    def fill(self, weights: Callable[[str], Tensor]) -> None:
        """Put every weight in its place, and have the model compute with it there."""
        for (name, shape), parameter in zip(self.layout.shapes.items(), self.parameters, strict=True):
            whole = self.flat[self.layout.starts[name] :][: shape.numel()].view(shape)
            whole.copy_(weights(name).detach())
            parameter.data = whole

    def keep_share(self) -> None:
        """From now on have the weights whole only from `gather` to `release`."""
        self._shard = self.flat[self.own].clone()
        self.release()

    def gather(self) -> None:
        """Have the weights whole. Every rank takes part."""
        if self.is_whole:
            return
        # In the same memory as views see, also those that are kept for the way back.
        self.flat.untyped_storage().resize_(self.size * self.flat.element_size())
        spread(self.flat, self.shard)

    def release(self) -> None:
        """Have this rank's share alone, where it is kept."""
        if self._shard is not None:
            self.flat.untyped_storage().resize_(0)

    def spread(self) -> None:
        """Let the other ranks' weights follow them where all are kept whole. Every rank takes part."""
        if self._shard is None:
            spread(self.flat, self.flat[self.own])


def spread(whole: Tensor, share: Tensor) -> None:
    """Fill a tensor with all ranks' shares of it, of which this rank's may lie in it already."""
    if world_size() > 1:
        with collective():
            distributed.all_gather_into_tensor(whole.view(torch.uint8), share.view(torch.uint8))
    elif share.data_ptr() != whole.data_ptr():
        whole.copy_(share)


def layouts(named: Iterable[tuple[str, Tensor]]) -> list[Layout]:
    """The units of a model's weights, in the order in which it has them."""
    shapes: dict[tuple[str, str], dict[str, torch.Size]] = {}
    for name, weight in named:
        found = _LAYER.match(name)
        layer = found[1] if found else ""
        unit = layer or (name if weight.numel() >= _LARGE else REST)
        # What is not trained has no gradients to wait for.
        key = (layer, unit if weight.requires_grad else f"{unit}.frozen")
        shapes.setdefault(key, {})[name] = weight.shape
    return [Layout(name, layer, held) for (layer, name), held in shapes.items()]


def _filled_up(size: int, to: int) -> int:
    return -(-size // to) * to
