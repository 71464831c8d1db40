"""Which masked positions a denoising step unmasks, and with which tokens.

A decision depends on the row's own canvas, beliefs and random numbers alone.

Axes: B completions, L positions of a completion, N masked positions of all of them, M of them that are unmasked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from octo.ml.diffusion.beliefs import Beliefs
from octo.ml.diffusion.canvases import Turn
from octo.settings.denoising import DenoisingSettings

Believe = Callable[[Tensor, Tensor], tuple[Beliefs, Tensor]]
"""From the rows and columns of N positions to beliefs, and which of those are theirs."""


@dataclass(frozen=True)
class Decision:
    """What is unmasked."""

    tokens_BL: Tensor
    """Of use where something is unmasked."""
    places_BL: Tensor
    """The order in which positions are unmasked, from 0; -1 where none is."""
    confidences_BL: Tensor
    """Of all positions that were looked at; NaN elsewhere."""


def decide(
    believe: Believe,
    masked_BL: Tensor,
    turns_B: Sequence[Turn],
    uniforms_2BL: Tensor,
    *,
    settings: DenoisingSettings,
) -> Decision:
    """One denoising step of every row."""
    open_BL = open_positions(masked_BL, turns_B)
    draws_BL, chances_BL = uniforms_2BL
    confidences_BL = torch.full(masked_BL.shape, torch.nan, device=masked_BL.device)
    tokens_BL = torch.zeros_like(masked_BL, dtype=torch.long)

    def draw(beliefs: Beliefs, held_M: Tensor, where_M: tuple[Tensor, ...]) -> Tensor:
        uniforms_M = draws_BL[where_M] if settings.temperature else None
        tokens_BL[where_M], probabilities_M = beliefs.draw(held_M, uniforms_M)
        return probabilities_M

    if settings.order == "origin":
        # Chance alone says which, so nothing is asked about the others.
        chosen_BL = open_BL & (chances_BL >= _of(turns_B, "keep", like=chances_BL))
        if (where_M := chosen_BL.nonzero(as_tuple=True))[0].numel():
            confidences_BL[where_M] = draw(*believe(*where_M), where_M)
        return Decision(tokens_BL, (chosen_BL.cumsum(dim=-1) - 1).where(chosen_BL, -1), confidences_BL)
    where_N = open_BL.nonzero(as_tuple=True)
    beliefs, held_N = believe(*where_N)
    if settings.order == "maskgit_plus":
        confidences_BL[where_N] = _judged(draw(beliefs, held_N, where_N))
        return Decision(tokens_BL, _surest(confidences_BL, chances_BL, turns_B, settings), confidences_BL)
    confidences_BL[where_N] = _judged(beliefs.confidences[held_N])
    places_BL = _surest(confidences_BL, chances_BL, turns_B, settings)
    # Confidence does not depend on the token here: tokens are drawn for the chosen positions alone.
    chosen_N = places_BL[where_N] >= 0
    draw(beliefs, held_N[chosen_N], (where_N[0][chosen_N], where_N[1][chosen_N]))
    return Decision(tokens_BL, places_BL, confidences_BL)


def open_positions(masked_BL: Tensor, turns_B: Sequence[Turn]) -> Tensor:
    """The masked positions of each row's block."""
    columns_L = torch.arange(masked_BL.shape[1], device=masked_BL.device)
    first_B1, last_B1 = (_of(turns_B, end, like=columns_L) for end in ("first", "last"))
    return masked_BL & (columns_L >= first_B1) & (columns_L < last_B1)


def _judged(confidences_N: Tensor) -> Tensor:
    """Less than any other where it is no number, which whoever looks at `Beliefs.sound` is told."""
    return confidences_N.where(~confidences_N.isnan(), -torch.inf)


def _surest(confidences_BL: Tensor, chances_BL: Tensor, turns_B: Sequence[Turn], settings: DenoisingSettings) -> Tensor:
    """Where each row is surest, as many as its turn says, or as are sure enough; of equals, the leftmost."""
    keys_BL = confidences_BL
    if settings.order_temperature:
        # The largest after Gumbel noise are a draw without replacement.
        keys_BL = confidences_BL.double() / settings.order_temperature - (-chances_BL.clamp(min=1e-300).log()).log()
    sorted_BL = keys_BL.nan_to_num(nan=-torch.inf).sort(dim=-1, descending=True, stable=True).indices
    ranks_BL = torch.empty_like(sorted_BL).scatter_(
        1, sorted_BL, torch.arange(sorted_BL.shape[1], device=sorted_BL.device).expand_as(sorted_BL)
    )
    chosen_BL = ranks_BL < _of(turns_B, "count", like=ranks_BL)
    if settings.confidence_threshold:
        sureness_BL = confidences_BL.exp() if settings.order == "entropy" else confidences_BL
        chosen_BL |= sureness_BL >= settings.confidence_threshold
    chosen_BL &= ~confidences_BL.isnan()
    return ranks_BL.where(chosen_BL, -1)


def _of(turns_B: Sequence[Turn], what: str, *, like: Tensor) -> Tensor:
    """A figure of each row's turn; shape B, 1."""
    return torch.tensor([getattr(turn, what) for turn in turns_B], dtype=like.dtype, device=like.device)[:, None]
