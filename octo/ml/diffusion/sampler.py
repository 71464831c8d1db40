"""Decoding by masked diffusion, exactly: the same tokens as one plain denoising step after another.

What makes it fast changes no token. Logits are computed at masked positions only; nothing is sorted over the
vocabulary; a completion whose text is decided is left alone; steps that unmask nothing are no forward pass; a prompt
that sees itself alone is computed once, and so is a finished block of a model of blocks. Settings that give up
exactness for more are labelled approximate.

Axes: B completions, L positions of a completion, S positions of prompt and completion, D width, N masked positions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.ml.diffusion.beliefs import Beliefs
from octo.ml.diffusion.caches import Passes
from octo.ml.diffusion.canvases import Canvases, Request, Turn, blank, blocks_of, next_turn, plan, uniforms
from octo.ml.diffusion.decisions import Decision, decide
from octo.ml.diffusion.denoiser import head, kind_of
from octo.ml.lengths import check_lengths
from octo.ml.numbers import NoNumbersError, with_numbers
from octo.settings.denoising import DenoisingSettings


@dataclass(frozen=True)
class Completed:
    """A completion, and how it came to be."""

    tokens: list[int]
    """All of them, up to the length that was asked for; a mask where the text was decided without it."""
    order: list[int]
    """Its positions in the order in which they were unmasked."""
    steps: list[int]
    """By position, the denoising step that unmasked it; -1 for none."""
    num_forward_passes: int
    """In which it took part, its prompt alone not counted."""


@dataclass(frozen=True)
class Hooks:
    """What may look on, and interfere, between the steps."""

    logits: Callable[..., Tensor] | None = None
    """From `logits_NV`, and the positions' `rows_N` and `columns_N`, to other logits; of a position perhaps twice."""
    decided: Callable[[int, Canvases, Decision], None] | None = None
    """Is told of each step's decision, before it is carried out."""


NO_HOOKS = Hooks()


@torch.no_grad()
def denoise(
    model: PreTrainedModel,
    requests: Sequence[Request],
    *,
    settings: DenoisingSettings,
    seed: int,
    ends: Sequence[int] = (),
    banned: Sequence[int] = (),
    hooks: Hooks = NO_HOOKS,
) -> list[Completed]:
    """Complete every prompt.

    Args:
        model: a diffusion model in evaluation mode.
        requests: prompts and lengths, which may differ.
        settings: the order, the steps, and how tokens are drawn.
        seed: key of everything random, beside each request's own.
        ends: ids after the first of which nothing is read: once all before it is known, a completion is left as it is.
            Empty, and every position is unmasked.
        banned: ids that are never drawn; the mask is none of them in any case.
        hooks: what may look on.

    Raises:
        InvariantError: something that the model makes is no number.
    """
    return with_numbers(
        model,
        partial(_denoise, model, requests, settings=settings, seed=seed, ends=ends, banned=banned, hooks=hooks),
    )


def _denoise(
    model: PreTrainedModel,
    requests: Sequence[Request],
    *,
    settings: DenoisingSettings,
    seed: int,
    ends: Sequence[int],
    banned: Sequence[int],
    hooks: Hooks,
) -> list[Completed]:
    kind = kind_of(model.config)
    # A model without a shift predicts the first token of a completion of nothing from its own mask.
    sizes = [(each.prompt or [kind.pad_id], each.length) for each in requests]
    check_lengths(model.config, *zip(*sizes, strict=True))
    canvases = blank(requests, kind, device=next(model.parameters()).device)
    passes = Passes(model, canvases, kind=kind, settings=settings)
    blocks = [blocks_of(request, kind, settings) for request in requests]
    plans = [plan(request.length, settings, own) for request, own in zip(requests, blocks, strict=True)]
    num_passes_B = torch.zeros(len(requests), dtype=torch.long, device=canvases.tokens_BS.device)
    sound = torch.ones((), dtype=torch.bool, device=canvases.tokens_BS.device)

    def turn(row: int, step: int) -> Turn | None:
        if settings.confidence_threshold:
            return next_turn(canvases.masked_BL[row, : requests[row].length], blocks[row])
        return plans[row].get(step)

    for step in range(1 + max(step for each in plans for step in each)):
        turns = {row: now for row in undecided(canvases, ends, sound) if (now := turn(row, step))}
        if not turns:
            continue
        rows = list(turns)
        chosen_B = torch.tensor(rows, device=canvases.tokens_BS.device)
        part = canvases.rows(chosen_B)
        read = Reading(passes, part, rows, turns_B=list(turns.values()), banned=(*banned, kind.mask_id), hooks=hooks)
        decision = decide(
            read.believe,
            part.masked_BL,
            list(turns.values()),
            draws(seed, [(requests[row], step) for row in rows], like=part.masked_BL),
            settings=settings,
        )
        if hooks.decided:
            hooks.decided(step, part, decision)
        canvases = canvases.with_rows(
            chosen_B, part.unmasked(decision.tokens_BL, decision.places_BL, [step] * len(rows))
        )
        num_passes_B.index_add_(0, chosen_B, read.asked_B.long())
        sound &= read.sound
    undecided(canvases, ends, sound)
    return [
        completed(canvases, row, request.length, num_forward_passes=num_passes)
        for row, (request, num_passes) in enumerate(zip(requests, num_passes_B.tolist(), strict=True))
    ]


