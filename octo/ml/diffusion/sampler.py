"""Decoding by masked diffusion, exactly: the same tokens as one plain denoising step after another.

What makes it fast changes no token. Logits are computed at masked positions only; nothing is sorted over the
vocabulary; a completion whose text is decided is left alone; steps that unmask nothing are no forward pass.

Axes: B completions, L positions of a completion, S positions of prompt and completion, D width, N masked positions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.ml.diffusion.beliefs import Beliefs
from octo.ml.diffusion.canvases import Canvases, Request, blank, plan, uniforms
from octo.ml.diffusion.decisions import Decision, decide
from octo.ml.diffusion.denoiser import Kind, attention_mask, head, hidden_states, kind_of, positions_of
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
    """In which it took part."""


@dataclass(frozen=True)
class Hooks:
    """What may look on, and interfere, between the steps."""

    logits: Callable[..., Tensor] | None = None
    """From `logits_NV`, and the positions' `rows_N` and `columns_N`, to other logits."""
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
    """
    kind = kind_of(model.config)
    canvases = blank(requests, kind, device=next(model.parameters()).device)
    plans = [plan(request.length, settings) for request in requests]
    num_passes = [0] * len(requests)
    for step in range(1 + max(step for each in plans for step in each)):
        rows = [row for row in undecided(canvases, ends) if step in plans[row]]
        if not rows:
            continue
        chosen_B = torch.tensor(rows, device=canvases.tokens_BS.device)
        part = canvases.rows(chosen_B)
        read = Reading(model, part, kind=kind, settings=settings, banned=(*banned, kind.mask_id), hooks=hooks)
        decision = decide(
            read.believe,
            part.masked_BL,
            [plans[row][step] for row in rows],
            draws(seed, [(requests[row], step) for row in rows], like=part.masked_BL),
            settings=settings,
        )
        if hooks.decided:
            hooks.decided(step, part, decision)
        canvases = canvases.with_rows(
            chosen_B, part.unmasked(decision.tokens_BL, decision.places_BL, [step] * len(rows))
        )
        for row in rows:
            num_passes[row] += read.took_place
    return [
        completed(canvases, row, request.length, num_forward_passes=num_passes[row])
        for row, request in enumerate(requests)
    ]


class Reading:
    """One forward pass over canvases, if anything is asked of it; logits are computed where they are asked for."""

    def __init__(
        self,
        model: PreTrainedModel,
        canvases: Canvases,
        *,
        kind: Kind,
        settings: DenoisingSettings,
        banned: Sequence[int],
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        self._model = model
        self._canvases = canvases
        self._kind = kind
        self._settings = settings
        self._banned = banned
        self._hooks = hooks
        self.took_place = False

    def believe(self, rows_N: Tensor, columns_N: Tensor) -> tuple[Beliefs, Tensor]:
        """The beliefs about N positions, by row and position of the completion."""
        change = self._hooks.logits
        beliefs = Beliefs(
            # The state before a position predicts it.
            self._states_BSD[rows_N, self._canvases.width + columns_N - 1],
            head(self._model),
            settings=self._settings,
            banned=self._banned,
            change=partial(change, rows_N=rows_N, columns_N=columns_N) if change else None,
        )
        return beliefs, torch.arange(len(rows_N), device=rows_N.device)

    @cached_property
    def _states_BSD(self) -> Tensor:  # noqa: N802 - the axes are part of the name
        self.took_place = True
        canvases = self._canvases
        return hidden_states(
            self._model,
            canvases.tokens_BS,
            mask_B1SS=attention_mask(canvases.valid_BS, canvases.prompt_BS, attention=self._kind.attention),
            positions_BS=positions_of(canvases.valid_BS),
        )


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


def undecided(canvases: Canvases, ends: Sequence[int]) -> list[int]:
    """The rows that have masks which may still change what is read."""
    masked_BL = canvases.masked_BL
    if not ends:
        return _where(masked_BL.any(dim=-1))
    is_end_BL = torch.isin(canvases.completions(), torch.tensor(list(ends), device=masked_BL.device)) & ~masked_BL
    ended_BL = is_end_BL.cumsum(dim=-1) > 0
    return _where((masked_BL & ~ended_BL).any(dim=-1))


def _where(true_B: Tensor) -> list[int]:
    return [row for row, true in enumerate(true_B.tolist()) if true]
