"""How much a score depends on which masks were drawn: coupled masks beside as many that are drawn by themselves.

Axes: D draws, C completions, L columns of a completion.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from octo.ml.devices import brought
from octo.ml.diffusion.masking import Pass
from octo.ml.diffusion.scores import Written, draw_passes
from octo.settings.coupling import CouplingSettings


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
) -> Tensor:
    """Of a token's score over draws of masks, in the mean over the tokens that are scored; nats squared, unbiased.

    Scores completions under some draws of both kinds, which cost as many forward passes.

    Both kinds have the same noise levels and the same first masks of their pairs, so that their difference varies less.

    Args:
        score: from passes to scores of the batch, of shape C, L.
        batch: the completions.
        keys: of each completion.
        settings: the noise, and how many pairs.
        seed: key of everything random.
        occasion: what is measured anew; no mask is one that training draws for it.
        num_draws: two or more.

    Returns:
        The coupled masks' and that of the others, where the scores are; shape (2,).
    """

    def variance(estimator: str) -> Tensor:
        drawn = settings.model_copy(update={"estimator": estimator})
        scores_DCL = torch.stack(
            [
                score(draw_passes(batch, keys, settings=drawn, seed=seed, occasion=("variance", *occasion, draw)))
                for draw in range(num_draws)
            ]
        )
        variances_N = scores_DCL.var(dim=0).flatten()
        scored_N = batch.scored_CL.flatten().nonzero().squeeze(dim=1)
        return variances_N.index_select(0, brought(scored_N, variances_N.device)).mean()

    return torch.stack((variance("coupled"), variance("decoupled")))
