import math

import pytest

from octo.ml.midtraining import rate_at
from octo.ml.schedule import learning_rate
from octo.settings.midtraining import MidtrainingSettings


def rate(step: int, **changes: object) -> float:
    given = {"num_steps": 11, "peak": 2e-3, "schedule": "cosine", "warmup_steps": 0, "final_share": 0.1}
    return learning_rate(step, **(given | changes))


def test_cosine_meets_its_closed_form_at_the_start_the_middle_and_the_end() -> None:
    assert rate(0) == pytest.approx(2e-3)
    assert rate(5) == pytest.approx(2e-4 + (2e-3 - 2e-4) / 2)
    assert rate(10) == pytest.approx(2e-4)


def test_constant_stays_at_its_peak_after_the_warmup() -> None:
    rates = [rate(step, schedule="constant", warmup_steps=4) for step in range(11)]
    assert rates[:4] == pytest.approx([5e-4, 1e-3, 1.5e-3, 2e-3])
    assert rates[4:] == [2e-3] * 7


def test_cosine_starts_where_the_warmup_ends() -> None:
    assert rate(3, warmup_steps=4) == pytest.approx(2e-3)
    assert rate(4, warmup_steps=4) == pytest.approx(2e-3)


def test_a_schedule_of_one_step_has_a_rate() -> None:
    assert math.isclose(rate(0, num_steps=1), 2e-3)


def test_a_training_that_stops_on_its_way_has_the_rates_of_the_whole() -> None:
    whole = MidtrainingSettings(schedule="cosine", num_steps=100, warmup_steps=10)
    stopped = whole.model_copy(update={"num_steps": 20, "schedule_steps": 100})
    alone = whole.model_copy(update={"num_steps": 20})
    rates = [rate_at(whole, step, num_steps=100) for step in range(20)]
    assert [rate_at(stopped, step, num_steps=20) for step in range(20)] == rates
    assert [rate_at(alone, step, num_steps=20) for step in range(20)] != rates
