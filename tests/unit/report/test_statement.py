"""Every outcome of the headline is fed to it, over seeds, and what points the other way is in its first sentence."""

import re
from dataclasses import replace

import pytest

from octo.report.comparison import Comparison, Graded, Pair, conclude
from octo.report.control import chances_of
from octo.report.curves import read_metrics
from octo.report.page import headline, render_page
from octo.report.results import Branch, Curve, Estimate, Measure, Model, Verdict
from octo.storage.artifacts import Part
from tests.unit.report.synthetic import Builder, Synthetic, build, finish

PROBLEMS = 120


def graded(share: float) -> Graded:
    """That share of the problems is right, the first ones."""
    right = {f"p{number:03d}": float(number < round(share * PROBLEMS)) for number in range(PROBLEMS)}
    return Graded(right, {}, 4, 0)


def verdict(**branches: list[tuple[float, float]]) -> Verdict:
    """Of branches with their accuracy before and after, one pair for each seed."""
    pairs = [
        Pair(name, tuple(graded(before) for before, _ in seeds), tuple(graded(after) for _, after in seeds))
        for name, seeds in branches.items()
    ]
    return conclude(Comparison("greedy", pairs, control="control", seed=0, resamples=2000), None)


STILL = [(0.2, 0.2), (0.2, 0.25), (0.2, 0.2)]
ROSE = [(0.3, 0.8), (0.3, 0.85), (0.3, 0.8)]
FELL = [(0.6, 0.5), (0.6, 0.45), (0.6, 0.5)]


def test_three_seeds_that_agree_make_a_yes():
    found = verdict(control=STILL, long=ROSE, short=ROSE)
    assert (found.answer, found.exceptions) == ("yes", "")
    assert found.by_seed == (0.5, 0.5, 0.5)
    # Each has an interval of its own, and the control's holds zero.
    assert "accuracy rose by 51.7 points on the mid-trained branches in their mean (95" in found.statement
    assert re.search(
        r"and it changed by \+1.7 points on the control \(95\D* interval .*, cannot be told from zero\):",
        (found.statement),
    )
    assert "over 3 training seeds, which by themselves give +50.0, +50.0, +50.0" in found.statement


def test_branches_that_gain_less_than_the_control_make_a_no():
    found = verdict(control=ROSE, long=STILL, short=STILL)
    assert (found.answer, found.exceptions) == ("no", "")
    assert "the branches gained 50.0 points less" in found.statement


def test_seeds_that_disagree_leave_what_problems_alone_would_have_decided_untold():
    # On each seed by itself hundreds of answers tell; together they point everywhere.
    apart = [(0.3, 0.9), (0.3, 0.25), (0.3, 0.5)]
    found = verdict(control=STILL, long=apart)
    assert found.answer == "cannot be told"
    assert found.difference.value == pytest.approx(0.2333, abs=0.001)
    assert "includes zero: whether mid-training changed what reinforcement learning gains cannot be told" in (
        found.statement
    )
    one = verdict(control=STILL[:1], long=apart[:1])
    assert one.answer == "yes"
    assert "seeds" not in one.statement


def test_without_a_branch_or_a_problem_nothing_is_measured():
    assert verdict(control=STILL).answer == "not measured"
    assert verdict(control=STILL).exceptions == ""


def test_a_branch_that_falls_is_in_the_answers_own_sentence():
    found = verdict(control=STILL, long=ROSE, short=ROSE, hybrid=FELL)
    assert found.answer == "yes"
    assert found.exceptions.startswith("hybrid fell by 11.7 points (95")
    assert "less than" not in found.exceptions, "a fall is said once"
    assert verdict(control=FELL, long=ROSE).exceptions.startswith("the control fell by 11.7 points")
    untold = verdict(control=STILL, long=[(0.3, 0.9), (0.3, 0.3), (0.3, 0.5)], short=FELL)
    assert untold.answer == "cannot be told"
    assert untold.exceptions.startswith("short fell by 11.7 points")


