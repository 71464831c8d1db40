"""Updates that are the same to the last bit on every number of ranks and at every ZeRO stage.

Micro-batches have numbers, and their gradients are added up in the order of these (`octo.ml.gradients`); the norm and
the loss are sums that no order changes (`octo.ml.fixed_sums`); AdamW updates shares of whole vectors (`octo.ml.units`).

| stage | a rank keeps whole          | and a share of                       |
|-------|-----------------------------|--------------------------------------|
| 0     | weights, masters, means     | the sum of gradients                 |
| 1, 2  | weights                     | masters, means, the sum of gradients |
| 3     | nothing                     | all of them                          |
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, distributed

from octo.errors import InvariantError
from octo.ml.fixed_sums import block_squares, sum_of_all
from octo.ml.gradients import Gradients
from octo.ml.moments import Moments, update
from octo.ml.numbers import are_numbers, first_without_numbers, listening
from octo.ml.process_group import collective, device_of_rank
from octo.ml.recomputation import recompute
from octo.ml.sharded import Sharded, sharded
from octo.ml.units import Unit, layouts, spread
from octo.processes import rank, world_size
from octo.settings.midtraining import OptimizerSettings

if TYPE_CHECKING:
    # It takes seconds to import, which a rank that trains another module need not wait for.
    from transformers import PreTrainedModel

Loss = Callable[[torch.nn.Module], Tensor]
_TAKING: "WeakKeyDictionary[torch.nn.Module, Gradients]" = WeakKeyDictionary()
"""Where the gradients of each model go: to the last engine that it was given to."""
_KINDS = ("weights", "exp_avg", "exp_avg_sq")


class ExactUpdates:
    """A model that is trained so. What its methods promise is said in `octo.ml.engine.Engine`."""

    def __init__(self, model: "PreTrainedModel", *, settings: OptimizerSettings, micro_batches: int) -> None:
        """Lay the weights out, once the process group is there."""
        self._model = model
        self._settings = settings
        self._micro_batches = micro_batches
        self.device = device_of_rank()
        recompute(model, settings)
        self._sharded = sharded(model)
        held = self._sharded.units if self._sharded else []
        self._units = [*held, *_laid_out(model, settings, self.device, held=held)]
        if settings.zero_stage == 3 and world_size() > 1 and self._sharded is None:
            for unit in self._units:
                unit.keep_share()
            self._sharded = Sharded(model, self._units)
        trained = [unit for unit in self._units if unit.is_trained]
        if not trained:
            raise InvariantError("a model without a weight to be trained cannot be trained")
        self._moments = [Moments(unit, self._updated(unit)) for unit in trained]
        if model in _TAKING:
            _TAKING[model].leave()
        self._gradients = Gradients(trained, finished=self._sharded.finished if self._sharded else _nothing)
        _TAKING[model] = self._gradients

    def step(self, losses: Sequence[Loss], *, learning_rate: float, most_loss: float) -> Tensor:
        """One update from this rank's micro-batches: the loss, the gradient's norm, and 1 where it was applied."""
        loss = self._summed([self._computed(compute) for compute in losses])
        totals = [held.take() for held in self._gradients.of_units]
        squares = torch.cat([block_squares(total) for total in totals])
        # What fills units up is zero, and not counted: the sum is cut by the count, which must be that of any ranks.
        norm = sum_of_all(squares, count=sum(unit.layout.blocks for unit in self._trained)).sqrt()
        applied = loss.isfinite() & norm.isfinite() & (loss <= most_loss)
        settings = self._settings
        update(
            self._moments,
            self._gathered(totals),
            learning_rate=learning_rate,
            settings=settings,
            # Gradients are divided by it.
            scale=((norm + 1e-6) / settings.gradient_clipping).clamp_(min=1).float(),
            skipped=(~applied).float(),
        )
        for moments in self._moments:
            self._follow(moments)
        return torch.stack((loss, norm, applied.double()))

    def wrong_weight(self) -> str:
        """The name of the first weight without numbers of those that this rank has; empty where there is none."""
        held = ((name, part) for each in self._moments for name, part, _ in each.parts("weights"))
        shares = ((name, part) for unit in self._units for name, part, _ in unit.own_parts())
        whole = self._model.named_parameters()
        return first_without_numbers(chain(held, shares if self._sharded else whole))

    def culprit(self, losses: Sequence[Loss]) -> str:
        """A clause about the first tensor without numbers that this rank makes of weights that are all numbers."""
        found: list[str] = []
        gradients: list[tuple[str, Tensor]] = []
        self._gradients.look = lambda name, gradient: gradients.append((name, are_numbers(gradient)))
        try:
            # No rank stops before the others: they gather weights together.
            for compute in losses:
                with listening(self._model, found.append):
                    self._computed(compute)
        finally:
            self._gradients.look = None
        if found:
            return f"the first tensor that holds no number is what {found[0]} makes, of weights that are all numbers"
        wrong = next((name for name, sound in gradients if not sound), "")
        return f"the first tensor that holds no number is the gradient of the weight {wrong}" if wrong else ""

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """The model's tensors, of which rank 0 is given one at a time."""
        told: set[int] = set()
        units = {id(each): unit for unit in self._units for each in unit.parameters}
        gathered = None
        for name, tensor in self._model.state_dict(keep_vars=True).items():
            if id(tensor) in told:
                continue
            told.add(id(tensor))
            unit = units.get(id(tensor))
            if gathered and gathered is not unit:
                gathered.release()
            if unit:
                unit.gather()
            gathered = unit
            if rank() == 0:
                # Memory that was lent to numpy could not be released.
                yield name, tensor.detach().clone() if self._sharded else tensor.detach()
        if gathered:
            gathered.release()

    def optimizer_states(self) -> Iterator[tuple[str, Tensor]]:
        """AdamW's, whole."""
        for moments in self._moments:
            for kind in self._kept:
                whole = state = moments.states[kind]
                if len(state) < moments.unit.size:
                    whole = torch.empty(moments.unit.size, device=self.device)
                    spread(whole, state)
                if rank() == 0:
                    for name, part, _ in moments.unit.layout.parts(whole):
                        yield f"{kind}.{name}", part.view(moments.unit.layout.shapes[name])
        if rank() == 0:
            yield "step", self._moments[0].step.cpu()

    def take_optimizer_states(self, states: Mapping[str, Tensor]) -> None:
        """Put this rank's part of each in its place."""
        for moments in self._moments:
            moments.step.copy_(states["step"])
            for kind in self._kept:
                for name, part, which in moments.parts(kind):
                    part.copy_(states[f"{kind}.{name}"].reshape(-1)[which])
            self._follow(moments)

    def copy_weights_to(self, model: torch.nn.Module) -> None:
        """Of a model that every rank has whole."""
        targets = model.state_dict()
        for name, tensor in self._model.state_dict().items():
            targets[name].copy_(tensor)

    weights_are_partitioned = True
    partitions_are_alike = False

    def held_weights(self) -> dict[str, Tensor]:
        """None: the partitions hold all weights."""
        return {}

    def partition(self) -> dict[str, Tensor]:
        """This rank's share of what AdamW updates and of its states, which is the same at every stage."""
        tensors = {}
        for moments in self._moments:
            for kind in _KINDS:
                tensors[f"{moments.unit.name}.{kind}"] = moments.share(kind)
            tensors[f"{moments.unit.name}.step"] = moments.step
        return tensors

    def ranks_needed(self, saved_by: int) -> range:
        """Those whose shares overlap with what this rank updates."""
        needed = [each for unit in self._trained for each in _overlapping(unit, self._updated(unit), saved_by)]
        return range(min(needed), max(needed) + 1)

    def restore(
        self, weights: Mapping[str, Tensor], partitions: Mapping[int, Mapping[str, Tensor]], *, saved_by: int
    ) -> None:
        """Take what of the partitions is this rank's to update, and let all weights follow."""
        del weights
        for moments in self._moments:
            unit, place = moments.unit, self._updated(moments.unit)
            theirs = unit.layout.share(saved_by)
            for number in _overlapping(unit, place, saved_by):
                saved = partitions[number]
                low, high = max(place.start, number * theirs), min(place.stop, (number + 1) * theirs)
                for kind in _KINDS if low < high else ():
                    part = saved[f"{unit.name}.{kind}"][low - number * theirs : high - number * theirs]
                    moments.states[kind][low - place.start : high - place.start].copy_(part)
                moments.step.copy_(saved[f"{unit.name}.step"])
            self._follow(moments)

    @property
    def _kept(self) -> tuple[str, ...]:
        """What there is to be known of a weight beside it: itself in full precision, where it is narrower."""
        return _KINDS if self._settings.precision == "bfloat16" else _KINDS[1:]

    @property
    def _trained(self) -> list[Unit]:
        return [moments.unit for moments in self._moments]

    def _follow(self, moments: Moments) -> None:
        """Have all weights of a unit follow what was updated of it."""
        moments.write_weights()
        if self._settings.zero_stage:
            moments.unit.spread()

    def _updated(self, unit: Unit) -> slice:
        """Which elements of a unit this rank updates."""
        return unit.own if self._settings.zero_stage else slice(0, unit.size)

    def _computed(self, compute: Loss) -> Tensor:
        """A micro-batch's loss; its gradients are added up."""
        computing: AbstractContextManager[None] = self._sharded.computing() if self._sharded else nullcontext()
        with computing:
            loss = compute(self._model)
            with self._sharded.going_back() if self._sharded else nullcontext():
                loss.backward()  # type: ignore[no-untyped-call]  # torch's
            if self._gradients.look is None:
                self._gradients.finish()
        return loss.detach().double()

    def _summed(self, losses: Sequence[Tensor]) -> Tensor:
        """The sum of all micro-batches' losses, in the order of their numbers."""
        own = torch.stack(list(losses))
        if world_size() == 1:
            return own.sum()
        gathered = torch.empty(world_size() * len(own), dtype=own.dtype, device=own.device)
        with collective():
            distributed.all_gather_into_tensor(gathered, own)
        return gathered.view(world_size(), -1).t().reshape(-1).sum()

    def _gathered(self, totals: list[Tensor]) -> Iterator[Tensor]:
        """The sums of gradients as far as this rank updates by them, each made when it is its turn."""
        for unit, total in zip(self._trained, totals, strict=True):
            if self._settings.zero_stage or world_size() == 1:
                yield total
            else:
                whole = torch.empty(unit.size, device=self.device)
                spread(whole, total)
                yield whole


