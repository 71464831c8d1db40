"""How much a score depends on which masks were drawn: coupled masks beside as many that are drawn by themselves.

Axes: D draws, C completions, L columns of a completion.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from octo.ml.diffusion.masking import Pass
from octo.ml.diffusion.scores import Written, draw_passes
from octo.settings.coupling import CouplingSettings


@dataclass(frozen=True)
class Variances:
    """Of a token's score over draws of masks, in the mean over the tokens that are scored; nats squared."""

    coupled: float
    decoupled: float


@torch.no_grad()
def variances(
    score: Callable[[list[list[Pass]]], Tensor],
    batch: Written,
    keys: Sequence[tuple[str | int, ...]],
    *,
    settings: CouplingSettings,
    seed: int,
    occasion: tuple[str | int, ...],
    num_draws: int = 2,
) -> Variances:
    """Score completions under some draws of both kinds, which cost as many forward passes; unbiased.

    Both kinds have the same noise levels and the same first masks of their pairs, so that their difference varies less.

    Args:
        score: from passes to scores of the batch, of shape C, L.
        batch: the completions.
        keys: of each completion.
        settings: the noise, and how many pairs.
        seed: key of everything random.
        occasion: what is measured anew; no mask is one that training draws for it.
        num_draws: two or more.
    """

    def variance(estimator: str) -> float:
        drawn = settings.model_copy(update={"estimator": estimator})
        scores_DCL = torch.stack(
            [
                score(draw_passes(batch, keys, settings=drawn, seed=seed, occasion=("variance", *occasion, draw)))
                for draw in range(num_draws)
            ]
        )
        return scores_DCL.var(dim=0)[batch.scored_CL].mean().item()

    return Variances(variance("coupled"), variance("decoupled"))
