"""Sequences that several ranks compute together: each has some of the columns in every layer.

Whoever calls the model gives it whole sequences and asks for tokens anywhere in them, on all of the ranks alike
(`octo.ml.heads`). Here what is given is cut to the columns of this rank, and what the ranks' heads say of their tokens
is brought together. Attention alone looks across columns: for it the ranks exchange columns for heads, so that each
head is attended to whole, within the documents of whole sequences, wherever these are cut.

Axes: B sequences, S columns, L of them on a rank, H heads, K heads of keys and values, E width of a head, N places that
are asked for.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, distributed
from torch.nn.functional import pad

from octo.errors import InvariantError, UsageError
from octo.ml.devices import brought
from octo.ml.documents import Documents
from octo.ml.process_group import collective
from octo.processes import rank, world_size

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From queries, keys and values to what was attended to; shapes B, S, H or K, E."""
Exchange = Callable[[Attend, tuple[Tensor, Tensor, Tensor], Any], Tensor]
"""What this rank's columns take from whole sequences (B, L, H, E), on each rank of a process group, by attending to
some heads of these. Given are the columns' queries, keys and values."""
_TOGETHER: "WeakKeyDictionary[torch.nn.Module, SequenceGroup]" = WeakKeyDictionary()
"""By which groups models are computed."""
_CHANGING_ANGLES = frozenset({"dynamic", "longrope"})
"""Rotary positions that turn by angles which the longest sequence decides."""


class SequenceGroup:
    """The ranks that compute the same sequences together, of which this is one."""

    def __init__(self, size: int, exchange: Exchange) -> None:
        """Every rank of the gang makes its group at the same time.

        Args:
            size: ranks of a group, which follow each other.
            exchange: how they exchange columns for heads.
        """
        self.size = size
        self.place = rank() % size
        self._ranks = _groups(size)
        self._exchange = exchange

    def cut(self, tensor_BS: Tensor) -> Tensor:
        """The columns of this rank; behind the last column are zeros, so that all ranks have as many."""
        width = self._width(tensor_BS.shape[1])
        cut_BL = tensor_BS[:, self.place * width : (self.place + 1) * width]
        return pad(cut_BL, (0, width - cut_BL.shape[1]))

    def shares(self, sites_N: Tensor, *, length: int) -> "Shares":
        """Who has which of these places, which are counted through sequences of that length."""
        owners_N = sites_N % length // self._width(length)
        order_N = owners_N.argsort(stable=True)
        counts = torch.bincount(owners_N, minlength=self.size)
        starts = counts.cumsum(dim=0) - counts
        most = int(counts.max())
        places_N = torch.empty_like(order_N)
        owned_N = owners_N[order_N]
        places_N[order_N] = owned_N * most + torch.arange(len(order_N)) - starts[owned_N]
        first = int(starts[self.place])
        return Shares(order_N[first : first + int(counts[self.place])], places_N, most)

    def local(self, sites_N: Tensor, *, length: int) -> Tensor:
        """Places of this rank as they are counted through its own columns."""
        width = self._width(length)
        return sites_N // length * width + sites_N % length - self.place * width

    def gathered(self, own: Tensor, shares: "Shares") -> Tensor:
        """What all ranks found at their places, in the order of these; its gradient is that of the rank's own."""
        if not shares.most:
            return own
        whole_N: Tensor = _Gathered.apply(own, shares, self.size, self._ranks)  # type: ignore[no-untyped-call]  # torch's
        return whole_N

    def attended(self, heads: tuple[Tensor, Tensor, Tensor], attend: Attend, *, length: int) -> Tensor:
        """What this rank's columns take from sequences of that length, of all heads; shape B, L, H, E.

        Args:
            heads: queries, keys and values of this rank's columns, of all heads; shapes B, H or K, L, E.
            attend: does it for some heads of whole sequences; shapes B, H or K, S, E to B, S, H, E.
            length: of a sequence, S.
        """
        _check_heads(heads[0].shape[1], heads[1].shape[1], self.size)
        filled = self.size * self._width(length)

        def whole(*heads_BSHE: Tensor) -> Tensor:
            attended_BSHE = attend(*(each[:, :length].transpose(1, 2) for each in heads_BSHE))
            return pad(attended_BSHE, (0, 0, 0, 0, 0, filled - length))

        query, key, value = (each.transpose(1, 2) for each in heads)
        with collective():
            return self._exchange(whole, (query, key, value), self._ranks)

    def _width(self, length: int) -> int:
        return math.ceil(length / self.size)


