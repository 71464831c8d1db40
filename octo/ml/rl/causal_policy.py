"""GRPO's update of a causal policy, whose tokens have log-probabilities of their own.

Axes: P prompts, G completions of one, C = P * G completions, T tokens of a completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from octo.ml.engine import Engine
from octo.ml.loop import Step, Update, described
from octo.ml.rl.gate import Gate
from octo.ml.rl.grpo import group_advantages, policy_loss
from octo.ml.rl.logprobs import CompletionBatch, completion_batch, completion_logprobs
from octo.ml.rl.step import Rollout
from octo.settings.rl import RlSettings


@dataclass
class UpdateSums:
    """What this rank's micro-batches of one update add to the figures."""

    gate: Gate
    clip_fraction: list[float] = field(default_factory=list)
    entropy: list[float] = field(default_factory=list)
    logprob_gap: list[float] = field(default_factory=list)


def update(engine: Engine, rollout: Rollout, *, settings: RlSettings, step: Step) -> Update:
    """One optimizer step on the rollout. Nothing is drawn: the step's number does not matter."""
    completions = rollout.completions
    advantages_C = group_advantages(
        rollout.rewards_PG, normalize=settings.normalize_advantages, baseline=settings.baseline
    ).flatten()
    num_tokens = rollout.num_tokens
    # Completions of like length go together: one straggler would stretch every row beside it.
    order = sorted(range(len(completions.tokens)), key=lambda row: len(completions.tokens[row]))
    sums = UpdateSums(Gate(settings))
    losses = [
        partial(
            _micro_batch_loss,
            rows=order[first : first + settings.micro_batch_size],
            rollout=rollout,
            advantages_C=advantages_C,
            num_tokens=num_tokens,
            settings=settings,
            sums=sums,
        )
        for first in range(0, len(completions.tokens), settings.micro_batch_size)
    ]
    results = [engine.step(losses, learning_rate=step.rate, most_loss=step.most_loss)]
    return Update(
        results,
        [losses],
        lambda: {
            **rollout.described(),
            "clip_fraction": engine.total(sums.clip_fraction),
            "entropy": engine.total(sums.entropy),
            "logprob_gap": engine.total(sums.logprob_gap),
            **described(results, step.rate),
            **rollout.figures,
        },
    )


def _micro_batch_loss(
    model: torch.nn.Module,
    *,
    rows: Sequence[int],
    rollout: Rollout,
    advantages_C: torch.Tensor,
    num_tokens: int,
    settings: RlSettings,
    sums: UpdateSums,
) -> torch.Tensor:
    device = next(model.parameters()).device
    batch = completion_batch(
        [rollout.prompts[row] for row in rows], [rollout.completions.tokens[row] for row in rows], device=device
    )
    logprobs_CT, entropy_CT = completion_logprobs(model, batch, temperature=settings.temperature)
    old_logprobs_CT = _padded([rollout.completions.logprobs[row] for row in rows], batch)
    # One update follows each rollout, so the policy is still the one that sampled: any difference is the sampler's.
    gaps_CT = (logprobs_CT.detach() - old_logprobs_CT).abs()
    written = [(rollout.prompts[row], rollout.completions.tokens[row]) for row in rows]
    sums.gate.admit(model, written, logprobs_CT.detach(), gaps_CT, batch.mask_CT)
    counted_CT = batch.mask_CT * rollout.judged_C[list(rows)][:, None].to(batch.mask_CT)
    loss = policy_loss(
        logprobs_CT,
        old_logprobs_CT,
        advantages_C[rows].to(device),
        counted_CT,
        num_tokens=num_tokens,
        clip_low=settings.clip_low,
        clip_high=settings.clip_high,
    )
    sums.clip_fraction.append(loss.clip_fraction.item())
    sums.logprob_gap.append(((gaps_CT * counted_CT).sum() / num_tokens).item())
    sums.entropy.append(((entropy_CT * counted_CT).sum() / num_tokens).item())
    return loss.loss


def _padded(logprobs: Sequence[Sequence[float]], batch: CompletionBatch) -> torch.Tensor:
    padded_CT = torch.zeros_like(batch.mask_CT)
    for row, values in enumerate(logprobs):
        padded_CT[row, : len(values)] = torch.tensor(values)
    return padded_CT
