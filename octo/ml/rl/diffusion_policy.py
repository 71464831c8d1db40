"""Coupled-GRPO: the update of a policy that is a diffusion model (DiffuCoder, section 5).

Such a model gives a token no log-probability in one pass, so tokens are scored under masks: the same ones for the
policy that is trained, the policy that sampled, and the reference. Each update on a step's completions draws masks of
its own.

Axes: P prompts, G completions of one, C = P * G completions, L columns of a completion.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.errors import IntegrityError, InvariantError, UsageError
from octo.job import Job
from octo.ml.devices import brought
from octo.ml.diffusion.ar_ness import Rules, ar_ness
from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.masking import Pass
from octo.ml.diffusion.scores import Written, draw_passes, scores, written
from octo.ml.diffusion.variance import variances
from octo.ml.engine import Engine, StepResult
from octo.ml.late import Late, LateSum
from octo.ml.loop import Step, Update, described
from octo.ml.rl.grpo import group_advantages, k3, policy_loss
from octo.ml.rl.step import Rollout
from octo.ml.tensor_files import read_tensors, write_tensor_file
from octo.processes import rank, world_size
from octo.settings.rl import RlSettings

AR_NESS_RULES = Rules(variant="ordered", history="left out", counted="text")
"""Of the figures that a training shows; the positions after a completion's end are in no order."""


_HOST = torch.device("cpu")
"""Where batches are made: an accelerator is brought what it needs of them, and is not waited for."""


@dataclass
class StepSums:
    """What the micro-batches of all updates of a step add up to, in the mean over tokens."""

    clip_fraction: LateSum = field(default_factory=LateSum)
    entropy: LateSum = field(default_factory=LateSum)
    divergence: LateSum = field(default_factory=LateSum)

    def send(self) -> None:
        """Bring them from the device, all updates being through."""
        for each in (self.clip_fraction, self.entropy, self.divergence):
            each.send()


@dataclass(frozen=True)
class MicroBatch:
    """Completions that are scored together, and the masks that they are scored under."""

    rows: range
    batch: Written
    passes: list[list[Pass]]
    old_scores_CL: Tensor | None
    """Under the policy that sampled; None while that is the one that is trained."""
    reference_scores_CL: Tensor | None
    """None where there is no reference."""


class Reference:
    """The policy as it was some steps ago, from which it must not stray far."""

    def __init__(self, job: Job[RlSettings], model: PreTrainedModel) -> None:
        """Copy the model as it is when the training starts, before any checkpoint is restored."""
        if job.settings.optimizer.zero_stage == 3:
            raise UsageError(
                "--optimizer.zero-stage=3 leaves no rank with weights to compare with: take stage 2, or give "
                "--diffusion.kl-weight=0"
            )
        self._job = job
        self._every = job.settings.diffusion.reference_every
        self._taken_at = 0
        self.model = copy.deepcopy(model).requires_grad_(requires_grad=False)

    def begin(self, step: int, engine: Engine) -> None:
        """Become the policy where it is time. After a restart, become what was the policy then."""
        due = step // self._every * self._every
        if due == self._taken_at:
            return
        if due == step:
            engine.copy_weights_to(self.model)
            if rank() == 0:
                self._keep(step)
        else:
            self._take_kept(due)
        self._taken_at = due

    def _keep(self, step: int) -> None:
        path = self._job.scratch / self._name(step)
        write_tensor_file(self.model.state_dict().items(), path)
        self._job.output.share_file(self._name(step), path)
        path.unlink()

    def _take_kept(self, step: int) -> None:
        path = self._job.scratch / self._name(step)
        if not self._job.output.fetch_shared(self._name(step), path):
            raise IntegrityError(f"the reference of step {step} is not kept: delete the checkpoints, and run again")
        targets = self.model.state_dict()
        for name, tensor in read_tensors(path):
            targets[name].copy_(tensor)
        path.unlink()

    def _name(self, step: int) -> str:
        training = self._job.training
        return f"reference-{step}-training-{training}" if training else f"reference-{step}"


