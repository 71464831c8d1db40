"""Intervals over training seeds and problems: known cases, and how often they hold the truth."""

import numpy as np
import pytest

from octo.report.intervals import mean_of, mean_over_seeds
from octo.report.results import Estimate

BOUNDS = (-1.0, 1.0)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def over(values: list[list[float]], *, seed: int = 0, resamples: int = 4000) -> Estimate:
    return mean_over_seeds(values, bounds=BOUNDS, generator=random(seed), resamples=resamples)


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


def test_one_seed_has_the_interval_over_its_problems():
    values = [1.0, 0.0, 0.0, 1.0, -1.0] * 20
    alone = mean_of(values, bounds=BOUNDS, generator=random(), resamples=4000)
    assert over([values]) == alone


def test_seeds_that_agree_on_every_problem_add_no_width():
    values = [1.0, 0.0, 0.0, 1.0, -1.0] * 20
    assert width(over([values] * 3)) == pytest.approx(width(over([values])), rel=0.05)


def test_three_seeds_that_lie_apart_have_the_width_of_students_t():
    # Every problem alike within a seed, and so many of them that the imagined ones weigh nothing.
    levels, problems = (0.10, 0.20, 0.30), 20_000
    found = over([[level] * problems for level in levels], resamples=20_000)
    assert found.value == pytest.approx(0.2)
    half = 4.303 * np.std(levels, ddof=1) / np.sqrt(3)
    assert width(found) / 2 == pytest.approx(half, rel=0.08)


def test_nothing_measured_has_no_interval():
    assert over([]) == Estimate()
    assert over([[], [], []]) == Estimate()


def test_no_interval_leaves_what_can_be():
    found = over([[1.0] * 30, [-1.0] * 30])
    assert found.low is not None
    assert found.high is not None
    assert BOUNDS[0] <= found.low <= found.high <= BOUNDS[1]


def simulated(generator: np.random.Generator, *, truth: float, of_seeds: float, of_problems: float) -> np.ndarray:
    """Gains of -1, 0 or 1 of three seeds on 150 problems: both have an effect of their own, and the rest is chance."""
    effect = truth + of_seeds * generator.standard_normal((3, 1)) + of_problems * generator.standard_normal(150)
    draws = generator.random((3, 150))
    return (draws < 0.3 + effect / 2).astype(float) - (draws > 0.7 + effect / 2)


def coverage(*, of_seeds: float, of_problems: float) -> tuple[float, float]:
    """How often the truth is in the interval, and in that of a plain bootstrap of seeds and problems."""
    truth, times, generator = 0.1, 400, random(7)
    held = plainly_held = 0
    for time in range(times):
        values = simulated(generator, truth=truth, of_seeds=of_seeds, of_problems=of_problems)
        found = over(values.tolist(), seed=time, resamples=400)
        held += (found.low or 0.0) <= truth <= (found.high or 0.0)
        seeds_RS = generator.integers(3, size=(400, 3))
        problems_R = mean_of(values.mean(axis=0).tolist(), bounds=BOUNDS, generator=generator, resamples=400)
        offsets = (values.mean(axis=1) - values.mean())[seeds_RS].mean(axis=1)
        reach = np.hypot(np.quantile(offsets, 0.975), width(problems_R) / 2)
        plainly_held += abs(values.mean() - truth) <= reach
    return held / times, plainly_held / times


@pytest.mark.parametrize(
    ("of_seeds", "of_problems"), [(0.15, 0.05), (0.05, 0.05), (0.0, 0.15)], ids=["seeds", "both", "problems"]
)
def test_the_truth_is_in_at_least_19_of_20_intervals(of_seeds: float, of_problems: float):
    held, _ = coverage(of_seeds=of_seeds, of_problems=of_problems)
    assert held >= 0.93  # 0.95, less two deviations of 400 trials


def test_a_plain_bootstrap_of_three_seeds_holds_the_truth_too_seldom():
    held, plainly_held = coverage(of_seeds=0.15, of_problems=0.05)
    assert plainly_held < 0.88 < held
