"""GRPO's arithmetic (DeepSeekMath, section 4.1; token-level mean and asymmetric clip as in DAPO).

Axes: P prompts, G completions of one prompt, C = P * G completions, T tokens of a completion.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class PolicyLoss:
    """The loss to descend, and the share of tokens whose ratio was clipped."""

    loss: Tensor
    clip_fraction: Tensor


Baseline = Literal["mean", "leave_one_out"]


def group_advantages(rewards_PG: Tensor, *, normalize: bool, baseline: Baseline = "mean") -> Tensor:
    """How much better each completion did than its group's mean; in units of the group's deviation when normalized.

    With the baseline leave_one_out the mean is that of the others, which is unbiased: of n completions, it makes the
    advantage n / (n - 1) times as large.

    A group whose rewards are all equal has no advantage anywhere: it teaches nothing. A completion whose reward is NaN,
    as no verdict was reached, has none either, and counts neither in the mean nor in the deviation.
    """
    advantages_PG = torch.zeros_like(rewards_PG)
    for group, same in enumerate(groups_without_variance(rewards_PG).tolist()):
        scored_G = ~rewards_PG[group].isnan()
        if not same:
            advantages_G = _advantages(rewards_PG[group, scored_G], normalize=normalize)
            num_scored = len(advantages_G)
            scale = num_scored / (num_scored - 1) if baseline == "leave_one_out" else 1.0
            advantages_PG[group, scored_G] = scale * advantages_G
    return advantages_PG


def groups_without_variance(rewards_PG: Tensor) -> Tensor:
    """Which groups have no two different rewards; NaN is none. Told by comparison: a mean of equals may round."""
    highest_P = rewards_PG.nan_to_num(nan=-math.inf).max(dim=-1).values
    lowest_P = rewards_PG.nan_to_num(nan=math.inf).min(dim=-1).values
    return highest_P <= lowest_P


def policy_loss(
    logprobs_CT: Tensor,
    old_logprobs_CT: Tensor,
    advantages_C: Tensor,
    mask_CT: Tensor,
    *,
    num_tokens: int,
    clip_low: float,
    clip_high: float,
) -> PolicyLoss:
    """The clipped surrogate: minus the mean over tokens of min(r A, clip(r, 1 - clip_low, 1 + clip_high) A).

    Args:
        logprobs_CT: log-probabilities under the policy being trained.
        old_logprobs_CT: under the policy that sampled.
        advantages_C: one per completion.
        mask_CT: 1 where a token belongs to the completion, its end-of-text included.
        num_tokens: completion tokens in the whole batch, so that micro-batches add up to the batch's mean.
        clip_low: how far a ratio may fall below 1.
        clip_high: how far it may rise above 1.
    """
    ratios_CT = (logprobs_CT - old_logprobs_CT).exp()
    clipped_CT = ratios_CT.clamp(1 - clip_low, 1 + clip_high)
    advantages_CT = advantages_C[:, None]
    gains_CT = (ratios_CT * advantages_CT).minimum(clipped_CT * advantages_CT)
    was_clipped_CT = (ratios_CT * advantages_CT > clipped_CT * advantages_CT) * mask_CT
    return PolicyLoss(-(gains_CT * mask_CT).sum() / num_tokens, was_clipped_CT.sum() / num_tokens)


def k3(logprobs_CT: Tensor, reference_logprobs_CT: Tensor) -> Tensor:
    """How far the policy is from the reference, token by token: exp(d) - d - 1, d the reference's logprob less its own.

    Never negative; in the mean over tokens that the policy drew, the divergence KL(policy, reference) (Schulman's k3).
    """
    differences_CT = reference_logprobs_CT - logprobs_CT
    return differences_CT.expm1() - differences_CT


def _advantages(rewards_G: Tensor, *, normalize: bool) -> Tensor:
    # Of a row, whatever its length: over a whole tensor, torch adds up in another order.
    centered_G = rewards_G - rewards_G.mean(dim=-1)
    return centered_G / (rewards_G.std(dim=-1) + 1e-6) if normalize else centered_G
