import io
from dataclasses import replace

import pytest

from octo.terminal import Console
from octo.trace import Link, Span
from octo.waterfall import duration_text, render_critical_path, render_tree

SECOND = 1_000_000_000
TRACE = "ab" * 16


@pytest.fixture
def spans() -> list[Span]:
    """A run of two stages: twelve quick shards, then 400 steps of which one failed."""
    spans = [
        Span("octo.run", TRACE, "run", "", 0, 100 * SECOND, "runner"),
        Span("octo.curation", TRACE, "curation", "run", 0, 24 * SECOND, "corpus"),
        Span("octo.rl", TRACE, "rl", "run", 30 * SECOND, 95 * SECOND, "rl-long", links=(Link(TRACE, "curation"),)),
    ]
    for index in range(12):
        start, end = 2 * index * SECOND, 2 * (index + 1) * SECOND
        spans += [
            Span("octo.curation.shard", TRACE, f"shard-{index}", "curation", start, end, "corpus"),
            Span("octo.storage.commit", TRACE, f"commit-{index}", f"shard-{index}", end - SECOND, end, "corpus"),
        ]
    for index in range(400):
        start = 31 * SECOND + index * SECOND // 8
        step = Span("octo.rl.step", TRACE, f"step-{index}", "rl", start, start + SECOND // 10, "rl-long")
        spans.append(replace(step, status="error") if index == 399 else step)
    return spans


def lines(renderable: object, width: int) -> list[str]:
    console = Console(width=width, file=io.StringIO(), force_terminal=False, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def row(shown: list[str], text: str) -> list[str]:
    (found,) = (each for each in shown if text in each)
    return found.split()


@pytest.mark.parametrize("width", [80, 140])
def test_many_like_siblings_are_one_line_with_total_median_and_longest(spans: list[Span], width: int) -> None:
    shown = lines(render_tree(spans), width)
    label, figures = ["octo.rl.step", "x400", "1", "failed"], ["40.0", "s", "100", "ms", "100", "ms"]
    assert row(shown, "octo.rl.step x400")[1:11] == [*label, *figures]
    assert "octo.storage.commit x12" in "\n".join(shown)
    assert max(len(each) for each in shown) <= width
    assert len(shown) < 15


@pytest.mark.parametrize("width", [80, 140])
def test_the_tree_shows_each_stage_where_it_differs_from_what_is_around_it(spans: list[Span], width: int) -> None:
    shown = lines(render_tree(spans), width)
    assert row(shown, "octo.curation ")[:4] == ["├─", "octo.curation", "corpus", "24.0"]
    assert "corpus" not in row(shown, "octo.curation.shard")


def test_few_siblings_are_shown_one_by_one_with_their_index() -> None:
    root = Span("octo.curation", TRACE, "job", "", 0, 9)
    shards = [Span("octo.curation.shard", TRACE, str(i), "job", i, i + 1, attributes={"octo.index": i}) for i in (0, 1)]
    shown = lines(render_tree([root, *shards]), 80)
    assert row(shown, "shard 0")[:3] == ["├─", "octo.curation.shard", "0"]
    assert row(shown, "shard 1")[:3] == ["└─", "octo.curation.shard", "1"]


def test_the_time_line_marks_what_the_run_was_waiting_for() -> None:
    root = Span("octo.run", TRACE, "run", "", 0, 100)
    quick = Span("octo.evaluation", TRACE, "quick", "run", 0, 50)
    slow = Span("octo.rl", TRACE, "slow", "run", 0, 100)
    shown = lines(render_tree([root, quick, slow]), 80)
    assert set(row(shown, "octo.evaluation")[-1]) == {"─"}
    assert set(row(shown, "octo.rl")[-1]) == {"█"}


def test_what_failed_is_said_once_at_the_innermost_span_and_in_full() -> None:
    message = "InvariantError: steps done 399, planned 400, which is a sentence that needs more than a line of 80\nmore"
    root = Span("octo.run", TRACE, "run", "", 0, 9, status="error", message=message)
    job = Span("octo.rl", TRACE, "rl", "run", 0, 9, "rl-long", status="error", message=message)
    shown = " ".join(" ".join(lines(render_tree([root, job]), 80)).split())
    assert shown.count("failed: ") == 1
    assert "failed: octo.rl rl-long: InvariantError: steps done 399, planned 400, which is a sentence" in shown


def test_of_many_failures_a_few_are_named() -> None:
    failed = [Span("octo.rl.rollout", TRACE, str(i), "", 0, 9, status="error", message="no answer") for i in range(9)]
    shown = lines(render_tree(failed), 80)
    assert sum("no answer" in each for each in shown) == 6
    assert shown[-1] == "failed: 3 more"


def test_unfinished_spans_and_orphans_are_said() -> None:
    root = Span("octo.run", TRACE, "run", "", 0, 9, unfinished=True)
    lost = Span("octo.rl", TRACE, "rl", "gone", 0, 9)
    shown = lines(render_tree([root, lost]), 80)
    assert row(shown, "octo.run")[:2] == ["octo.run", "unfinished"]
    assert "spans without their parent in the trace: 1, first octo.rl" in shown


@pytest.mark.parametrize("width", [80, 140])
def test_the_critical_path_is_shown_by_stage_and_sums_to_the_run(spans: list[Span], width: int) -> None:
    shown = lines(render_critical_path(spans), width)
    assert row(shown, "runner")[:4] == ["runner", "5.00", "s", "5.0%"]
    assert row(shown, "corpus")[:4] == ["corpus", "24.0", "s", "24.0%"]
    assert row(shown, "rl-long")[:4] == ["rl-long", "1m", "11s", "71.0%"]
    assert row(shown, "waiting to start")[:5] == ["waiting", "to", "start", "6.00", "s"]
    assert row(shown, "octo.rl.step")[:4] == ["octo.rl.step", "x400", "40.0", "s"]


def test_no_spans_are_said_to_be_none() -> None:
    assert lines(render_tree([]), 80) == ["no spans"]
    assert lines(render_critical_path([]), 80) == ["no spans"]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 us"),
        (850_000, "850 us"),
        (12_340_000, "12.3 ms"),
        (999_900_000, "1.00 s"),
        (9_996 * SECOND // 1000, "10.0 s"),
        (59_960 * SECOND // 1000, "1m 00s"),
        (725 * SECOND, "12m 05s"),
        (12_000 * SECOND, "3h 20m"),
    ],
)
def test_durations_are_short_and_do_not_round_past_their_unit(nanoseconds: int, text: str) -> None:
    assert duration_text(nanoseconds) == text
