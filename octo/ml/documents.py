"""Which positions of packed sequences see each other, without a matrix of all of them, and in which tiles to attend.

Axes: B sequences, S positions, R some sequences side by side, Q queries and K keys of a tile.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from octo.data.packed import PADDING_SLICE
from octo.ml.devices import brought, wherever

LEAST = 64
"""Positions. Documents that are shorter are attended to together, behind a mask: many small products are slow."""
STRIP = 128
"""Queries of a causal document that are attended to at once, and with what comes before them alone, for kernels look at
all keys that they are given; in documents of up to LONG positions: in longer ones a kernel leaves most of it out."""
LONG = 1024
TILE = 512
"""Queries whose mask is made at once, where one is needed: the memory of a mask is TILE * S, and made anew for use."""

Sees = Callable[[int, Tensor, Tensor], Tensor]
"""From a sequence of the batch, the positions of queries (Q, 1) and those of keys (1, K), to True where the query sees
the key; shape Q, K. Every position must see itself."""


@dataclass(frozen=True)
class Tile:
    """Queries that are attended to at once, of neighbouring sequences, and all the keys that any of them sees."""

    rows: slice
    queries: slice
    keys: slice
    masked: bool
    """Whether some query does not see some of the keys, other than by their order."""
    causal: bool
    """Whether a query sees the keys up to itself; the last query is the last key then."""

    @property
    def is_square(self) -> bool:
        """Whether queries and keys are the same positions."""
        return self.queries == self.keys


@dataclass(frozen=True, eq=False)
class Documents:
    """Positions see others of their own slice: those whose rank is not above their own.

    A slice lies in one piece, and ranks never fall within it. So ranks that are positions make a causal model, equal
    ranks one that looks both ways, and the numbers of blocks one that looks both ways within a block.
    """

    slices_BS: Tensor
    """Which slice of the sequence a position belongs to; what padding sees is nobody's concern."""
    ranks_BS: Tensor
    sees: Sees | None = None
    """Decides within a slice instead of the ranks."""
    _plans: dict[int | None, tuple[Tile, ...]] = field(default_factory=dict, repr=False)
    _masks: dict[tuple[object, ...], Tensor] = field(default_factory=dict, repr=False)

    def tiles(self, window: int | None) -> tuple[Tile, ...]:
        """What to attend to in turn; positions that are in no tile's queries are long padding.

        Args:
            window: where it is given, a position sees no other that is so far away.
        """
        if window not in self._plans:
            self._plans[window] = tuple(_tiles(self, window))
        return self._plans[window]

    def mask(self, tile: Tile, window: int | None, *, like: Tensor) -> Tensor:
        """What is added to a tile's scores, of the other tensor's type and on its device; shape R, 1, Q, K.

        Kept for use in every layer where it is small, made anew where it is not.
        """
        key = (tile.rows.start, tile.queries.start, window, like.dtype, like.device)
        if key in self._masks:
            return self._masks[key]
        seen_RQK = self._seen(tile, window, device=like.device)
        mask_R1QK = like.new_zeros(seen_RQK.shape).masked_fill_(~seen_RQK, -torch.inf)[:, None]
        if seen_RQK.shape[1] <= LEAST and tile.is_square:
            self._masks[key] = mask_R1QK
        return mask_R1QK

    @cached_property
    def lengths(self) -> "Lengths | None":
        """The slices', where all are causal or all are seen both ways; None where they are not."""
        if self.sees:
            return None
        runs = [run for row in _runs(self) for run in row]
        causal = all(run.num_ranks == run.stop - run.start for run in runs)
        if not causal and any(run.num_ranks > 1 for run in runs):
            return None
        return Lengths(tuple(run.stop - run.start for run in runs), causal)

    @cached_property
    def _anywhere(self) -> "tuple[Callable[[torch.device], Tensor], ...]":
        return wherever(self.slices_BS), wherever(self.ranks_BS)

    def _seen(self, tile: Tile, window: int | None, *, device: torch.device) -> Tensor:
        slices_BS, ranks_BS = (each(device) for each in self._anywhere)
        rows, queries, keys = tile.rows, tile.queries, tile.keys
        seen_RQK = slices_BS[rows, queries, None] == slices_BS[rows, None, keys]
        queries_Q1 = torch.arange(queries.start, queries.stop, device=device)[:, None]
        keys_1K = torch.arange(keys.start, keys.stop, device=device)[None]
        if self.sees:
            seen_RQK &= torch.stack([self.sees(row, queries_Q1, keys_1K) for row in range(rows.start, rows.stop)])
        else:
            seen_RQK &= ranks_BS[rows, None, keys] <= ranks_BS[rows, queries, None]
        if window:
            seen_RQK &= (queries_Q1 - keys_1K).abs() < window
        return seen_RQK


