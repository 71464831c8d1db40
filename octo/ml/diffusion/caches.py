"""Keys and values that several denoising steps share, and so which columns of a canvas each of them computes.

Exact: a prompt that sees itself alone is computed once; of a model of blocks, so is every block that is finished, and
none that is not begun is computed at all. Approximate, after Fast-dLLM (arXiv 2505.22618): what lies outside the block
that is being completed is taken as it was when the block was begun, or refreshed since.

Axes: B canvases, L positions of a completion, S columns of prompt and completion, C of them that are computed, N
positions that are asked about, D width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.errors import UsageError
from octo.ml.diffusion.body import states
from octo.ml.diffusion.canvases import Canvases, Turn
from octo.ml.diffusion.denoiser import Kind, head, positions_of
from octo.ml.diffusion.finished import Finished
from octo.ml.diffusion.kept import Cache, Part
from octo.ml.diffusion.products import multiplied
from octo.settings.denoising import DenoisingSettings


class Passes:
    """Forward passes over canvases of some requests, each of which computes what the settings' cache leaves to it."""

    def __init__(self, model: PreTrainedModel, canvases: Canvases, *, kind: Kind, settings: DenoisingSettings) -> None:
        """Compute what is computed once.

        Raises:
            UsageError: an exact cache is asked for, of a model whose prompts see their completions; or one that keeps
                blocks, of a model that has finished ones kept anyway.
        """
        if settings.keeps_blocks and kind.block_length:
            raise UsageError(
                f"cache={settings.cache} is for models whose blocks see later ones, and this one has blocks of "
                f"{kind.block_length} that do not: expected cache=exact, which computes a finished block once"
            )
        if settings.cache == "prompt" and kind.attention == "bidirectional":
            raise UsageError(
                f"cache=prompt is not exact for this model, whose prompts see completions (diffusion_attention "
                f"{kind.attention}): expected cache=exact, or cache=prefix, which is labelled approximate"
            )
        self.model = multiplied(model)
        self.settings = settings
        self._width = canvases.width
        self._lag = kind.lag
        self._prompt_is_kept = kind.attention == "prefix"
        num_canvases, num_columns = canvases.tokens_BS.shape
        keeps = self._prompt_is_kept or settings.keeps_blocks or kind.block_length
        self._cache = Cache(num_canvases, num_columns) if keeps else None
        self._begun = [(-1, 0)] * num_canvases
        """Of each canvas, the block for which it was last computed whole, and the steps since then."""
        self._ends_BD = self._taken_up(canvases) if self._prompt_is_kept else None
        self._finished = (
            Finished(self.model, self._cache, canvases, kind) if self._cache and kind.block_length else None
        )

    def states(
        self, canvases: Canvases, rows: Sequence[int], asked_BL: Tensor, *, turns_B: Sequence[Turn] = ()
    ) -> Tensor:
        """The states that predict the positions that are asked about, canvas by canvas; shape N, D.

        Args:
            canvases: as they stand.
            rows: the canvases that they came from, of those there were at the beginning.
            asked_BL: true where a position is asked about.
            turns_B: for a cache of blocks, what each canvas's step does; it may ask about its block alone.
        """
        where_N = asked_BL.nonzero(as_tuple=True)
        found_ND = head(self.model).new_empty(len(where_N[0]), self.model.config.hidden_size)
        if self._finished:
            return self._of_blocks(self._finished, canvases, rows, asked_BL, found_ND)
        computed_BL = asked_BL.clone()
        if self._ends_BD is not None and self._lag:
            # The state before a position predicts it, and the prompt's end never changes.
            computed_BL[:, 0] = False
            first_N = where_N[1] == 0
            found_ND[first_N] = self._ends_BD[torch.tensor(rows, device=asked_BL.device)[where_N[0][first_N]]]
        blockwise = self.settings.keeps_blocks
        whole = [place for place, row in enumerate(rows) if not blockwise or self._begins(row, turns_B[place])]
        within = sorted(set(range(len(rows))) - set(whole))
        for places in filter(None, (whole, within)):
            chosen_B = torch.tensor(places, device=asked_BL.device)
            part_BL = computed_BL[chosen_B]
            if not part_BL.any():
                continue
            windows = [self._window(canvases, turns_B[place] if places is within else None) for place in places]
            here_N = computed_BL[where_N] & torch.isin(where_N[0], chosen_B)
            found_ND[here_N] = self._computed(
                canvases.rows(chosen_B),
                [rows[place] for place in places],
                part_BL,
                windows=windows,
                keeps=blockwise and places is whole,
            )
        return found_ND

    def _of_blocks(
        self, finished: "Finished", canvases: Canvases, rows: Sequence[int], asked_BL: Tensor, found_ND: Tensor
    ) -> Tensor:
        """The states of a model of blocks: each canvas is asked about one of its blocks, and computes no other."""
        where_N = asked_BL.nonzero(as_tuple=True)
        chosen_B = asked_BL.any(dim=-1).nonzero().squeeze(-1)
        part, origins = canvases.rows(chosen_B), [rows[place] for place in chosen_B.tolist()]
        first_B, last_B = finished.blocks(part, origins, asked_BL[chosen_B])
        finished.reach(part, origins, first_B)
        computed_BL = asked_BL.clone()
        if self._lag:
            # What predicts a block's first position is in the block before.
            columns_L = self._width + torch.arange(asked_BL.shape[1], device=asked_BL.device)
            firsts_BL = torch.zeros_like(asked_BL)
            firsts_BL[chosen_B] = columns_L == first_B[:, None]
            computed_BL &= ~firsts_BL
            first_N = firsts_BL[where_N]
            found_ND[first_N] = finished.ends([rows[place] for place in where_N[0][first_N].tolist()])
        if computed_BL.any():
            columns_S = torch.arange(canvases.tokens_BS.shape[1], device=asked_BL.device)
            found_ND[computed_BL[where_N]] = self._computed(
                part,
                origins,
                computed_BL[chosen_B],
                windows=list(zip(first_B.tolist(), last_B.tolist(), strict=True)),
                visible_BS=part.valid_BS & (columns_S < last_B[:, None]),
            )
        return found_ND

    def _taken_up(self, canvases: Canvases) -> Tensor:
        """Have the cache keep the prompts; returns the states at their ends, shape B, D."""
        columns_BC = torch.arange(self._width, device=canvases.tokens_BS.device).expand(len(canvases.tokens_BS), -1)
        return states(
            self.model,
            canvases.tokens_BS[:, : self._width],
            positions_BC=positions_of(canvases.valid_BS)[:, : self._width],
            sees_BCS=canvases.prompt_BS[:, None, :],
            asked_BC=columns_BC == self._width - 1,
            memory=Part(self._cache, range(len(columns_BC)), columns_BC, keeps=True) if self._cache else None,
        )

    def _begins(self, row: int, turn: Turn) -> bool:
        """Count a canvas's step: whether it computes all columns, for the sake of those that follow."""
        block, age = self._begun[row]
        every = self.settings.refresh_every
        begins = block != turn.first or (every > 0 and age >= every)
        self._begun[row] = (turn.first, 1 if begins else age + 1)
        return begins

    def _window(self, canvases: Canvases, turn: Turn | None) -> tuple[int, int]:
        """The columns that are computed: from one to before another; of all there are without a turn."""
        first = self._width if self._prompt_is_kept else 0
        last = canvases.tokens_BS.shape[1]
        if turn is None:
            return first, last
        # With a shift, the column before the block predicts its first position.
        first = max(first, self._width + turn.first - self._lag)
        return first, self._width + turn.last if self.settings.cache == "dual" else last

    def _computed(
        self,
        canvases: Canvases,
        rows: Sequence[int],
        asked_BL: Tensor,
        *,
        windows: Sequence[tuple[int, int]],
        keeps: bool = False,
        visible_BS: Tensor | None = None,
    ) -> Tensor:
        """The states that predict what is asked about, by a pass over a window of each canvas; shape N, D."""
        first_B1, last_B1 = torch.tensor(windows, device=asked_BL.device).t()[:, :, None]
        columns_BC = first_B1 + torch.arange(int((last_B1 - first_B1).max()), device=asked_BL.device)
        # Short windows are filled up with their last column, time and again: that changes nothing of it.
        inside_BC = columns_BC < last_B1
        columns_BC = columns_BC.minimum(last_B1 - 1)
        asked_BS = torch.zeros_like(canvases.valid_BS)
        asked_BS[:, self._width - self._lag : asked_BS.shape[1] - self._lag] = asked_BL
        return states(
            self.model,
            canvases.tokens_BS.gather(1, columns_BC),
            positions_BC=positions_of(canvases.valid_BS).gather(1, columns_BC),
            sees_BCS=(canvases.valid_BS if visible_BS is None else visible_BS)[:, None, :],
            asked_BC=asked_BS.gather(1, columns_BC) & inside_BC,
            memory=Part(self._cache, rows, columns_BC, keeps=keeps) if self._cache else None,
        )
