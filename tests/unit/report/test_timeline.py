from datetime import timedelta

from octo.report.timeline import StageTime, bars, critical_stages, inside_stages, timeline
from octo.trace import Span
from tests.unit.report.synthetic import BEGAN


def stage(name: str, start: float, end: float, *needs: str, own: bool = True, state: str = "done") -> StageTime:
    began, ended = BEGAN + timedelta(seconds=start), BEGAN + timedelta(seconds=end)
    return StageTime(name, "curation", state, needs, began, ended, own)


def test_the_critical_chain_goes_back_along_the_input_that_ended_last():
    stages = [stage("a", 0, 5), stage("b", 0, 9), stage("c", 9, 12, "a", "b"), stage("d", 9, 11, "b")]
    assert critical_stages(stages) == {"b", "c"}


def test_a_long_pause_between_two_attempts_is_cut_out():
    drawn, pauses = bars([stage("a", 0, 100), stage("b", 90_000, 90_050, "a")])
    assert [(bar.start, bar.end) for bar in drawn] == [(0, 100), (100, 150)]
    assert pauses == ((100, 89_900),)


def test_a_short_wait_is_not_cut_out():
    drawn, pauses = bars([stage("a", 0, 100), stage("b", 120, 150, "a")])
    assert [(bar.start, bar.end) for bar in drawn] == [(0, 100), (120, 150)]
    assert pauses == ()


def test_what_another_run_made_has_no_bar():
    drawn, _ = bars([stage("a", 0, 100, own=False, state="cached"), stage("b", 200, 210, "a")])
    assert [(bar.stage.stage, bar.start, bar.end) for bar in drawn] == [("b", 0, 10)]


def test_a_run_that_found_everything_done_has_no_figure():
    assert timeline([stage("a", 0, 100, own=False, state="cached")]) is None


def test_a_stage_that_has_not_ended_has_no_bar():
    running = StageTime("b", "rl", "running", ("a",), BEGAN, None, own=True)
    drawn, _ = bars([stage("a", 0, 10), running])
    assert [bar.stage.stage for bar in drawn] == ["a"]


def test_spans_tell_what_a_stage_spent_its_time_on():
    steps = [
        Span("octo.rl.step", "t", f"s{number}", "", start=number, end=number + 3_000_000_000, stage="rl-long")
        for number in range(4)
    ]
    rollout = Span("octo.rl.rollout", "t", "r", "", start=0, end=1_500_000_000, stage="rl-long")
    commit = Span("octo.storage.commit", "t", "c", "", start=0, end=900_000_000, stage="rl-long")
    shard = Span("octo.rl.shard", "t", "d", "", start=0, end=12_000_000_000, stage="rl-long")
    root = Span("octo.rl", "t", "root", "", start=0, end=9, stage="rl-long")
    spent = inside_stages([root, shard, *steps, rollout, commit])["rl-long"].replace("\N{NO-BREAK SPACE}", " ")
    assert spent == "4 \N{MULTIPLICATION SIGN} step 12 s, 1 \N{MULTIPLICATION SIGN} rollout 1.5 s"
