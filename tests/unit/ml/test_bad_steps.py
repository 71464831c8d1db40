"""Steps without numbers and leaps of the loss: left out or the end, told by what they were made from."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from octo.errors import InvariantError
from octo.job import Job, open_job
from octo.ml.bad_steps import most_loss
from octo.ml.engine import Engine
from octo.ml.loop import METRICS, Lines, Phases, Plan, Step, Update, described, train_by, written
from octo.settings.bad_steps import BadStepSettings
from octo.settings.midtraining import GangSettings, MidtrainingSettings
from octo.storage.artifacts import IndexResult
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.unit.ml.engine_run import MICRO_BATCHES, engine_of, loss_of

SPIKES = BadStepSettings(spike_deviations=4, spike_steps=20)
TOKENS = torch.arange(12)


def lines(losses: Iterable[float]) -> list[dict[str, float]]:
    return [{"step": step, "loss": loss} for step, loss in enumerate(losses, start=1)]


def test_the_limit_is_so_many_robust_deviations_above_the_median_of_the_losses_before() -> None:
    # 20 losses of median 3: half of them 0.1 below, half 0.1 above. The last one before the step is not known yet.
    losses = [2.9, 3.1] * 10
    expected = 3.0 + 4 * 1.4826 * 0.1
    assert most_loss(lines([*losses, 77.0]), 21, SPIKES) == pytest.approx(expected)
    # A leap that was not skipped moves neither the median nor the deviation far.
    assert most_loss(lines([900.0, *losses[1:], 77.0]), 21, SPIKES) == pytest.approx(expected + 0.1)


def test_the_limit_looks_at_no_more_than_the_window_and_at_no_skipped_step() -> None:
    settled = [2.0, 2.2] * 10
    skipped = [{"step": 0, "loss": 50.0, "skipped": 1}] * 30
    assert most_loss([*lines([9.0] * 30), *lines(settled), *skipped], 81, SPIKES) == most_loss(
        lines(settled), 21, SPIKES
    )


@pytest.mark.parametrize("known", [0, 1, 15])
def test_there_is_no_limit_before_there_are_losses_to_judge_by(known: int) -> None:
    assert most_loss(lines([1.0] * (known + 1)), known + 1, SPIKES) == math.inf


def test_without_deviations_there_is_no_limit() -> None:
    assert most_loss(lines([1.0] * 100), 100, BadStepSettings()) == math.inf


def test_losses_that_hardly_differ_make_no_limit_that_rounding_exceeds() -> None:
    assert most_loss(lines([2.0] * 40), 40, SPIKES) == pytest.approx(2.0 + 4 * 0.002)


def test_the_limit_of_a_step_is_the_same_whether_the_step_before_is_known_or_not() -> None:
    losses = [3 + math.sin(step) for step in range(40)]
    assert most_loss(lines(losses[:29]), 30, SPIKES) == most_loss(lines(losses[:30]), 30, SPIKES)


Spoil = Callable[[int], float]
"""What a step's losses are multiplied by."""


def phases_of(engine: Engine, spoil: Spoil) -> Phases[int]:
    def update(number: int, step: Step) -> Update:
        def loss(model: torch.nn.Module) -> torch.Tensor:
            return loss_of(model, TOKENS, MICRO_BATCHES * (len(TOKENS) - 1)) * spoil(number)

        losses = [loss] * MICRO_BATCHES
        result = engine.step(losses, learning_rate=step.rate, most_loss=step.most_loss)
        return Update([result], [losses], lambda: described([result], step.rate), lambda: [f"shard {number} row 7"])

    def result(_steps: int, found: Lines) -> IndexResult:
        weights = {name: tensor.tolist() for name, tensor in engine.weights()}
        return IndexResult(parts={METRICS: written(found), "weights": json.dumps(weights).encode()})

    return Phases(iter, update, dict, result)


def trained(
    store: Store, embedded: EmbeddedStore, spoil: Spoil, *, steps: int = 5, every: int = 0, **changes: Any
) -> IndexResult:
    settings = MidtrainingSettings(
        store=store.address,
        s3=embedded.s3,
        gang=GangSettings(checkpoint_every=every),
        bad_steps=BadStepSettings(**changes),
    )
    job: Job[MidtrainingSettings]
    with open_job(settings, "d" * 64, "a", None) as job:
        engine = engine_of("1-float32")
        plan = Plan(steps, lambda _step: 1e-3)
        return train_by(job, engine, plan, lambda *_: nullcontext(phases_of(engine, spoil)))


def told(result: IndexResult) -> list[dict[str, float]]:
    part = result.parts[METRICS]
    assert isinstance(part, bytes)
    return [json.loads(line, parse_constant=pytest.fail) for line in part.splitlines()]


def at(steps: Mapping[int, float]) -> Spoil:
    return lambda step: steps.get(step, 1.0)


@pytest.mark.parametrize(("wrong", "said"), [(math.nan, "the loss of step 3 is nan"), (math.inf, "step 3 is inf")])
def test_a_step_without_numbers_stops_the_training_and_names_its_documents(
    store: Store, embedded: EmbeddedStore, wrong: float, said: str
) -> None:
    with pytest.raises(InvariantError) as stopped:
        trained(store, embedded, at({2: wrong}))
    assert said in str(stopped.value)
    assert str(stopped.value).endswith("it was made from shard 2 row 7")


def test_a_skipped_step_changes_no_weight_and_is_counted(store: Store, embedded: EmbeddedStore) -> None:
    skipping = trained(store, embedded, at({1: math.nan, 2: math.inf}), steps=4, action="skip")
    straight = trained(store, embedded, at({}), steps=2)
    assert skipping.parts["weights"] == straight.parts["weights"]
    assert skipping.counters == {"steps.skipped": 2}
    assert straight.counters == {"steps.skipped": 0}
    assert [line.get("skipped") for line in told(skipping)] == [None, 1, 1, None]
    assert "loss" not in told(skipping)[1]


def test_too_many_skipped_steps_in_a_row_stop_the_training(store: Store, embedded: EmbeddedStore) -> None:
    bad = at(dict.fromkeys((0, 1, 3, 4, 5), math.nan))
    with pytest.raises(InvariantError, match=r"3 steps in a row are to be skipped, .*most-in-a-row=2; .*shard 5 row 7"):
        trained(store, embedded, bad, steps=8, action="skip", most_in_a_row=2)


def test_a_leap_of_the_loss_is_skipped_and_one_that_stays_below_the_limit_is_not(
    store: Store, embedded: EmbeddedStore
) -> None:
    leaps = at({20: 50.0, 22: 1.001})
    result = trained(store, embedded, leaps, steps=24, action="skip", spike_deviations=6)
    lines = told(result)
    assert [line["step"] for line in lines if "skipped" in line] == [21]
    assert lines[20]["loss"] > 50
    assert trained(store, embedded, leaps, steps=24, action="skip").counters == {"steps.skipped": 0}


def test_a_training_that_goes_on_has_the_limits_of_one_that_never_stopped(
    store: Store, embedded: EmbeddedStore
) -> None:
    leaps, stops = at({20: 50.0}), at({20: 50.0, 22: math.nan})
    settings = {"steps": 24, "every": 3, "spike_deviations": 6.0, "action": "skip", "most_in_a_row": 1}
    straight = trained(store, embedded, leaps, **{**settings, "every": 0})

    def dies(step: int) -> float:
        if step == 22:
            raise KeyboardInterrupt
        return stops(step)

    with pytest.raises(KeyboardInterrupt):
        trained(store, embedded, dies, **settings)
    assert trained(store, embedded, leaps, **settings).parts == straight.parts
