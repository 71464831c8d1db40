import io
from datetime import UTC, datetime, timedelta

import pytest

from octo.pipelines.display import LineDisplay, duration_text, stage_line, stage_table
from octo.pipelines.state import StageState, Status
from octo.terminal import Console

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def state(status: Status, **changes: object) -> StageState:
    given = {"started_at": NOW - timedelta(seconds=75), "ended_at": None}
    return StageState("stable", "midtraining", status, **(given | changes))


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(seconds=4.24), "4.2 s"),
        (timedelta(seconds=190), "3 min 10 s"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=3, hours=4), "3 d 4 h"),
    ],
)
def test_a_duration_is_said_in_its_two_largest_units(duration: timedelta, text: str) -> None:
    assert duration_text(duration) == text


def test_a_cached_stage_is_shown_with_its_age() -> None:
    cached = state(Status.CACHED, committed_at=NOW - timedelta(hours=5, minutes=3))
    assert stage_line(cached, now=NOW) == "stable: cached, committed 5 h 3 min ago"


def test_a_failed_stage_says_why() -> None:
    failed = state(Status.FAILED, ended_at=NOW, message="the store is full")
    assert stage_line(failed, now=NOW) == "stable: failed after 1 min 15 s: the store is full"


def test_a_running_stage_has_a_bar_its_count_and_its_figures() -> None:
    running = state(Status.RUNNING, done=40, total=160, unit="steps", figures={"loss": 2.3456})
    console = Console(file=io.StringIO(), width=90, color_system=None)
    console.print(stage_table([running], now=NOW))
    drawn = console.file.getvalue()
    assert "40/160 steps  loss 2.35" in drawn
    assert "━" in drawn
    assert "1 min 15 s" in drawn


def test_a_log_says_no_more_than_a_line_a_minute_between_the_changes() -> None:
    console = Console(file=io.StringIO(), width=90)
    display = LineDisplay(console)
    for _ in range(100):
        display.show([state(Status.RUNNING, done=1, total=2, unit="steps")])
    assert console.file.getvalue() == ""
