"""Which tokens are masked while a completion is scored, and what their log-probabilities weigh (coupled-GRPO).

A score stands for a token's log-probability, which a diffusion model cannot tell in one pass. With `num_pairs` pairs,
lambda of them, token k has

    1 / (lambda + 1) * (log p(k | nothing) + sum over pairs of M_k / t * log p(k | M) + M'_k / (1 - t) * log p(k | M'))

where M masks each token with probability t, M' is what M leaves, and p(k | M) sees the tokens that M leaves, and the
prompt. So every token is scored once in each pair, and in the pass that masks all.

Masks depend on their key alone: the policy, the policy before and the reference are scored under the same ones, on
whichever rank and in whichever micro-batch, and nobody else's random numbers are touched.

Axes: L tokens of a completion, P tokens of its prompt.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from octo.randomness import generator
from octo.settings.coupling import CouplingSettings


@dataclass(frozen=True)
class Pass:
    """One forward pass of one completion."""

    masked_L: NDArray[np.bool_]
    masked_prompt_P: NDArray[np.bool_]
    """The prompt's own masks, which are not scored."""
    weight: float
    """Of a masked token's log-probability in its score; the weights of the passes add up to that."""


def passes(
    key: tuple[str | int, ...],
    *,
    num_prompt_tokens: int,
    length: int,
    settings: CouplingSettings,
    seed: int,
    occasion: tuple[str | int, ...],
) -> list[Pass]:
    """The passes that score a completion; the first of them masks all of it.

    Args:
        key: the completion's own, whatever it is scored beside.
        num_prompt_tokens: of its prompt, without padding.
        length: tokens of the completion, with what is after its end.
        settings: the estimator.
        seed: key of everything random.
        occasion: what else the masks are drawn anew for: the step, and the optimizer's pass over its completions.
    """
    prompt_P = np.zeros(num_prompt_tokens, dtype=np.bool_)
    everything_L = np.ones(length, dtype=np.bool_)
    if settings.estimator == "full_mask":
        return [Pass(everything_L, prompt_P, 1.0)]
    if settings.estimator == "random_prompt":
        uniforms_P = generator(seed, "prompt masks", *occasion, *key).random(num_prompt_tokens)
        return [Pass(everything_L, uniforms_P < settings.p_mask_prompt, 1.0)]
    share = 1 / (settings.num_pairs + 1)
    found = [Pass(everything_L, prompt_P, share)]
    for pair in range(settings.num_pairs):
        random = generator(seed, "masks", *occasion, *key, pair)
        noise = random.uniform(settings.least_noise, settings.most_noise)
        masked_L = random.random(length) < noise
        # The rest of it, and nothing drawn: a token that neither masks would have no score, one that both do has two.
        partner_L = ~masked_L if settings.estimator == "coupled" else random.random(length) < 1 - noise
        found += [Pass(masked_L, prompt_P, share / noise), Pass(partner_L, prompt_P, share / (1 - noise))]
    return found