def test_a_branch_that_points_the_other_way_is_in_the_answers_own_sentence():
    slow = [(0.3, 0.35), (0.3, 0.4), (0.3, 0.35)]
    some = [(0.2, 0.4), (0.2, 0.45), (0.2, 0.4)]
    found = verdict(control=some, long=ROSE, short=ROSE, hybrid=slow)
    assert found.answer == "yes"
    assert found.exceptions.startswith("hybrid gained 15.0 points less than the control (95")
    still = [(0.2, 0.1), (0.2, 0.15), (0.2, 0.1)]
    turned = verdict(control=some, long=STILL, short=still, hybrid=[(0.3, 0.7), (0.3, 0.75), (0.3, 0.7)])
    assert turned.answer == "no"
    assert "hybrid gained 20.0 points more than the control (95" in turned.exceptions
    unsure = verdict(control=some, long=STILL, short=STILL, hybrid=[(0.3, 0.6), (0.3, 0.65), (0.3, 0.6)])
    assert unsure.answer == "no"
    assert unsure.exceptions.startswith("hybrid gained +10.0 points beyond the control (95")
    assert unsure.exceptions.endswith("cannot be told from zero)")


def branch(name: str, *, equal_groups: float | None) -> Branch:
    measure = Measure(before=Estimate(), after=Estimate(), gain=Estimate(), over_control=None, problems=0)
    return Branch(
        name=name,
        control=name == "control",
        greedy=measure,
        sampled=None,
        samples_per_problem=0,
        pass_at_k=(),
        unreached=0,
        shortage="",
        mean_length_before=None,
        mean_length_after=None,
        training=Curve(steps=(1,), steps_per_point=1, values={"zero_variance_groups": (equal_groups,)}),
        examples=(),
    )


def model(name: str, tokens: float, *, before: float = 1000.0) -> Model:
    return Model(
        stage=f"decay-{name}",
        key=name,
        continues="",
        branch=name,
        tokens_before=before,
        final_loss=None,
        curve=Curve(steps=(1,), steps_per_point=1, values={"tokens": (tokens,)}),
    )


@pytest.mark.parametrize(
    ("tokens", "equal_groups", "said"),
    [
        (
            2000.0,
            0.4,
            ("Equal tokens: the control saw 3\u202f000", "60\u202f% of the groups of the control had different"),
        ),
        (0.0, 0.97, ("Not equal tokens: the control saw 33\u202f% of", "had next to nothing to learn from")),
        (None, 1.0, ("None of the training here was the control's", "0\u202f% of the groups")),
    ],
)
def test_the_controls_chances_are_said(tokens: float | None, equal_groups: float, said: tuple[str, str]):
    branches = [branch("control", equal_groups=equal_groups), branch("long", equal_groups=0.5)]
    models = [model("long", 2000.0), *([] if tokens is None else [model("control", tokens)])]
    told = chances_of("control", models, branches)
    assert len(told) == 2
    for sentence, part in zip(told, said, strict=True):
        assert part in sentence


def test_without_a_control_nothing_is_said_of_its_chances():
    assert chances_of("", [model("long", 1.0)], [branch("long", equal_groups=0.1)]) == ()
    assert chances_of("control", [], [branch("control", equal_groups=None)]) == ()


def test_a_report_reads_every_seed_of_an_evaluation_and_averages_them():
    synthetic = replace(Synthetic(), problems=60, samples=2, num_seeds=3)
    made = build(synthetic)
    results = finish(made, synthetic)
    assert len(results.verdict.by_seed) == 3
    assert results.verdict.difference.value == pytest.approx(sum(results.verdict.by_seed) / 3, abs=1e-5)
    assert "over 3 training seeds, which by themselves give" in headline(made.store, made.run_id)
    trained = [read_metrics(made.artifacts["rl-long"].read(part), origin="") for part in of_training(made)]
    assert len(trained) == 3
    (long,) = (each for each in results.branches if each.name == "long")
    reward = long.training.values["reward"][0]
    assert reward == pytest.approx(sum(lines[0]["reward"] for lines in trained) / 3)
    assert "Intervals cover 3 training seeds" in render_page(made.store, made.run_id)


def of_training(made: Builder) -> tuple[Part, ...]:
    return made.artifacts["rl-long"].parts("metrics.jsonl")
