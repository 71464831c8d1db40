from dataclasses import replace

import pytest

from octo.report.comparison import Comparison, Graded, Pair, conclude, has_samples, pass_at_k_of


def graded(right: list[int | None], counts: list[int] | None = None, *, samples: int = 4) -> Graded:
    return Graded(
        greedy={f"p{number}": float(value) for number, value in enumerate(right) if value is not None},
        num_correct={f"p{number}": count for number, count in enumerate(counts or [])},
        samples_per_problem=samples,
        unreached=right.count(None),
    )


def shares(before: float, after: float, *, problems: int = 200) -> tuple[Graded, Graded]:
    first, second = (
        graded([int(number < share * problems) for number in range(problems)]) for share in (before, after)
    )
    return first, second


def pair(branch: str, before: Graded, after: Graded) -> Pair:
    return Pair(branch, (before,), (after,))


def compared(**branches: tuple[Graded, Graded]) -> Comparison:
    pairs = [pair(name, *sides) for name, sides in branches.items()]
    return Comparison("greedy", pairs, control="base", seed=0, resamples=2000)


def test_branches_that_gained_more_than_the_control_make_a_yes():
    verdict = conclude(compared(base=shares(0.1, 0.15), long=shares(0.2, 0.8), short=shares(0.2, 0.6)), None)
    assert verdict.answer == "yes"
    assert verdict.difference.value == pytest.approx(0.45)
    assert "rose by 50.0 points on the mid-trained branches in their mean (95" in verdict.statement
    assert "and it rose by 5.0 points on base (95" in verdict.statement
    assert "gained 45.0 points more" in verdict.statement


def test_branches_that_gained_less_than_the_control_make_a_no():
    verdict = conclude(compared(base=shares(0.1, 0.7), long=shares(0.5, 0.4)), None)
    assert verdict.answer == "no"
    assert "fell by 10.0 points" in verdict.statement
    assert "gained 70.0 points less" in verdict.statement


def test_a_difference_within_its_interval_is_said_that_it_cannot_be_told():
    verdict = conclude(compared(base=shares(0.1, 0.2), long=shares(0.2, 0.31)), None)
    assert verdict.answer == "cannot be told"
    assert "includes zero" in verdict.statement


def test_gains_that_are_both_zero_cannot_be_told():
    verdict = conclude(compared(base=shares(0, 0), long=shares(0, 0)), None)
    assert verdict.answer == "cannot be told"
    assert "changed by 0.0 points on the mid-trained branches in their mean (95" in verdict.statement
    assert "cannot be told from zero) and it changed by 0.0 points on base (95" in verdict.statement


def test_without_a_branch_beside_the_control_nothing_is_measured():
    assert conclude(compared(base=shares(0.1, 0.2)), None).answer == "not measured"


def test_without_a_problem_in_common_nothing_is_measured():
    elsewhere = Graded({"q": 1.0}, {}, 4, 0)
    verdict = conclude(compared(base=shares(0.1, 0.2), long=(elsewhere, elsewhere)), None)
    assert verdict.answer == "not measured"
    assert verdict.difference.value is None


def test_a_verdict_that_was_not_reached_counts_neither_as_right_nor_as_wrong():
    before, after = graded([1, 0, None, 0]), graded([1, 1, 1, None])
    measure = compared(base=(before, after)).measure(pair("base", before, after))
    assert measure.before.value == pytest.approx(1 / 3, abs=1e-6)
    assert measure.after.value == pytest.approx(1.0)
    assert measure.problems == 2
    assert measure.gain.value == pytest.approx(0.5)


def test_gains_are_compared_on_the_same_problems():
    control = graded([0, 0, 0, 0]), graded([1, 1, 0, 0])
    # Gains on the problems where the control gains, too: two numbers of the same size, and no spread but the bounds'.
    alike = compared(base=control, long=control)
    apart = compared(base=control, long=(graded([0, 0, 0, 0]), graded([0, 0, 1, 1])))
    narrow, wide = (comparison.measure(comparison.pairs[1]).over_control for comparison in (alike, apart))
    assert narrow is not None
    assert wide is not None
    assert narrow.value == wide.value == 0.0
    assert (narrow.high or 0) < (wide.high or 0)