class Reading:
    """One forward pass over canvases, if anything is asked of it; logits are computed where they are asked for."""

    def __init__(
        self,
        passes: Passes,
        canvases: Canvases,
        rows: Sequence[int],
        *,
        banned: Sequence[int],
        turns_B: Sequence[Turn] = (),
        asked_BL: Tensor | None = None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        """See `Passes.states` for most of it.

        Args:
            passes: has the model.
            canvases: as they stand.
            rows: the canvases that they came from.
            banned: ids that are never drawn.
            turns_B: what is done next.
            asked_BL: what may be asked about, where it will be asked time and again; else what is asked about first.
            hooks: what may look on.
        """
        self._passes = passes
        self._canvases = canvases
        self._rows = rows
        self._banned = banned
        self._turns_B = turns_B
        self._asked_BL = asked_BL
        self._hooks = hooks
        self._states_ND: Tensor | None = None
        self._beliefs: list[Beliefs] = []
        self.asked_B = torch.zeros(len(rows), dtype=torch.bool, device=canvases.tokens_BS.device)
        """Of which canvases anything was asked: what is read beside them does not matter."""
        self._held_BL = torch.full_like(canvases.places_BL, -1)

    @property
    def sound(self) -> Tensor:
        """Whether all that was said so far are numbers, on the device; shape ()."""
        everything = [each.sound for each in self._beliefs]
        return torch.stack(everything).all() if everything else torch.ones_like(self.asked_B[:1]).all()

    def believe(self, rows_N: Tensor, columns_N: Tensor) -> tuple[Beliefs, Tensor]:
        """The beliefs about N positions, by row and position of the completion."""
        if self._states_ND is None:
            self._states_ND = self._read(rows_N, columns_N)
        self.asked_B[rows_N] = True
        hook = self._hooks.logits

        def change(logits_MV: Tensor, rows_M: Tensor) -> Tensor:
            assert hook is not None  # noqa: S101 - for the checker of types
            return hook(logits_MV, rows_N=rows_N[rows_M], columns_N=columns_N[rows_M])

        beliefs = Beliefs(
            self._states_ND[self._held_BL[rows_N, columns_N]],
            head(self._passes.model),
            settings=self._passes.settings,
            banned=self._banned,
            change=change if hook else None,
        )
        self._beliefs.append(beliefs)
        return beliefs, torch.arange(len(rows_N), device=rows_N.device)

    def _read(self, rows_N: Tensor, columns_N: Tensor) -> Tensor:
        asked_BL = self._asked_BL
        if asked_BL is None:
            asked_BL = torch.zeros_like(self._canvases.masked_BL)
            asked_BL[rows_N, columns_N] = True
        self._held_BL[asked_BL] = torch.arange(int(asked_BL.sum()), device=asked_BL.device)
        return self._passes.states(self._canvases, self._rows, asked_BL, turns_B=self._turns_B)


def draws(seed: int, asked: Sequence[tuple[Request, int]], *, like: Tensor) -> Tensor:
    """The random numbers of requests for a step each; shape 2, B, L."""
    drawn_2BL = np.zeros((2, *like.shape))
    for row, (request, step) in enumerate(asked):
        drawn_2BL[:, row, : request.length] = uniforms(seed, request, step)
    return torch.from_numpy(drawn_2BL).to(like.device)


def completed(canvases: Canvases, row: int, length: int, *, num_forward_passes: int) -> Completed:
    """What has become of a row."""
    places = canvases.places_BL[row, :length].tolist()
    order = sorted((place, position) for position, place in enumerate(places) if place >= 0)
    return Completed(
        tokens=canvases.completions()[row, :length].tolist(),
        order=[position for _, position in order],
        steps=canvases.steps_BL[row, :length].tolist(),
        num_forward_passes=num_forward_passes,
    )


def undecided(canvases: Canvases, ends: Sequence[int], sound: Tensor) -> list[int]:
    """The rows that have masks which may still change what is read.

    Here the device is waited for, so here it is that whoever decodes is told of what is no number.

    Raises:
        NoNumbersError: not all was sound so far.
    """
    masked_BL = canvases.masked_BL
    if not ends:
        return _where(masked_BL.any(dim=-1), sound)
    is_end_BL = torch.isin(canvases.completions(), torch.tensor(list(ends), device=masked_BL.device)) & ~masked_BL
    ended_BL = is_end_BL.cumsum(dim=-1) > 0
    return _where((masked_BL & ~ended_BL).any(dim=-1), sound)


def _where(true_B: Tensor, sound: Tensor) -> list[int]:
    *trues, all_sound = torch.cat([true_B, sound[None]]).tolist()
    if not all_sound:
        raise NoNumbersError("the model's logits of masked positions are no numbers (NaN or infinite)")
    return [row for row, true in enumerate(trues) if true]
