"""GRPO's arithmetic (DeepSeekMath, section 4.1; token-level mean and asymmetric clip as in DAPO).

Axes: P prompts, G completions of one prompt, C = P * G completions, T tokens of a completion.
"""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PolicyLoss:
    """The loss to descend, and the share of tokens whose ratio was clipped."""

    loss: Tensor
    clip_fraction: Tensor


def group_advantages(rewards_PG: Tensor, *, normalize: bool) -> Tensor:
    """How much better each completion did than its group's mean; in units of the group's deviation when normalized.

    A group whose rewards are all equal has no advantage anywhere: it teaches nothing.
    """
    centered_PG = rewards_PG - rewards_PG.mean(dim=-1, keepdim=True)
    if not normalize:
        return centered_PG
    return centered_PG / (rewards_PG.std(dim=-1, keepdim=True) + 1e-6)


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