def test_the_control_is_not_compared_with_itself():
    comparison = compared(base=shares(0.1, 0.2), long=shares(0.2, 0.6))
    assert comparison.measure(comparison.pairs[0]).over_control is None


def test_equal_numbers_have_equal_intervals_wherever_they_stand():
    comparison = compared(base=shares(0.1, 0.2), long=shares(0.2, 0.6))
    verdict = conclude(comparison, None)
    measure = comparison.measure(comparison.pairs[1])
    assert measure.gain == verdict.branches_gain
    assert measure.over_control == verdict.difference


def test_the_sampled_comparison_is_a_check_and_decides_nothing():
    before, after = graded([0] * 50, [0] * 50), graded([0] * 50, [4] * 50)
    pairs = [pair("base", before, before), pair("long", before, after)]
    greedy, sampled = (Comparison(kind, pairs, "base", 0, 2000) for kind in ("greedy", "sampled"))
    verdict = conclude(greedy, sampled)
    assert verdict.answer == "cannot be told"
    assert verdict.check_difference is not None
    assert verdict.check_difference.value == 1.0
    turned = conclude(sampled, greedy)
    assert (turned.answer, turned.decided_by) == ("yes", "sampled")
    assert turned.statement.startswith("The share of sampled answers that is right rose by 100.0 points")
    assert turned.check_difference is not None
    assert turned.check_difference.value == 0.0


def test_pass_at_k_goes_up_to_the_samples_that_both_sides_have():
    trained = pair("long", graded([1, 0], [2, 0], samples=4), graded([1, 1], [8, 4], samples=8))
    measured = pass_at_k_of(trained, seed=0, resamples=500)
    assert [each.k for each in measured] == [1, 2, 4]
    assert [each.before.value for each in measured] == [pytest.approx(0.25), pytest.approx(5 / 12, abs=1e-6), 0.5]


def test_models_without_samples_have_no_sampled_accuracy():
    assert not has_samples([pair("base", *shares(0.1, 0.2))])


def without_control(**models) -> Comparison:
    return replace(compared(**models), control="")


def test_without_a_control_the_gain_itself_is_tested():
    verdict = conclude(without_control(first=(graded([0] * 60), graded([1] * 40 + [0] * 20))), None)
    assert verdict.answer == "yes"
    assert verdict.control_gain is None
    assert verdict.difference == verdict.branches_gain
    assert verdict.statement.startswith("Greedy accuracy on 60 held-out problems rose by 66.7 points (95")


def test_without_a_control_a_loss_is_a_no_and_a_tie_tells_nothing():
    lost = conclude(without_control(first=(graded([1] * 60), graded([0] * 40 + [1] * 20))), None)
    assert lost.answer == "no"
    tied = conclude(without_control(first=(graded([0, 1] * 30), graded([1, 0] * 30))), None)
    assert tied.answer == "cannot be told"
    assert "whether anything was gained cannot be told" in tied.statement
    assert conclude(without_control(), None).answer == "not measured"


def test_without_a_control_no_branch_is_compared_with_another():
    comparison = without_control(first=(graded([0, 1]), graded([1, 1])), second=(graded([0, 1]), graded([0, 1])))
    assert [comparison.measure(pair).over_control for pair in comparison.pairs] == [None, None]
    assert conclude(comparison, None).branches_gain.value == 0.25


def test_a_problem_counts_in_pass_at_k_where_it_has_k_verdicts_and_by_all_that_it_has():
    whole, fewer = graded([1, 1], [2, 1]), replace(graded([1, 1], [2, 1]), fewer_verdicts={"p1": 1})
    by_k = {
        each.k: (each.before.value, each.after.value)
        for each in pass_at_k_of(pair("x", whole, fewer), seed=0, resamples=50)
    }
    assert by_k[1] == (pytest.approx((1 / 2 + 1 / 4) / 2), pytest.approx((1 / 2 + 1) / 2))
    assert by_k[4] == (1.0, 1.0)
    assert fewer.sampled == {"p0": 0.5, "p1": 1.0}
