"""One optimizer step from a batch, on one process or many: what every training is done by."""

import json
import math
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed

from octo.errors import InvariantError, UsageError
from octo.ml.adapters import frozen, merged
from octo.ml.devices import brought
from octo.ml.exact import ExactUpdates
from octo.ml.process_group import AS_USUAL, bound_collectives, collective, device_of_rank, join_process_group
from octo.ml.sequence_parallel import check_together
from octo.ml.sharded import sharded, share_out
from octo.processes import rank, world_size
from octo.settings.midtraining import GangSettings, OptimizerSettings

if TYPE_CHECKING:
    # It takes seconds to import, which a rank that trains another module need not wait for.
    from transformers import PreTrainedModel

Loss = Callable[[torch.nn.Module], Tensor]
"""Of a micro-batch, under the model that it is given."""


class StepResult:
    """One optimizer update: the sum of its micro-batches' losses, the gradient's norm before clipping, whether it was.

    What is read is waited for, up to the step and no further: whoever reads it a step later keeps no device waiting.
    """

    def __init__(self, figures_3: Tensor) -> None:
        """Take the three figures, of float64, as they come out of the step."""
        self._figures_3 = figures_3
        self._copied: Any = None
        if figures_3.is_cuda:
            self._figures_3 = torch.empty(3, dtype=torch.float64, pin_memory=True)
            self._figures_3.copy_(figures_3, non_blocking=True)
            event: Any = torch.cuda.Event
            self._copied = event()
            self._copied.record()

    @property
    def loss(self) -> float:
        """The sum of the micro-batches' losses, each its share of the batch's mean."""
        return self._read[0]

    @property
    def gradient_norm(self) -> float:
        """Before clipping. No finite number where the gradient holds one that is none."""
        return self._read[1]

    @property
    def applied(self) -> bool:
        """Whether the weights were changed: loss and gradient are finite, and the loss is no higher than it may be."""
        return bool(self._read[2])

    @cached_property
    def _read(self) -> list[float]:
        if self._copied is not None:
            self._copied.synchronize()
        read: list[float] = self._figures_3.tolist()
        return read


