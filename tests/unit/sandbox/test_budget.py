"""The budget of all tests of a program: what counts depends on their order, and not on which ran first."""

import itertools

import pytest

from octo.sandbox.budget import Budget
from octo.sandbox.verdicts import Limits, Outcome, TestVerdict

PASS, FAIL, LATE = (TestVerdict(each) for each in (Outcome.PASS, Outcome.FAIL, Outcome.TIMEOUT))


def outcomes(limits: Limits, tests: list[tuple[TestVerdict, float, float]], order: tuple[int, ...]) -> list[str]:
    """What tests say that end in an order, each a verdict with its seconds of processor and of clock."""
    budget = Budget(limits)
    ran: dict[int, TestVerdict] = {}
    for place in order:
        if not budget.ended_before(place):
            verdict, cpu, wall = tests[place]
            ran[place] = verdict
            budget.charge(place, verdict, cpu_seconds=cpu, wall_seconds=wall)
    return [each.outcome.value for each in budget.settle([ran.get(place) for place in range(len(tests))])]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_what_lies_behind_the_end_of_the_processor_time_has_timed_out_whatever_ran_first(
    order: tuple[int, ...],
) -> None:
    tests = [(PASS, 2.0, 2.0), (FAIL, 3.0, 3.0), (PASS, 1.0, 1.0), (PASS, 0.1, 0.1)]
    assert outcomes(Limits(all_cpu_seconds=5), tests, order) == ["pass", "fail", "timeout", "timeout"]
    assert outcomes(Limits(all_cpu_seconds=6), tests, order) == ["pass", "fail", "pass", "timeout"]
    assert outcomes(Limits(all_cpu_seconds=7), tests, order) == ["pass", "fail", "pass", "pass"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_first_that_times_out_ends_all_where_settings_say_so(order: tuple[int, ...]) -> None:
    tests = [(PASS, 0.1, 0.1), (LATE, 0.1, 30.0), (PASS, 0.1, 0.1), (LATE, 0.1, 30.0)]
    assert outcomes(Limits(stop_at_timeout=True), tests, order) == ["pass", "timeout", "timeout", "timeout"]
    assert outcomes(Limits(), tests, order) == ["pass", "timeout", "pass", "timeout"]


def test_sixteen_tests_that_sleep_take_the_budget_and_no_more() -> None:
    budget, waited = Budget(Limits(wall_seconds=30, all_wall_seconds=120)), 0.0
    for place in range(16):
        if not budget.ended_before(place):
            budget.charge(place, LATE, cpu_seconds=0.01, wall_seconds=30)
            waited += 30
    assert waited == 120
    said = budget.settle([LATE] * 4 + [None] * 12)
    assert {each.outcome for each in said} == {Outcome.TIMEOUT}
    assert said[-1].detail == "the tests before used up the 120 s of all"


def test_a_test_that_is_tried_again_costs_what_it_cost_the_last_time() -> None:
    budget = Budget(Limits(all_cpu_seconds=5, stop_at_timeout=True))
    budget.charge(0, LATE, cpu_seconds=9, wall_seconds=9)
    budget.charge(0, PASS, cpu_seconds=1, wall_seconds=1)
    assert not budget.ended_before(1)
