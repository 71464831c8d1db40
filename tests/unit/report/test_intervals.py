from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.findings import student
from octo.pass_at_k import pass_at_k
from octo.randomness import generator
from octo.report.intervals import change_over, difference_of, mean_from_sums, mean_of, proportion
from octo.report.results import Estimate


def interval(values: list[float], *, bound: float = 1.0, key: str = "test") -> Estimate:
    return mean_of(values, bounds=(-bound, bound), generator=generator(0, key), resamples=2000)


def test_a_share_has_wilsons_interval():
    assert proportion(8, 10) == Estimate(value=0.8, low=0.490162, high=0.943318)


@pytest.mark.parametrize(("correct", "low", "high"), [(0, 0.0, 0.161), (20, 0.839, 1.0)])
def test_a_share_of_none_or_all_is_not_certain(correct: int, low: float, high: float):
    estimate = proportion(correct, 20)
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_without_problems_there_is_no_estimate():
    assert proportion(0, 0) == Estimate()
    assert interval([]) == Estimate()


def test_problems_that_all_agree_do_not_look_like_certainty():
    few, many = interval([1.0] * 10), interval([1.0] * 1000)
    assert few.value == few.high == 1.0
    assert few.low is not None
    assert many.low is not None
    assert few.low < 0.9 < many.low < 1.0


def test_an_interval_depends_on_its_key_and_its_data_but_not_on_their_order():
    values = [1.0, 0.0, -1.0, 1.0, 0.0] * 20
    assert interval(values) == interval(values[::-1])
    assert interval(values) != interval(values, key="another")


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), min_size=1, max_size=60))
def test_a_mean_lies_within_its_interval_and_the_interval_within_the_bounds(values: list[float]):
    estimate = interval(values, bound=2.0)
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert -2.0 <= estimate.low <= estimate.value <= estimate.high <= 2.0


def test_intervals_hold_the_truth_as_often_as_they_say():
    draws = generator(1, "coverage")
    held = 0
    for trial in range(400):
        # After minus before, of a branch and of its control: the truth is 0.4 - 0.1.
        gains = (draws.random((4, 120)) < [[0.8], [0.4], [0.2], [0.1]]).astype(float)
        differences = (gains[0] - gains[1] - gains[2] + gains[3]).tolist()
        estimate = interval(differences, bound=2.0, key=f"trial {trial}")
        held += (estimate.low or 0.0) <= 0.3 <= (estimate.high or 0.0)
    assert held >= 0.93 * 400


@pytest.mark.parametrize("num_correct", range(7))
@pytest.mark.parametrize("k", range(1, 7))
def test_pass_at_k_is_the_share_of_draws_with_a_right_answer(num_correct: int, k: int):
    draws = list(combinations([True] * num_correct + [False] * (6 - num_correct), k))
    assert pass_at_k(6, num_correct, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize(("freedom", "quantile"), [(3, 3.1824), (4, 2.7764), (18, 2.1009), (1000, 1.9623)])
def test_students_quantile_is_that_of_tables(freedom: int, quantile: float):
    assert student(freedom) == pytest.approx(quantile, rel=0.01)


def test_a_mean_from_sums_is_that_of_the_numbers():
    numbers = [1.0, 2.0, 4.0, 2.0, 1.0, 2.0]
    found = mean_from_sums(6, sum(numbers), sum(each**2 for each in numbers), shift=10.0)
    # Deviation 1.0954, its error 0.4472, Student's quantile at five degrees of freedom 2.5706.
    assert (found.value, found.low, found.high) == pytest.approx((12.0, 10.850, 13.150), abs=2e-3)
    assert mean_from_sums(4, 4.0, 4.0) == Estimate()


def test_a_lines_rise_has_an_interval_that_covers_it_as_often_as_it_says():
    noise = generator(0, "line").standard_normal((400, 20))
    found = [change_over(range(20), [0.1 * step + each for step, each in enumerate(row)]) for row in noise]
    covered = sum((each.low or 0.0) <= 1.9 <= (each.high or 0.0) for each in found)
    assert 0.92 < covered / 400 < 0.98
    assert change_over(range(4), [1.0, 2.0, 3.0, 4.0]) == Estimate()


def test_a_difference_of_means_has_welchs_interval():
    first, second = [1.0, 2.0, 3.0, 2.0, 2.0], [4.0, 6.0, 8.0, 6.0, 6.0, 6.0]
    found = difference_of(*((len(each), sum(each), sum(one * one for one in each)) for each in (first, second)))
    # Squared errors 0.1 and 0.2667, 8 degrees of freedom, Student's quantile 2.3060.
    assert (found.value, found.low, found.high) == pytest.approx((4.0, 2.604, 5.396), abs=5e-3)
    assert difference_of((4, 4.0, 4.0), (9, 1.0, 1.0)) == Estimate()