class DiffusionPolicy:
    """What updates a diffusion model on rewarded completions."""

    def __init__(
        self, engine: Engine, settings: RlSettings, *, kind: Kind, ends: tuple[int, ...], reference: Reference | None
    ) -> None:
        """Compose it.

        Args:
            engine: around the policy.
            settings: of the training.
            kind: of the model.
            ends: what ends a completion, beside the pad token.
            reference: None where the divergence weighs nothing.
        """
        self._engine = engine
        self._settings = settings
        self._kind = kind
        self._ends = (*ends, kind.pad_id)
        self._reference = reference

    def update(self, policy: torch.nn.Module, rollout: Rollout, *, step: Step) -> Update:
        """The updates on the completions of a step.

        Args:
            policy: the model within the engine, to score with before it changes.
            rollout: the completions and their rewards.
            step: which masks are drawn, and the learning rate.
        """
        settings, number = self._settings, step.number
        if self._reference:
            self._reference.begin(number, self._engine)
        advantages_C = group_advantages(
            rollout.rewards_PG, normalize=settings.normalize_advantages, baseline=settings.baseline
        ).flatten()
        # The policy that sampled is gone after the first update: what it says is asked before.
        batches = [
            self._micro_batches(policy, rollout, number, which) for which in range(settings.diffusion.num_passes)
        ]
        variances_of = self._variances(policy, batches[0], number)
        sums = StepSums()
        results, all_losses = [], []
        for micro_batches in batches:
            losses = [
                partial(self._loss, micro=micro, rollout=rollout, advantages_C=advantages_C, into=sums)
                if micro
                else _of_another_rank
                for micro in micro_batches
            ]
            results.append(self._engine.step(losses, learning_rate=step.rate, most_loss=step.most_loss))
            all_losses.append(losses)
        sums.send()
        return Update(results, all_losses, partial(self._figures, rollout, sums, results, step.rate, variances_of))

    def _figures(
        self,
        rollout: Rollout,
        sums: StepSums,
        results: Sequence[StepResult],
        rate: float,
        variances_of: Late | None,
    ) -> dict[str, float]:
        judged = [rollout.completions.orders[row] for row in rollout.judged_rows]
        orders = ar_ness(judged, local_ks=[1], global_ks=[1], rules=AR_NESS_RULES)
        share = 1 / len(results)
        return {
            **rollout.described(),
            "clip_fraction": share * self._engine.total(sums.clip_fraction.read),
            "entropy": share * self._engine.total(sums.entropy.read),
            "divergence": share * self._engine.total(sums.divergence.read),
            "local_ar_ness": orders.local_by_k[1],
            "global_ar_ness": orders.global_by_k[1],
            "local_ar_ness_by_chance": orders.local_chance_by_k[1],
            "global_ar_ness_by_chance": orders.global_chance_by_k[1],
            **described(results, rate),
            **self._told(variances_of),
            **rollout.figures,
        }

    def _micro_batches(
        self, policy: torch.nn.Module, rollout: Rollout, step: int, number: int
    ) -> list[MicroBatch | None]:
        """The micro-batches of one update; None for those of other ranks."""
        size = self._settings.micro_batch_size
        firsts = range(0, len(rollout.completions.tokens), size)
        return [
            self._micro_batch(policy, rollout, range(first, first + size), step, number)
            if place % world_size() == rank()
            else None
            for place, first in enumerate(firsts)
        ]

    def _micro_batch(
        self, policy: torch.nn.Module, rollout: Rollout, rows: range, step: int, number: int
    ) -> MicroBatch:
        settings = self._settings
        batch = written(
            [rollout.prompts[row] for row in rows],
            [rollout.completions.tokens[row] for row in rows],
            length=settings.max_new_tokens,
            ends=self._ends,
            pad_id=self._kind.pad_id,
            device=_HOST,
        )
        passes = draw_passes(
            batch,
            [(row,) for row in rows],
            settings=settings.diffusion.coupling,
            seed=settings.seed,
            occasion=(step, number),
        )
        return MicroBatch(
            rows,
            batch,
            passes,
            old_scores_CL=self._scored(policy, batch, passes) if number else None,
            reference_scores_CL=self._scored(self._reference.model, batch, passes) if self._reference else None,
        )

    @torch.no_grad()
    def _scored(self, model: torch.nn.Module, batch: Written, passes: Sequence[Sequence[Pass]]) -> Tensor:
        return scores(model, batch, passes, kind=self._kind, temperature=self._settings.temperature).scores_CL

    def _loss(
        self,
        model: torch.nn.Module,
        *,
        micro: MicroBatch,
        rollout: Rollout,
        advantages_C: Tensor,
        into: StepSums,
    ) -> Tensor:
        settings = self._settings
        found = scores(model, micro.batch, micro.passes, kind=self._kind, temperature=settings.temperature)
        rows, num_tokens = list(micro.rows), rollout.num_tokens
        device = found.scores_CL.device
        judged_C1 = rollout.judged_C[rows][:, None]
        counted_CL = brought((micro.batch.scored_CL & judged_C1).float(), device)
        old_scores_CL = found.scores_CL.detach() if micro.old_scores_CL is None else micro.old_scores_CL
        loss = policy_loss(
            found.scores_CL,
            old_scores_CL,
            brought(advantages_C[rows], device),
            counted_CL,
            num_tokens=num_tokens,
            clip_low=settings.clip_low,
            clip_high=settings.clip_high,
        )
        into.clip_fraction.add(loss.clip_fraction)
        into.entropy.add((found.entropies_CL * counted_CL).sum() / num_tokens)
        if micro.reference_scores_CL is None:
            return loss.loss
        divergence = (k3(found.scores_CL, micro.reference_scores_CL) * counted_CL).sum() / num_tokens
        into.divergence.add(divergence)
        return loss.loss + settings.diffusion.kl_weight * divergence

    def _variances(self, policy: torch.nn.Module, micro_batches: Sequence[MicroBatch | None], step: int) -> Late | None:
        """How much scores depend on masks, of this step's first completions; rank 0's, and zeros elsewhere."""
        every = self._settings.diffusion.variance_every
        if not every or step % every:
            return None
        first = micro_batches[0]
        found = torch.zeros(2)
        if first:
            found = variances(
                partial(self._scored, policy, first.batch),
                first.batch,
                [(row,) for row in first.rows],
                settings=self._settings.diffusion.coupling,
                seed=self._settings.seed,
                occasion=(step,),
            )
        return Late(found)

    def _told(self, variances_of: Late | None) -> dict[str, float]:
        """Rank 0's, on every rank."""
        if variances_of is None:
            return {}
        coupled, decoupled = variances_of.read.tolist()
        return {
            "variance_coupled": self._engine.sum(coupled),
            "variance_decoupled": self._engine.sum(decoupled),
        }


def _of_another_rank(_model: torch.nn.Module) -> Tensor:
    raise InvariantError("a rank was asked for the loss of another's micro-batch")
