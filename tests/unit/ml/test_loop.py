"""The loop of every training, with an engine of a small model in this process."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import pytest
import torch

from octo.errors import InvariantError
from octo.job import Job, open_job
from octo.ml.engine import Engine, StepResult
from octo.ml.loop import METRICS, Lines, Observer, Phases, Plan, Step, Update, described, train_by, written
from octo.settings.midtraining import GangSettings, MidtrainingSettings
from octo.storage.artifacts import IndexResult
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.unit.ml.engine_run import MICRO_BATCHES, engine_of, loss_of

DIGEST = "e" * 64
NUM_STEPS = 5
PLAN = Plan(NUM_STEPS, lambda step: 1e-3 / (step + 1))


@contextmanager
def job_in(store: Store, embedded: EmbeddedStore, *, every: int = 2) -> Iterator[Job[MidtrainingSettings]]:
    gang = GangSettings(checkpoint_every=every)
    with open_job(MidtrainingSettings(store=store.address, s3=embedded.s3, gang=gang), DIGEST, "a", None) as job:
        yield job


def update_by(engine: Engine, tokens: torch.Tensor, step: Step) -> Update:
    losses = [partial(loss_of, tokens=tokens, num_predicted=MICRO_BATCHES * (len(tokens) - 1))] * MICRO_BATCHES
    result = engine.step(losses, learning_rate=step.rate)
    return Update([result], [losses], lambda: described([result], step.rate))


def texts(steps: range) -> Iterable[torch.Tensor]:
    return (torch.arange(step, step + 9) for step in steps)


def ended(_steps: int, lines: Lines) -> IndexResult:
    return IndexResult(parts={METRICS: written(lines)})


def phases_of(engine: Engine, read: Any = texts, result: Any = ended) -> Phases[torch.Tensor]:
    return Phases(read, partial(update_by, engine), dict, result)


class Notes:
    """What an observer is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.figures: list[dict[str, float]] = []

    def before(self, step: Step) -> None:
        self.told.append(("before", step.number))

    def after(self, step: Step, results: Sequence[StepResult], figures: Mapping[str, float]) -> None:
        assert len(results) == 1
        self.told.append(("after", step.number))
        self.figures.append(dict(figures))


def test_an_observer_is_told_of_each_step_once_the_next_one_is_on_its_way(
    store: Store, embedded: EmbeddedStore
) -> None:
    notes = Notes()
    observers: list[Observer] = [notes]
    with job_in(store, embedded, every=0) as job:
        engine = engine_of("1-float32")
        result = train_by(job, engine, PLAN, lambda *_: nullcontext(phases_of(engine)), observers=observers)
    begun = [("before", 0)]
    for step in range(1, NUM_STEPS):
        begun += [("before", step), ("after", step - 1)]
    assert notes.told == [*begun, ("after", NUM_STEPS - 1)]
    assert [each["learning_rate"] for each in notes.figures] == [1e-3 / step for step in range(1, NUM_STEPS + 1)]
    lines = [{"step": step, **each} for step, each in enumerate(notes.figures, start=1)]
    assert result.parts[METRICS] == written(lines)


def test_a_source_that_ends_before_the_planned_steps_fails_the_training(store: Store, embedded: EmbeddedStore) -> None:
    def never(_steps: int, _lines: Lines) -> IndexResult:
        raise AssertionError("three steps of five are no result")

    with job_in(store, embedded) as job:
        engine = engine_of("1-float32")
        phases = phases_of(engine, read=lambda steps: list(texts(steps))[:3], result=never)
        with pytest.raises(InvariantError, match="midtraining planned 5 steps and did 3: nothing is committed"):
            train_by(job, engine, PLAN, lambda *_: nullcontext(phases))


def test_a_training_that_goes_on_has_the_figures_of_all_its_steps_and_what_it_saved(
    store: Store, embedded: EmbeddedStore
) -> None:
    class CutShortError(Exception):
        pass

    def cut(steps: range) -> Iterable[torch.Tensor]:
        yield from list(texts(steps))[:4]
        raise CutShortError

    seen: list[tuple[int, Mapping[str, Any]]] = []

    def opened(engine: Engine, read: Any, first: int, saved: Mapping[str, Any]) -> Any:
        seen.append((first, dict(saved)))
        return nullcontext(Phases(read, partial(update_by, engine), lambda: {"mark": first + 7}, ended))

    with job_in(store, embedded) as job:
        engine = engine_of("1-float32")
        with pytest.raises(CutShortError):
            train_by(job, engine, PLAN, partial(opened, engine, cut))
    with job_in(store, embedded) as job:
        engine = engine_of("1-float32")
        resumed = train_by(job, engine, PLAN, partial(opened, engine, texts))
    with job_in(store, embedded, every=0) as job:
        engine = engine_of("1-float32")
        straight = train_by(job, engine, PLAN, partial(opened, engine, texts))
    assert seen == [(0, {}), (4, {"mark": 7}), (0, {})]
    assert resumed.parts == straight.parts
