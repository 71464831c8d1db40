"""Packed sequences for training by masked diffusion.

Axes: B sequences, S positions of a sequence, Q queries, K keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from octo.data.packed import PADDING_SLICE, PackedSequences
from octo.errors import UsageError
from octo.ml.batches import PackedBatch, packed_batch
from octo.ml.devices import wherever
from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.noising import CleanBatch
from octo.ml.diffusion.sight import Sight
from octo.ml.documents import Sees
from octo.randomness import generator
from octo.settings.noising import NoisingSettings

BITS = 31
"""Of the numbers by which attention is opened."""


@dataclass(frozen=True)
class Extent:
    """What of a sequence is trained on."""

    first: int
    """What comes before stays without noise."""
    last: int
    """From here on nothing is seen."""


def extent(sequence: int, length: int, *, seed: int, settings: NoisingSettings) -> Extent:
    """Of a sequence by its number: all of it, or what is left of one that is cut, or after a condition."""
    random = generator(seed, "extent", sequence)
    cut, conditioned = random.random(2)
    last = int(random.integers(2, length + 1)) if cut < settings.truncated else length
    first = int(random.integers(1, last)) if conditioned < settings.conditioned else 0
    return Extent(first, last)


def num_maskable(
    packed: PackedSequences, sequences: Sequence[int], *, kind: Kind, seed: int, settings: NoisingSettings
) -> int:
    """How many tokens of the sequences of these numbers may be masked."""
    batch = packed_batch(packed)
    return int(maskable(batch, sequences, kind=kind, seed=seed, settings=settings).sum())


def openness(step: int, settings: NoisingSettings) -> float:
    """The share of later positions that are seen at a step: from one part to all (DiffuLLaMA)."""
    return min(1.0, (step + 1) / settings.anneal_steps) if settings.anneal_steps else 1.0


def clean_batch(
    batch: PackedBatch, sequences: Sequence[int], *, kind: Kind, seed: int, open_share: float, settings: NoisingSettings
) -> CleanBatch:
    """The sequences of these numbers, without noise.

    A token sees its own document, of which it sees what comes after it with probability `open_share`.

    Raises:
        UsageError: a model of blocks is to be opened.
    """
    if open_share < 1 and kind.block_length:
        raise UsageError(
            f"expected --noising.anneal-steps=0 for a model of blocks, got {settings.anneal_steps}: its attention is "
            "what its configuration says"
        )
    length = batch.tokens_BS.shape[1]
    slices_BS = _cut_slices(batch, _extents(sequences, length, seed=seed, settings=settings))
    return CleanBatch(
        tokens_BS=batch.tokens_BS,
        maskable_BS=maskable(batch, sequences, kind=kind, seed=seed, settings=settings),
        sight=Sight(
            slices_BS=slices_BS,
            positions_BS=batch.positions_BS,
            block_length=kind.block_length,
            opening=opening(sequences, length, seed=seed, share=open_share) if open_share < 1 else None,
        ),
    )


def maskable(
    batch: PackedBatch, sequences: Sequence[int], *, kind: Kind, seed: int, settings: NoisingSettings
) -> Tensor:
    """Which tokens may be masked: not the first of a document where no state predicts it; shape B, S."""
    extents = _extents(sequences, batch.tokens_BS.shape[1], seed=seed, settings=settings)
    columns_S = torch.arange(batch.tokens_BS.shape[1], device=batch.tokens_BS.device)
    firsts_B1 = torch.tensor([[each.first] for each in extents], device=columns_S.device)
    is_text_BS = _cut_slices(batch, extents) != PADDING_SLICE
    return is_text_BS & (batch.positions_BS >= kind.lag) & (columns_S >= firsts_B1)


def opening(sequences: Sequence[int], length: int, *, seed: int, share: float) -> Sees:
    """What columns may see already: all that is earlier, and of what is later the share.

    What is open stays open as the share grows. A number is drawn for each row of each sequence, by the sequence's own
    key; those of its columns are scrambled from it wherever and as often as they are asked for, so none are kept.
    """
    keys_BS = np.stack(
        [generator(seed, "opening", sequence).integers(1 << BITS, size=length) for sequence in sequences]
    )
    numbers = wherever(torch.from_numpy(keys_BS))

    def sees(row: int, queries_Q1: Tensor, keys_1K: Tensor) -> Tensor:
        rows_BS = numbers(queries_Q1.device)
        numbers_QK = scrambled(rows_BS[row, queries_Q1] ^ scrambled(keys_1K + 1))
        return (keys_1K <= queries_Q1) | (numbers_QK < share * (1 << BITS))

    return sees


def scrambled(numbers: Tensor) -> Tensor:
    """Numbers below 2 to the power of BITS, each of them another such number, of which no two are the same.

    Shifts and products as in Ettinger's lowbias32, cut to what a product of int64 holds.
    """
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        numbers = ((numbers ^ (numbers >> shift)) * factor) & ((1 << BITS) - 1)
    return numbers ^ (numbers >> 16)


def _extents(sequences: Sequence[int], length: int, *, seed: int, settings: NoisingSettings) -> list[Extent]:
    return [extent(sequence, length, seed=seed, settings=settings) for sequence in sequences]


def _cut_slices(batch: PackedBatch, extents: Sequence[Extent]) -> Tensor:
    """The slices of the tokens; what is cut away is padding."""
    columns_S = torch.arange(batch.tokens_BS.shape[1], device=batch.tokens_BS.device)
    lasts_B1 = torch.tensor([[each.last] for each in extents], device=columns_S.device)
    return batch.slices_BS.masked_fill(columns_S >= lasts_B1, PADDING_SLICE)