def _laid_out(model: Any, settings: OptimizerSettings, device: torch.device, *, held: Sequence[Unit]) -> list[Unit]:
    """The units of weights that this rank has whole, beside those that are held already.

    What is not trained lies in none where nothing is shared out; adapters beside a model that is, each rank has whole.
    """
    dtype: torch.dtype = getattr(torch, settings.precision)
    known = {id(each) for unit in held for each in unit.parameters}
    named = {name: each for name, each in model.named_parameters() if id(each) not in known}
    everything = settings.zero_stage == 3 and world_size() > 1 and not held
    for each in (*named.values(), *model.buffers()):
        each.data = each.data.to(device)
    for parameter in named.values():
        if not (parameter.requires_grad or everything):
            parameter.data = parameter.data.to(dtype)
    units = []
    for layout in layouts((name, each) for name, each in named.items() if each.requires_grad or everything):
        unit = Unit(layout, [named[name] for name in layout.shapes], dtype=dtype, device=device)
        unit.fill(named.__getitem__)
        units.append(unit)
    return units


def _overlapping(unit: Unit, place: slice, saved_by: int) -> range:
    """Which of the ranks that saved a unit have a part of that place in it; one at least."""
    theirs = unit.layout.share(saved_by)
    last = min(place.stop, unit.layout.length)
    first = min(place.start // theirs, saved_by - 1)
    return range(first, max(math.ceil(last / theirs), first + 1))


def _nothing(_unit: Unit) -> None:
    """Nobody waits for a unit's gradients."""