class Engine:
    """A model being trained. The learning rate is an argument of each step: schedules are pure functions."""

    def __init__(
        self,
        model: "PreTrainedModel",
        *,
        settings: OptimizerSettings,
        micro_batches: int,
        gang: GangSettings = AS_USUAL,
        sequence_parallel: int = 1,
    ) -> None:
        """Wrap the model.

        Args:
            model: trained in place.
            settings: AdamW's settings, clipping, precision and the ZeRO stage.
            micro_batches: backward passes per step, of all ranks together.
            gang: how its ranks work together; the first engine of a process decides.
            sequence_parallel: ranks that compute each micro-batch together, see `octo.ml.sequence_parallel`.
        """
        if sequence_parallel > 1:
            check_together(model.config, sequence_parallel)
        self._together = sequence_parallel
        num_shares = world_size() // sequence_parallel
        if micro_batches % num_shares:
            whom = (
                f"{num_shares} groups of {sequence_parallel} ranks" if sequence_parallel > 1 else f"{num_shares} ranks"
            )
            raise UsageError(
                f"{micro_batches} micro-batches a step cannot be dealt evenly to {whom}: "
                "change --batch-size or --micro-batch-size, or the number of ranks"
            )
        join_process_group(gang)
        self.micro_batches = micro_batches
        self._model = model
        self._frozen = frozen(model)
        self._updates = _updates_of(model, settings, micro_batches, sequence_parallel)
        bound_collectives(gang)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._updates.device

    def step(self, losses: Sequence[Loss], *, learning_rate: float, most_loss: float = math.inf) -> StepResult:
        """One update from the sum of the micro-batches' losses, each computed by a function of the model.

        Every rank passes the losses of the whole batch and computes its own: those whose place leaves its rank when
        divided by the number of ranks; ranks that compute sequences together count as one. Each loss is already its
        share of the batch's mean. Nothing changes where the loss or the gradient is no finite number, or the loss is
        above `most_loss`.

        Raises:
            InvariantError: not as many losses as micro-batches.
            PreemptedError: another rank is gone.
        """
        if len(losses) != self.micro_batches:
            raise InvariantError(f"a step takes {self.micro_batches} micro-batches, got {len(losses)}")
        return StepResult(self._updates.step(self._own(losses), learning_rate=learning_rate, most_loss=most_loss))

    def culprit(self, losses: Sequence[Loss]) -> str:
        """A clause about the first tensor without numbers: a weight, what a module makes, or a weight's gradient.

        Of a step that was not applied, whose losses are computed anew. Every rank takes part, and is told the same.
        """
        # Agreed on first: a rank whose weights are sound would compute with them, and gather them from all.
        if name := next(filter(None, self.exchange(self._updates.wrong_weight())), ""):
            return f"the first tensor that holds no number is the weight {name}: take a model without such weights"
        found = self._updates.culprit(self._own(losses))
        return next(filter(None, self.exchange(found)), "every weight, gradient and loss is a number by itself")

    def count(self, own: int) -> Tensor:
        """How many the ranks have, as a number on the device, which is not waited for; counted like a `sum`."""
        cell = brought(torch.tensor(0 if rank() % self._together else own), self.device)
        if world_size() > 1:
            with collective():
                distributed.all_reduce(cell)
        return cell

    def sum(self, value: float) -> float:
        """The sum of every rank's value, on every rank; of those that compute sequences together, of one.

        It waits for all that is computed before.
        """
        return self._reduced(0 if rank() % self._together else value, distributed.ReduceOp.SUM)

    def total(self, values: Sequence[float]) -> float:
        """The sum of the numbers that the ranks have, as near as can be: whoever has which, it is the same."""
        said = self.exchange(json.dumps(list(values)))[:: self._together]
        return math.fsum(value for text in said for value in json.loads(text))

    def most(self, value: float) -> float:
        """The greatest of the ranks' values, on every rank."""
        return self._reduced(value, distributed.ReduceOp.MAX)

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """The model's tensors by name, those that are tied once, adapters in them. Rank 0 is given them, one at a time.

        Every rank must go through to the end: at ZeRO stage 3 each tensor is gathered on its way. A tensor is the
        model's own, and at stage 3 gone when the next one is asked for.
        """
        return merged(self._model, self._updates.weights())

    def optimizer_states(self) -> Iterator[tuple[str, Tensor]]:
        """AdamW's running means by name, such as exp_avg.model.norm.weight, and the steps done; likewise.

        Where the model's weights are narrower than those that AdamW updates, these too, as weights.model.norm.weight.
        What comes is the same for every number of ranks and ZeRO stage.
        """
        return self._updates.optimizer_states()

    def take_optimizer_states(self, states: Mapping[str, Tensor]) -> None:
        """Go on with the states that an engine of such a model gave. Each is looked up once, by every rank."""
        self._updates.take_optimizer_states(states)

    def held_weights(self) -> dict[str, Tensor]:
        """The model's tensors by name, those that are tied once and not frozen; none where the partitions hold all."""
        return {name: each for name, each in self._updates.held_weights().items() if name not in self._frozen}

    def copy_weights_to(self, model: torch.nn.Module) -> None:
        """Give a model like the one being trained its weights, on every rank, which has them whole."""
        self._updates.copy_weights_to(model)

    @property
    def weights_are_partitioned(self) -> bool:
        """Whether the partitions hold all weights, so that whoever restores needs no others."""
        return self._updates.weights_are_partitioned

    @property
    def partitions_are_alike(self) -> bool:
        """Whether every rank's partition is the whole optimizer."""
        return self._updates.partitions_are_alike

    def partition(self) -> dict[str, Tensor]:
        """This rank's share of the optimizer: weights as AdamW updates them, and its running means, by name."""
        return self._updates.partition()

    def ranks_needed(self, saved_by: int) -> range:
        """Whose partitions this rank needs to become what that many ranks were; none when it cannot."""
        return self._updates.ranks_needed(saved_by)

    def restore(
        self, weights: Mapping[str, Tensor], partitions: Mapping[int, Mapping[str, Tensor]], *, saved_by: int
    ) -> None:
        """Become what another engine was when it gave its weights and the partitions of the ranks that are needed.

        Tensors are looked up when it is their turn, so that mappings that read them hold one at a time. Weights that
        are partitioned need not be given.
        """
        # What is frozen is as it was loaded, and in no checkpoint.
        own = self._updates.held_weights() if self._frozen else {}
        kept = {name: each for name, each in own.items() if name in self._frozen}
        self._updates.restore(ChainMap(kept, weights) if kept else weights, partitions, saved_by=saved_by)  # type: ignore[arg-type]  # read only

    def exchange(self, text: str) -> list[str]:
        """The texts of all ranks, by rank, on every rank."""
        if world_size() == 1:
            return [text]
        body = text.encode()
        longest = int(self.most(len(body)))
        # A space ends no JSON and no name.
        cells = torch.tensor(list(body.ljust(longest)), dtype=torch.uint8, device=self.device)
        gathered = [torch.empty_like(cells) for _ in range(world_size())]
        with collective():
            distributed.all_gather(gathered, cells)
        return [bytes(each.tolist()).decode().rstrip(" ") for each in gathered]

    def _own(self, losses: Sequence[Loss]) -> Sequence[Loss]:
        return losses[rank() // self._together :: world_size() // self._together]

    def _reduced(self, value: float, operation: Any) -> float:
        if world_size() == 1:
            return value
        cell = torch.tensor(value, dtype=torch.float64, device=self.device)
        with collective():
            distributed.all_reduce(cell, op=operation)
        return cell.item()


def partitioned(
    model: "PreTrainedModel",
    weights: Mapping[str, Tensor],
    *,
    settings: OptimizerSettings,
    gang: GangSettings = AS_USUAL,
) -> "PreTrainedModel":
    """A model for an engine at ZeRO stage 3, of which each rank has its share from the start. Every rank takes part.

    Args:
        model: its parameters are of no device, and are replaced; those that are tied stay so.
        weights: of its parameters, by name. Rank 0 looks them up, one at a time.
        settings: the engine's.
        gang: likewise.
    """
    join_process_group(gang)
    if settings.reduction == "plain":
        _plain().partition(model, weights, settings=settings)
    else:
        share_out(model, weights, dtype=getattr(torch, settings.precision), device=device_of_rank())
    return model


@contextmanager
def gathering(model: torch.nn.Module) -> Iterator[None]:
    """Within, a partitioned model that has no engine yet computes without gradients. Every rank computes alike."""
    shared = sharded(model)
    if shared:
        with shared.computing():
            yield
    else:
        is_partitioned = any(hasattr(each, "ds_id") for each in model.parameters())
        with _plain().gathering(model) if is_partitioned else nullcontext():
            yield


def _updates_of(
    model: "PreTrainedModel", settings: OptimizerSettings, micro_batches: int, sequence_parallel: int
) -> ExactUpdates:
    # Either does the same for the engine.
    if settings.reduction == "plain":
        updates: ExactUpdates = _plain().PlainUpdates(
            model, settings=settings, micro_batches=micro_batches, sequence_parallel=sequence_parallel
        )
        return updates
    if sequence_parallel > 1:
        raise UsageError(f"--sequence-parallel={sequence_parallel} needs --optimizer.reduction=plain")
    return ExactUpdates(model, settings=settings, micro_batches=micro_batches)


def _plain() -> Any:
    # It takes seconds to import, which who does without DeepSpeed need not wait for.
    from octo.ml import plain  # noqa: PLC0415

    return plain
