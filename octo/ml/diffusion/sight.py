"""What the columns of a batch see of each other, and which state predicts which of them.

A model of blocks is read with a clean copy of every document beside it: as in decoding, a noisy block sees the blocks
before it as they are when all of them is known, and itself with its masks.

Axes: B sequences, S columns, T columns of what is read (S, or twice that with copies), Q queries, K keys, N columns
that are asked about.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from octo.ml.devices import wherever
from octo.ml.documents import Documents, Sees, block_documents, open_documents, prefix_documents


@dataclass(frozen=True)
class Sight:
    """Who sees whom: a column sees those of its own slice, as far as the rest of this allows."""

    slices_BS: Tensor
    """By which document a column is of; padding is a slice of its own."""
    positions_BS: Tensor
    """Places in the document, from 0."""
    prompt_BS: Tensor | None = None
    """Columns that see each other alone, where there are such."""
    block_length: int = 0
    """Of a model of blocks, which are counted from the beginning of the document."""
    opening: Sees | None = None
    """Which of its slice a column sees, where that is not the same for all."""

    def documents(self) -> Documents:
        """The same for the model's attention."""
        if self.opening:
            return Documents(self.slices_BS, torch.zeros_like(self.slices_BS), sees=self.opening)
        if self.prompt_BS is not None:
            return prefix_documents(self.slices_BS, self.prompt_BS)
        if self.block_length:
            return block_documents(self.slices_BS, self.positions_BS, length=self.block_length)
        return open_documents(self.slices_BS)


@dataclass(frozen=True)
class View:
    """What a model is given to read."""

    tokens_BT: Tensor
    positions_BT: Tensor
    documents: Documents
    sites_N: Tensor
    """The states that predict what is asked about: their places, counted through all sequences."""


def view(
    tokens_BS: Tensor,
    clean_BS: Tensor,
    sight: Sight,
    where_N: tuple[Tensor, ...],
    *,
    lag: int,
) -> View:
    """Have sequences be read, and say which states predict some of their columns.

    Args:
        tokens_BS: with masks in them.
        clean_BS: without.
        sight: who sees whom.
        where_N: sequences and columns that are asked about.
        lag: of the model's kind.
    """
    rows_N, columns_N = where_N
    if not sight.block_length:
        sites_N = rows_N * tokens_BS.shape[1] + columns_N - lag
        return View(tokens_BS, sight.positions_BS, sight.documents(), sites_N)
    order_BT = _beside_copies(sight.slices_BS)
    both = torch.cat([tokens_BS, clean_BS], dim=1)
    positions_BT = sight.positions_BS.repeat(1, 2).gather(1, order_BT)
    slices_BT = sight.slices_BS.repeat(1, 2).gather(1, order_BT)
    seeing = _seeing_blocks(positions_BT // sight.block_length, order_BT >= tokens_BS.shape[1])
    # With a shift, what predicts the first position of a block is in the block before: it is read without noise.
    begins_N = sight.positions_BS[where_N] % sight.block_length == 0
    wanted_N = columns_N - lag + (tokens_BS.shape[1] * begins_N if lag else 0)
    places_BT = order_BT.argsort(dim=1)
    return View(
        both.gather(1, order_BT),
        positions_BT,
        Documents(slices_BT, torch.zeros_like(slices_BT), sees=seeing),
        rows_N * order_BT.shape[1] + places_BT[rows_N, wanted_N],
    )


def _beside_copies(slices_BS: Tensor) -> Tensor:
    """Columns, and those of a copy counted on, in an order in which each slice is followed by its copy; shape B, T."""
    numbers_BS = torch.zeros_like(slices_BS)
    numbers_BS[:, 1:] = (slices_BS[:, 1:] != slices_BS[:, :-1]).cumsum(dim=1)
    return torch.cat([2 * numbers_BS, 2 * numbers_BS + 1], dim=1).argsort(dim=1, stable=True)


def _seeing_blocks(blocks_BT: Tensor, is_copy_BT: Tensor) -> Sees:
    blocks, copies = wherever(blocks_BT), wherever(is_copy_BT)

    def sees(row: int, queries_Q1: Tensor, keys_1K: Tensor) -> Tensor:
        blocks_BT, is_copy_BT = blocks(queries_Q1.device), copies(queries_Q1.device)
        own_Q1, others_1K = blocks_BT[row, queries_Q1], blocks_BT[row, keys_1K]
        is_copy_Q1, are_copies_1K = is_copy_BT[row, queries_Q1], is_copy_BT[row, keys_1K]
        # Earlier blocks are clean whoever looks; the own one is what the column is of.
        return ((others_1K == own_Q1) & (are_copies_1K == is_copy_Q1)) | ((others_1K < own_Q1) & are_copies_1K)

    return sees
