"""GRPO's update of a causal policy, whose tokens have log-probabilities of their own.

Axes: P prompts, G completions of one, C = P * G completions, T tokens of a completion.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from octo.ml.devices import brought
from octo.ml.engine import Engine
from octo.ml.late import LateSum
from octo.ml.loop import Step, Update, described
from octo.ml.rl.gate import Gate
from octo.ml.rl.grpo import group_advantages, policy_loss
from octo.ml.rl.logprobs import CompletionBatch, completion_batch, completion_logprobs
from octo.ml.rl.step import Rollout
from octo.settings.rl import RlSettings

_HOST = torch.device("cpu")
"""Where batches are made: an accelerator is brought what it needs of them, and is not waited for."""


@dataclass
class UpdateSums:
    """What this rank's micro-batches of one update add to the figures."""

    gate: Gate
    clip_fraction: LateSum = field(default_factory=LateSum)
    entropy: LateSum = field(default_factory=LateSum)
    logprob_gap: LateSum = field(default_factory=LateSum)

    def send(self) -> None:
        """Bring them from the device, all micro-batches being through."""
        for each in (self.gate, self.clip_fraction, self.entropy, self.logprob_gap):
            each.send()


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
    sums.send()
    return Update(
        results,
        [losses],
        lambda: {
            **rollout.described(),
            "clip_fraction": engine.total(sums.clip_fraction.read),
            "entropy": engine.total(sums.entropy.read),
            "logprob_gap": engine.total(sums.logprob_gap.read),
            **described(results, step.rate),
            **rollout.figures,
        },
        objection=sums.gate.objection,
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
    batch = completion_batch(
        [rollout.prompts[row] for row in rows], [rollout.completions.tokens[row] for row in rows], device=_HOST
    )
    logprobs_CT, entropy_CT = completion_logprobs(model, batch, temperature=settings.temperature)
    device = logprobs_CT.device
    counted_CT = batch.mask_CT * rollout.judged_C[list(rows)][:, None].to(batch.mask_CT)
    mask_CT, counted_CT, old_logprobs_CT, advantages_C = (
        brought(each, device)
        for each in (
            batch.mask_CT,
            counted_CT,
            _padded([rollout.completions.logprobs[row] for row in rows], batch),
            advantages_C[list(rows)],
        )
    )
    # One update follows each rollout, so the policy is still the one that sampled: any difference is the sampler's.
    gaps_CT = (logprobs_CT.detach() - old_logprobs_CT).abs()
    written = [(rollout.prompts[row], rollout.completions.tokens[row]) for row in rows]
    admitted = sums.gate.admit(model, written, logprobs_CT.detach(), gaps_CT, mask_CT)
    loss = policy_loss(
        logprobs_CT,
        old_logprobs_CT,
        advantages_C,
        counted_CT,
        num_tokens=num_tokens,
        clip_low=settings.clip_low,
        clip_high=settings.clip_high,
    )
    sums.clip_fraction.add(loss.clip_fraction)
    sums.logprob_gap.add((gaps_CT * counted_CT).sum() / num_tokens)
    sums.entropy.add((entropy_CT * counted_CT).sum() / num_tokens)
    return loss.loss + admitted


def _padded(logprobs: Sequence[Sequence[float]], batch: CompletionBatch) -> torch.Tensor:
    padded_CT = torch.zeros_like(batch.mask_CT)
    for row, values in enumerate(logprobs):
        padded_CT[row, : len(values)] = torch.tensor(values)
    return padded_CT
