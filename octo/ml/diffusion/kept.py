"""Keys and values that are kept from one forward pass to others.

Axes: B canvases, S columns, C of them that are computed, K heads of keys and values, E width of a head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


class Cache:
    """The keys and values of all columns of some canvases, by layer."""

    def __init__(self, num_canvases: int, num_columns: int) -> None:
        self._shape = (num_canvases, num_columns)
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}

    def layer(self, number: int, *, like: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's keys and values, to be written to; zeros at first. Shapes B, K, S, E."""
        if number not in self._layers:
            shape = (self._shape[0], like.shape[1], self._shape[1], like.shape[3])
            self._layers[number] = (like.new_zeros(shape), like.new_zeros(shape))
        return self._layers[number]

    def are_all(self, rows: Sequence[int]) -> bool:
        """Whether rows are those of the cache, in its order."""
        return list(rows) == list(range(self._shape[0]))


@dataclass(frozen=True)
class Part:
    """Columns that one forward pass computes, the cache beside them; the `body.Memory` of that pass."""

    cache: Cache
    rows: Sequence[int]
    """The canvases' places in the cache; a place may be there several times."""
    columns_BC: Tensor
    keeps: bool
    """Whether later passes are to find what this one computes."""

    def update(self, keys_BKCE: Tensor, values_BKCE: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """A layer's keys and values of all columns, those that were computed among them."""
        kept = self.cache.layer(layer_idx, like=keys_BKCE)
        # Nobody reads what a step wrote in place without having computed it again, unless it was to be kept.
        in_place = self.cache.are_all(self.rows)
        rows_B1 = torch.arange(len(self.rows), device=keys_BKCE.device)[:, None]
        both = []
        for kept_BKSE, computed_BKCE in zip(kept, (keys_BKCE, values_BKCE), strict=True):
            all_BKSE = kept_BKSE if in_place else kept_BKSE[list(self.rows)]
            all_BKSE[rows_B1, :, self.columns_BC] = computed_BKCE.transpose(1, 2)
            if self.keeps and not in_place:
                kept_BKSE[list(self.rows)] = all_BKSE
            both.append(all_BKSE)
        return both[0], both[1]
