"""The one loop of every training, of which a training is a value of named phases.

    plan    how many steps there are, and the rate of each: known before any is done
    read    the data of each step in turn, which may be had while the step before is computed
    update  what the engine makes of them at that rate: one optimizer update, or several
    record  the figures of the step, looked at a step later, for who looks waits for the device
    save    what a checkpoint holds beside the engine
    result  what the steps have come to: at the end, and after each step that is kept as an artifact of its own

Mid-training and tuning, causal or by diffusion, and both policies of reinforcement learning are run by it. Whatever
watches a training (figures told to a collector, a policy about losses, the documents of a step) is an `Observer`: the
loop tells each of them, on every rank alike, when a step begins, and what it came to once that is known.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from octo.errors import InvariantError
from octo.job import Job
from octo.kept_steps import KeptSteps
from octo.ml.bad_steps import SKIPPED, BadSteps, Made, counted, most_loss
from octo.ml.checkpoint import Checkpoints
from octo.ml.engine import Engine, Loss, StepResult
from octo.ml.meter import UNKNOWN, Meter, Work
from octo.ml.told import Told
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.rl import RlSettings
from octo.settings.tuning import TuningSettings
from octo.storage.artifacts import IndexResult
from octo.telemetry import Span

Trainer = TypeVar("Trainer", bound=MidtrainingSettings | TuningSettings | RlSettings)
Batch = TypeVar("Batch")
METRICS = "metrics.jsonl"
Lines = list[dict[str, float]]
"""Figures of the steps that are done, one after another."""


@dataclass(frozen=True)
class Plan:
    """What is known of a training before its first step."""

    num_steps: int
    rate: Callable[[int], float]
    """The learning rate of a step, counted from 0."""
    num_trainings: int = 1
    """Of the job, one after another, of which this is one."""
    shown: str = "loss"
    """The figure that stands beside the progress."""
    work: Work = UNKNOWN
    """What a step asks of a device, as far as that is known."""
    epochs: Callable[[int], Mapping[str, float]] = lambda _steps: {}
    """How often each source has come around after so many steps."""
    kept: KeptSteps | None = None
    """Steps that are committed on the way."""


@dataclass(frozen=True)
class Step:
    """A step that begins."""

    number: int
    """Counted from 0."""
    rate: float
    most_loss: float = math.inf
    """An update with a higher loss is left out."""


@dataclass(frozen=True)
class Update:
    """What a step's updates came to. All of it may still be on its way on the device."""

    results: Sequence[StepResult]
    """Of each of them."""
    losses: Sequence[Sequence[Loss]]
    """That each of them was made from, to look for the culprit where one was not applied."""
    figures: Callable[[], Mapping[str, float]]
    """What describes them, in the order in which it is shown; called once, on every rank, in the order of the steps."""
    names: Callable[[], Sequence[str]] = tuple
    """Of the documents or examples that they were made from; asked where one was not applied."""
    objection: Callable[[], str] = str
    """Why nothing may be learnt from what they were made from, if so; asked on every rank where one was not applied."""


@dataclass(frozen=True)
class Phases(Generic[Batch]):
    """What a training does in its steps, which are counted from 0."""

    read: Callable[[range], Iterable[Batch]]
    """This rank's data of these steps, in turn. They do not depend on the weights, and ask nothing of other ranks."""
    update: Callable[[Batch, Step], Update]
    save: Callable[[], Mapping[str, Any]]
    """What the training's own `opened` is to be given when it goes on from here, as JSON; asked on every rank."""
    result: Callable[[int, Lines], IndexResult]
    """What so many steps with those figures have come to; asked on every rank."""


class Observer(Protocol):
    """Something that watches a training. What it raises ends the training."""

    def before(self, step: Step) -> None:
        """A step begins: its data are here, and nothing of it is computed."""

    def after(self, step: Step, results: Sequence[StepResult], figures: Mapping[str, float]) -> None:
        """What a step came to, told in the order of the steps: the next one may be on the device already."""


Opened = Callable[[int, Mapping[str, Any]], AbstractContextManager[Phases[Batch]]]
"""From the steps that are done already, and what was saved of them, to the phases; open as long as steps are done."""