@dataclass(frozen=True)
class Lengths:
    """Slices laid end to end, sequence after sequence."""

    lengths: tuple[int, ...]
    causal: bool
    _edges: dict[torch.device, Tensor] = field(default_factory=dict, repr=False, compare=False)

    @property
    def longest(self) -> int:
        """Positions of the longest slice."""
        return max(self.lengths)

    def edges(self, device: torch.device) -> Tensor:
        """Where the slices begin, and where the last one ends."""
        if device not in self._edges:
            self._edges[device] = brought(torch.tensor([0, *self.lengths]).cumsum(dim=0).int(), device)
        return self._edges[device]


def causal_documents(slices_BS: Tensor) -> Documents:
    """Every position sees those before it in its own slice, and itself."""
    return Documents(slices_BS, torch.arange(slices_BS.shape[1]).expand_as(slices_BS))


def open_documents(slices_BS: Tensor) -> Documents:
    """Every position sees all of its own slice."""
    return Documents(slices_BS, torch.zeros_like(slices_BS))


def prefix_documents(slices_BS: Tensor, prompt_BS: Tensor) -> Documents:
    """Positions of a prompt, which begins its slice, see the prompt alone; the others all of their own slice."""
    return Documents(slices_BS, (~prompt_BS).long())


def block_documents(slices_BS: Tensor, positions_BS: Tensor, *, length: int) -> Documents:
    """Positions see the blocks before theirs, and all of their own; blocks are counted from a slice's start."""
    return Documents(slices_BS, positions_BS // length)


@dataclass(frozen=True)
class _Run:
    """A slice: a piece of a sequence."""

    start: int
    stop: int
    padding: bool
    ends: NDArray[np.int64]
    """Of each group of positions of equal rank."""

    @property
    def num_ranks(self) -> int:
        return len(self.ends)


def _runs(documents: Documents) -> Iterator[list[_Run]]:
    """The slices of each sequence."""
    slices_BS, ranks_BS = documents.slices_BS.cpu().numpy(), documents.ranks_BS.cpu().numpy()
    for slices_S, ranks_S in zip(slices_BS, ranks_BS, strict=True):
        anew_S = slices_S[1:] != slices_S[:-1]
        edges = [0, *(np.flatnonzero(anew_S) + 1).tolist(), len(slices_S)]
        ends = np.append(np.flatnonzero(anew_S | (ranks_S[1:] != ranks_S[:-1])) + 1, len(slices_S))
        places = np.searchsorted(ends, edges, side="right")
        yield [
            _Run(start, stop, bool(slices_S[start] == PADDING_SLICE), ends[first:last])
            for start, stop, first, last in zip(edges, edges[1:], places, places[1:], strict=False)
        ]


class _Piece(NamedTuple):
    """A tile of one sequence: positions of its queries and of its keys."""

    start: int
    stop: int
    first_key: int
    last_key: int
    """The one after it, as with `stop`."""
    masked: bool = False
    causal: bool = False


def _tiles(documents: Documents, window: int | None) -> Iterator[Tile]:
    """Those of all sequences; what neighbouring sequences have at the same places is one tile."""
    rows_of: dict[_Piece, list[int]] = defaultdict(list)
    for row, runs in enumerate(_runs(documents)):
        for together in _chunks(runs):
            for piece in _pieces(documents, together, window):
                rows_of[piece].append(row)
    for piece, rows in rows_of.items():
        for _, neighbours in groupby(enumerate(rows), key=lambda each: each[1] - each[0]):
            places = [row for _, row in neighbours]
            yield Tile(
                rows=slice(places[0], places[-1] + 1),
                queries=slice(piece.start, piece.stop),
                keys=slice(piece.first_key, piece.last_key),
                masked=piece.masked,
                causal=piece.causal,
            )


def _chunks(runs: list[_Run]) -> Iterator[list[_Run]]:
    """Short neighbours together, long ones by themselves; long padding is left out."""
    together: list[_Run] = []
    for run in runs:
        if together and run.stop - together[0].start > LEAST:
            yield together
            together = []
        if run.stop - run.start <= LEAST:
            together.append(run)
        elif not run.padding:
            yield [run]
    if together:
        yield together


def _pieces(documents: Documents, runs: list[_Run], window: int | None) -> Iterator[_Piece]:
    start, stop = runs[0].start, runs[-1].stop
    length, ends = stop - start, runs[0].ends
    far = window if window and window < length else None
    plain = len(runs) == 1 and not documents.sees and not far
    if plain and len(ends) == length:
        width = STRIP if length <= LONG else length
        for first in range(start, stop, width):
            last = min(first + width, stop)
            yield _Piece(first, last, start, last, causal=True)
    elif plain and (len(ends) == 1 or length >= TILE * len(ends)):
        for first, last in pairwise([start, *ends.tolist()]):
            yield _Piece(first, last, start, last)
    elif length <= LEAST:
        yield _Piece(start, stop, start, stop, masked=True)
    else:
        for first in range(start, stop, TILE):
            last = min(first + TILE, stop)
            first_key = max(start, first - far + 1) if far else start
            last_key = stop if documents.sees else int(ends[np.searchsorted(ends, last)])
            yield _Piece(first, last, first_key, min(last_key, last + far - 1) if far else last_key, masked=True)