@dataclass(frozen=True)
class Shares:
    """How places are dealt to the ranks of a group."""

    own: Tensor
    """Which of them are this rank's."""
    places: Tensor
    """Where each is when what the ranks have is laid end to end, filled up."""
    most: int
    """Of one rank."""


@dataclass(frozen=True)
class SharedDocuments:
    """Documents of whole sequences, of which each rank of a group has some columns."""

    documents: Documents
    group: SequenceGroup

    @property
    def length(self) -> int:
        """Columns of a sequence."""
        return self.documents.slices_BS.shape[1]


def compute_together(model: torch.nn.Module, group: SequenceGroup) -> None:
    """Have the model be computed by a group from now on, by way of `octo.ml.heads`."""
    _TOGETHER[model] = group


def group_of(model: torch.nn.Module) -> SequenceGroup | None:
    """The group that computes a model, or the one that DeepSpeed's engine is around; None where each rank does."""
    return _TOGETHER.get(getattr(model, "module", model))


def check_together(config: Any, size: int) -> None:
    """UsageError where ranks cannot compute sequences together: their number divides neither the gang nor the heads."""
    if world_size() % size:
        raise UsageError(
            f"--sequence-parallel={size} has so many ranks compute a sequence together, which does not divide the "
            f"gang's {world_size()}: give a divisor of that, or start another number of ranks"
        )
    text = config.get_text_config()
    num_heads = int(text.num_attention_heads)
    _check_heads(num_heads, int(getattr(text, "num_key_value_heads", None) or num_heads), size)
    if changing := sorted(_CHANGING_ANGLES & set(_kinds_of_angles(text.to_dict()))):
        raise UsageError(
            f"a {config.model_type} model with {changing[0]} rotary positions turns by angles that the longest "
            "sequence decides, of which each rank has a part: give --sequence-parallel=1"
        )


def _check_heads(num_heads: int, num_key_value_heads: int, size: int) -> None:
    if num_heads % size:
        raise UsageError(
            f"--sequence-parallel={size} shares out a model's {num_heads} attention heads, which it does not divide: "
            f"give a divisor of {num_heads}"
        )
    if num_key_value_heads % size and size % num_key_value_heads:
        raise UsageError(
            f"--sequence-parallel={size} shares out a model's {num_key_value_heads} heads of keys and values, and "
            "neither number divides the other: give one that does"
        )


def _kinds_of_angles(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name in ("rope_type", "type") and isinstance(each, str):
                yield each
            yield from _kinds_of_angles(each)


@cache
def _groups(size: int) -> Any:
    """The process group of this rank among those of so many; made once by every rank, whoever is in it."""
    with collective():
        made = [distributed.new_group(list(range(first, first + size))) for first in range(0, world_size(), size)]
    return made[rank() // size]


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, shares: Shares, size: int, ranks: Any) -> Tensor:
        if len(own) != len(shares.own):
            raise InvariantError(f"a rank was asked for {len(shares.own)} places, and found {len(own)}")
        filled = pad(own.detach(), (0, shares.most - len(own)))
        every = filled.new_empty(size * shares.most)
        with collective():
            distributed.all_gather_into_tensor(every, filled, group=ranks)
        ctx.own = shares.own
        return every[brought(shares.places, every.device)]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return gradients[0][brought(ctx.own, gradients[0].device)], None, None, None