def train_by(
    job: Job[Trainer], engine: Engine, plan: Plan, opened: Opened[Batch], *, observers: Sequence[Observer] = ()
) -> IndexResult:
    """Do every step that is planned, or those that are left after the newest checkpoint; what they come to.

    Raises:
        InvariantError: the steps that were done are not those that were planned.
    """
    checkpoints = Checkpoints(job, engine, num_steps=plan.num_steps, gang=job.settings.gang)
    first, saved = checkpoints.restore()
    record = _Record(job, engine, plan, observers, lines=saved.pop("metrics", []))
    if len(record.lines) != first:
        raise InvariantError(f"the checkpoint of step {first} has figures of {len(record.lines)} steps: delete it")
    if plan.kept:
        plan.kept.check(job.training, first)
    with opened(first, saved) as phases:
        steps = range(first, plan.num_steps)
        with checkpoints:
            # Here the data of the next step may be read beside a step.
            for number, batch in zip(steps, phases.read(steps), strict=False):
                limit = most_loss(record.lines, number, job.settings.bad_steps)
                step = Step(number, plan.rate(number), limit)
                record.begin(step)
                name, attributes = f"octo.{job.settings.job}.step", {"octo.step": number + 1}
                with job.telemetry.span(name, attributes, outlasting=True) as span:
                    update = phases.update(batch, step)
                record.take(step, update, span)
                if plan.kept and _is_to_keep(plan.kept, job, engine, number + 1):
                    result = record.result(phases)
                    if job.rank == 0:
                        plan.kept.commit(number + 1, job.training, result)
                    _remove_files(result)
                checkpoints.after(number + 1, lambda: {"metrics": record.settled(), **phases.save()})
            done = len(record.settled())
        if done != plan.num_steps:
            raise InvariantError(
                f"{job.settings.job} planned {plan.num_steps} steps and did {done}: nothing is committed"
            )
        return record.result(phases)


def _is_to_keep(kept: KeptSteps, job: Job[Trainer], engine: Engine, done: int) -> bool:
    """Whether the training is to be committed now, as rank 0 finds; the others help."""
    return done in kept.outputs and engine.most(float(job.rank == 0 and kept.is_due(done, job.training))) > 0


def _remove_files(result: IndexResult) -> None:
    """Leave the scratch disk as it was: a training may keep many steps."""
    for part in result.parts.values():
        if isinstance(part, Path):
            part.unlink()


def described(results: Sequence[StepResult], rate: float) -> dict[str, float]:
    """The figures that every step has: means over its updates, which are waited for."""
    share = 1 / len(results)
    return {
        "loss": share * sum(each.loss for each in results),
        "learning_rate": rate,
        "gradient_norm": share * sum(each.gradient_norm for each in results),
    }


def written(lines: Sequence[object]) -> bytes:
    """A JSON object a line."""
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


class _Record:
    """The figures of the steps: those of the last one are looked at when the next one is on the device."""

    def __init__(
        self, job: Job[Trainer], engine: Engine, plan: Plan, observers: Sequence[Observer], *, lines: Lines
    ) -> None:
        self.lines = lines
        self._job = job
        self._plan = plan
        self._observers = observers
        self._engine = engine
        self._bad_steps = BadSteps(engine, job.settings.bad_steps, job.telemetry)
        self._meter = Meter(plan.work, engine.device)
        self._told = Told(job.telemetry, job.progress, training=job.training)
        self._late: tuple[Step, Update, Span] | None = None

    def begin(self, step: Step) -> None:
        self._meter.begin(step.number)
        for observer in self._observers:
            observer.before(step)

    def take(self, step: Step, update: Update, span: Span) -> None:
        """A step is on the device: now look at the one before."""
        self.settled()
        self._late = step, update, span

    def settled(self) -> Lines:
        """The figures of all steps up to the last one, which is waited for."""
        if self._late:
            step, update, span = self._late
            self._late = None
            figures = self._figures(step, update)
            self.lines.append({"step": step.number + 1, **figures})
            for observer in self._observers:
                observer.after(step, update.results, figures)
            self._tell(step, figures, span)
        return self.lines

    def result(self, phases: Phases[Any]) -> IndexResult:
        """What all steps up to the last one have come to."""
        lines = self.settled()
        result = phases.result(len(lines), lines)
        return replace(result, counters={**result.counters, "steps.skipped": counted(lines)})

    def _figures(self, step: Step, update: Update) -> dict[str, float]:
        if not all(result.applied for result in update.results):
            said = self._engine.exchange(update.objection())
            if objection := next(filter(None, said), ""):
                raise InvariantError(objection)
        made = Made(step.number, step.rate, step.most_loss, update.results, update.losses, update.names)
        skipped = self._bad_steps.num_skipped(made, self.lines)
        figures = dict(update.figures())
        if not skipped:
            return figures
        return {name: each for name, each in figures.items() if math.isfinite(each)} | {SKIPPED: skipped}

    def _tell(self, step: Step, figures: Mapping[str, float], span: Span) -> None:
        before = self._job.training * self._plan.num_steps
        done = before + len(self.lines), self._plan.num_trainings * self._plan.num_steps
        self._told.step(
            figures,
            self._meter.measured(step.number),
            epochs=self._plan.epochs(step.number + 1),
            span=span,
            done=done,
            shown=self._plan.shown,
        )
