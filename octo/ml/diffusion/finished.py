"""Blocks that are finished, of a model of blocks: they see nothing that is to come, so each is computed once.

Axes: B canvases, L positions of a completion, S columns of prompt and completion, C of them that are computed, D width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.ml.diffusion.body import states
from octo.ml.diffusion.canvases import Canvases
from octo.ml.diffusion.denoiser import Kind, head, positions_of
from octo.ml.diffusion.kept import Cache, Part

SEEN = 1 << 24
"""Pairs of columns whose seeing each other is told apart at a time: of a long prompt, a part is computed after the
other."""


class Finished:
    """How far canvases are finished, and their keys and values so far, in a cache."""

    def __init__(self, model: PreTrainedModel, cache: Cache, canvases: Canvases, kind: Kind) -> None:
        self._model = model
        self._cache = cache
        self._length = kind.block_length
        self._begins_B = canvases.valid_BS.int().argmax(dim=1)
        self._reached = self._begins_B.tolist()
        """Of each canvas, the column before which all is kept."""
        self._ends_BD = head(model).new_zeros(len(self._reached), model.config.hidden_size)

    def blocks(self, canvases: Canvases, rows: Sequence[int], asked_BL: Tensor) -> tuple[Tensor, Tensor]:
        """The columns of the block in which each canvas is asked about something: first, ..., last - 1; shapes B."""
        begins_B = self._begins_B[list(rows)]
        asked_B = canvases.width + asked_BL.int().argmax(dim=1)
        first_B = asked_B - (asked_B - begins_B) % self._length
        return first_B, (first_B + self._length).minimum(begins_B + canvases.valid_BS.sum(dim=1))

    def ends(self, rows: Sequence[int]) -> Tensor:
        """The states of the last columns that are kept; shape B, D."""
        return self._ends_BD[list(rows)]

    def reach(self, canvases: Canvases, rows: Sequence[int], first_B: Tensor) -> None:
        """Have all columns before a block be kept, as they stand.

        Args:
            canvases: of which nothing before the block is masked.
            rows: their places in the cache; of those with the same place, all before the block is the same.
            first_B: where each canvas's block begins.
        """
        places = {row: place for place, row in reversed(list(enumerate(rows)))}
        firsts = first_B.tolist()
        together = max(1, SEEN // canvases.tokens_BS.numel() // self._length) * self._length
        while behind := [row for row, place in places.items() if self._reached[row] < firsts[place]]:
            lasts = [min(self._reached[row] + together, firsts[places[row]]) for row in behind]
            chosen_B = torch.tensor([places[row] for row in behind], device=first_B.device)
            self._keep(canvases.rows(chosen_B), behind, lasts)

    def _keep(self, canvases: Canvases, rows: Sequence[int], lasts: Sequence[int]) -> None:
        device = canvases.tokens_BS.device
        first_B1 = torch.tensor([[self._reached[row]] for row in rows], device=device)
        last_B1 = torch.tensor(lasts, device=device)[:, None]
        columns_BC = first_B1 + torch.arange(int((last_B1 - first_B1).max()), device=device)
        is_last_BC = columns_BC == last_B1 - 1
        # Short ones are filled up with their last column, time and again: that changes nothing of it.
        columns_BC = columns_BC.minimum(last_B1 - 1)
        begins_B1 = self._begins_B[list(rows)][:, None]
        block_ends_BC = columns_BC - (columns_BC - begins_B1) % self._length + self._length
        columns_S = torch.arange(canvases.tokens_BS.shape[1], device=device)
        self._ends_BD[list(rows)] = states(
            self._model,
            canvases.tokens_BS.gather(1, columns_BC),
            positions_BC=positions_of(canvases.valid_BS).gather(1, columns_BC),
            sees_BCS=canvases.valid_BS[:, None, :] & (columns_S < block_ends_BC[:, :, None]),
            asked_BC=is_last_BC,
            memory=Part(self._cache, rows, columns_BC, keeps=True),
        )
        for row, last in zip(rows, lasts, strict=True):
            self._reached[row] = last
