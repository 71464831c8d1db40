import math

import pytest
from pydantic import ValidationError

from octo.errors import UsageError
from octo.ml.schedule import learning_rate, rates
from octo.settings.loading import arguments_of, load
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.rl import RlSettings
from octo.settings.schedule import phases_of
from octo.settings.tuning import TuningSettings

PEAK = 2e-3


def rate(step: int, *schedule: str, num_steps: int = 12, warmup_steps: int = 0, final_share: float = 0.1) -> float:
    phases = phases_of(schedule, num_steps=num_steps, warmup_steps=warmup_steps, final_share=final_share)
    return learning_rate(step, peak=PEAK, warmup_steps=warmup_steps, phases=phases)


FLOOR = PEAK / 10
CLOSED_FORMS = {
    "constant": lambda done: PEAK + 0 * done,
    "cosine": lambda done: FLOOR + (PEAK - FLOOR) * (1 + math.cos(math.pi * done)) / 2,
    "linear": lambda done: PEAK - (PEAK - FLOOR) * done,
    "sqrt": lambda done: FLOOR + (PEAK - FLOOR) * (1 - done**0.5),
}


@pytest.mark.parametrize("shape", CLOSED_FORMS)
@pytest.mark.parametrize("warmup_steps", [0, 4])
def test_a_phase_meets_its_closed_form_at_its_first_middle_and_last_step_and_would_end_after_it(
    shape: str, warmup_steps: int
) -> None:
    num_steps = warmup_steps + 12
    for step in (0, 6, 11, 12):
        found = rate(warmup_steps + step, shape, num_steps=num_steps, warmup_steps=warmup_steps)
        assert found == pytest.approx(CLOSED_FORMS[shape](step / 12), rel=1e-12)


def test_the_papers_decay_is_not_at_its_floor_in_its_last_step() -> None:
    # 5,000 steps from 2e-5: (1 + cos(pi * 4999 / 5000)) / 2 of the way is left.
    last = rate(4999, "cosine", num_steps=5000)
    assert last > FLOOR
    assert last == pytest.approx(FLOOR + (PEAK - FLOOR) * math.sin(math.pi / 10_000) ** 2, rel=1e-9)
    assert rate(2500, "cosine", num_steps=5000) == pytest.approx((PEAK + FLOOR) / 2)


def test_a_warmup_rises_to_the_peak_where_the_first_phase_begins() -> None:
    rates_of_four = [rate(step, "cosine", warmup_steps=4) for step in range(5)]
    assert rates_of_four == pytest.approx([PEAK / 4, PEAK / 2, 3 * PEAK / 4, PEAK, PEAK])
    # A training shorter than its warm-up ends on its way up.
    assert rate(1, "cosine", num_steps=2, warmup_steps=4) == pytest.approx(PEAK / 2)


@pytest.mark.parametrize(("decay", "middle"), [("linear", 0.5), ("cosine", 0.5), ("sqrt", 1 - math.sqrt(0.5))])
def test_stable_then_decay_stays_at_the_peak_and_falls_to_nothing_from_there(decay: str, middle: float) -> None:
    schedule = ("constant", f"{decay}:4:0")
    assert [rate(step, *schedule) for step in range(2, 9)] == [PEAK] * 7
    assert rate(10, *schedule) == pytest.approx(PEAK * middle)
    assert 0 < rate(11, *schedule) < rate(10, *schedule)
    assert rate(12, *schedule) == 0


def test_any_list_of_phases_goes_on_where_the_one_before_ended() -> None:
    schedule = ("linear:4:0.5", "constant:2", "cosine:4:1", "sqrt:2:0.25")
    found = [rate(step, *schedule) / PEAK for step in range(12)]
    rise = [1 - (1 + math.cos(math.pi * step / 4)) / 4 for step in range(4)]
    assert found == pytest.approx([1, 0.875, 0.75, 0.625, 0.5, 0.5, *rise, 1, 1 - 0.75 * math.sqrt(0.5)])


