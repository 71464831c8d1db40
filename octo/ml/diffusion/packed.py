"""Packed sequences for training by masked diffusion.

Axes: B sequences, S positions of a sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from octo.data.packed import PADDING_SLICE, PackedTokens
from octo.ml.batches import PackedBatch, packed_batch
from octo.ml.diffusion.noising import CleanBatch
from octo.randomness import generator
from octo.settings.noising import NoisingSettings


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


def num_maskable(packed: PackedTokens, first: int, count: int, *, seed: int, settings: NoisingSettings) -> int:
    """How many tokens of the sequences first, first + 1, ... may be masked."""
    sequences = range(first, first + count)
    batch = packed_batch(packed, first, count, device=torch.device("cpu"))
    return int(maskable(batch, sequences, seed=seed, settings=settings).sum())


def openness(step: int, settings: NoisingSettings) -> float:
    """The share of later positions that are seen at a step: from one part to all (DiffuLLaMA)."""
    return min(1.0, (step + 1) / settings.anneal_steps) if settings.anneal_steps else 1.0


def clean_batch(
    batch: PackedBatch, sequences: Sequence[int], *, seed: int, open_share: float, settings: NoisingSettings
) -> CleanBatch:
    """The sequences of these numbers, without noise.

    A token sees its own document, of which it sees what comes after it with probability `open_share`.
    """
    length = batch.tokens_BS.shape[1]
    slices_BS = _cut_slices(batch, _extents(sequences, length, seed=seed, settings=settings))
    sees_BSS = slices_BS[:, :, None] == slices_BS[:, None, :]
    if open_share < 1:
        open_BSS = np.stack([opened(sequence, length, seed=seed, share=open_share) for sequence in sequences])
        sees_BSS &= torch.from_numpy(open_BSS).to(sees_BSS.device)
    return CleanBatch(
        tokens_BS=batch.tokens_BS,
        maskable_BS=maskable(batch, sequences, seed=seed, settings=settings),
        mask_B1SS=sees_BSS[:, None],
        positions_BS=batch.positions_BS,
    )


def maskable(batch: PackedBatch, sequences: Sequence[int], *, seed: int, settings: NoisingSettings) -> Tensor:
    """Which tokens may be masked: not the first of a document, which no column predicts; shape B, S."""
    extents = _extents(sequences, batch.tokens_BS.shape[1], seed=seed, settings=settings)
    columns_S = torch.arange(batch.tokens_BS.shape[1], device=batch.tokens_BS.device)
    firsts_B1 = torch.tensor([[each.first] for each in extents], device=columns_S.device)
    return (_cut_slices(batch, extents) != PADDING_SLICE) & (batch.positions_BS > 0) & (columns_S >= firsts_B1)


def opened(sequence: int, length: int, *, seed: int, share: float) -> NDArray[np.bool]:
    """Which later positions each position may see already, beside all earlier ones; shape S, S.

    What is open stays open as the share grows.
    """
    earlier_SS = np.tri(length, dtype=np.bool)
    return earlier_SS | (generator(seed, "opening", sequence).random((length, length), dtype=np.float32) < share)


def _extents(sequences: Sequence[int], length: int, *, seed: int, settings: NoisingSettings) -> list[Extent]:
    return [extent(sequence, length, seed=seed, settings=settings) for sequence in sequences]


def _cut_slices(batch: PackedBatch, extents: Sequence[Extent]) -> Tensor:
    """The slices of the tokens; what is cut away is padding."""
    columns_S = torch.arange(batch.tokens_BS.shape[1], device=batch.tokens_BS.device)
    lasts_B1 = torch.tensor([[each.last] for each in extents], device=columns_S.device)
    return batch.slices_BS.masked_fill(columns_S >= lasts_B1, PADDING_SLICE)