def test_a_training_that_stops_on_its_way_has_the_rates_of_the_whole() -> None:
    whole = MidtrainingSettings(schedule=("cosine",), num_steps=100, warmup_steps=10)
    stopped = whole.model_copy(update={"num_steps": 20, "schedule_steps": 100})
    of_whole, of_stopped = (rates(each, num_steps=100, warmup_steps=10) for each in (whole, stopped))
    alone = rates(whole, num_steps=20, warmup_steps=10)
    assert [of_stopped(step) for step in range(20)] == [of_whole(step) for step in range(20)]
    assert alone(19) < of_whole(19)


REFUSED = [
    ((), r"expected a phase at least, got none: each is SHAPE, SHAPE:STEPS or SHAPE:STEPS:SHARE, such as cosine:5000"),
    (("cubic",), "with SHAPE one of constant, linear, cosine, sqrt, got 'cubic'"),
    (("cosine:ten",), "such as cosine:5000:0.1, .* got 'cosine:ten'"),
    (("cosine:5:0.1:7",), "got 'cosine:5:0.1:7'"),
    (("cosine:0:0.1", "constant"), "expected a phase of 1 step at least, got 'cosine:0:0.1': leave it out"),
    (("constant", "linear:-3"), "expected a phase of 1 step at least, got 'linear:-3'"),
    (("cosine:10:-0.5",), "expected a SHARE of 0 or more, got 'cosine:10:-0.5'"),
    (("linear:10:nan",), "expected a SHARE of 0 or more, got 'linear:10:nan'"),
    (("constant:10:0.5",), "expected constant:STEPS, which stays where it is, got 'constant:10:0.5'"),
    (("constant", "cosine"), "expected one phase at most that says no steps, got constant,cosine"),
    (
        ("constant:6", "cosine:5"),
        "expected a schedule of 12 steps, got 11 of them in constant:6,cosine:5, or leave one phase's steps out",
    ),
    (
        ("constant", "cosine:12"),
        "expected a schedule of 12 steps, got 12 of them in constant,cosine:12, which leaves none to the phase that",
    ),
]


@pytest.mark.parametrize(("schedule", "said"), REFUSED)
@pytest.mark.parametrize("kind", [MidtrainingSettings, RlSettings])
def test_a_schedule_that_is_none_is_refused_with_what_was_said(
    kind: type[MidtrainingSettings | RlSettings], schedule: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        kind(num_steps=12, warmup_steps=0, schedule=schedule)


def test_a_schedule_is_measured_with_its_warmup_by_the_steps_it_is_made_for() -> None:
    with pytest.raises(
        ValidationError, match="of 12 steps, got 13 of them in cosine:12 after a warm-up of 1, or leave"
    ):
        MidtrainingSettings(num_steps=12, warmup_steps=1, schedule=("cosine:12",))
    assert MidtrainingSettings(num_steps=12, schedule_steps=40, warmup_steps=4, schedule=("constant:20", "linear:16"))
    # As many steps as the data have are known when they are read.
    tuning = TuningSettings(schedule=("constant:5", "linear:5"), warmup_share=0.0)
    assert rates(tuning, num_steps=10, warmup_steps=0)(9) < tuning.learning_rate
    with pytest.raises(UsageError, match="--schedule: expected a schedule of 11 steps, got 10"):
        rates(tuning, num_steps=11, warmup_steps=0)


def test_a_schedule_is_said_on_a_command_line_and_said_again() -> None:
    flags = ["--num-steps=30", "--schedule=constant:10,cosine:20:0.05"]
    settings = load(MidtrainingSettings, flags, {})
    assert settings.schedule == ("constant:10", "cosine:20:0.05")
    assert load(
        MidtrainingSettings, ["--num-steps=30", "--schedule=constant:10", "--schedule=cosine"], {}
    ).schedule == (
        "constant:10",
        "cosine",
    )
    assert load(MidtrainingSettings, arguments_of(settings), {}) == settings
    with pytest.raises(UsageError, match=r"--schedule: expected SHAPE, .* got 'cubic'"):
        load(MidtrainingSettings, ["--schedule=cubic"], {})
