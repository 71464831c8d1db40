import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo import telemetry
from octo.errors import IntegrityError
from octo.trace import Link, Node, Span, critical_path, load_spans, orphans, tree

TRACE = "ab" * 16


def span(name: str, start: int, end: int, *, within: str = "", after: Sequence[str] = (), **more: Any) -> Span:
    """A span whose id is its name."""
    links = tuple(Link(TRACE, producer) for producer in after)
    return Span(name, TRACE, name, within, start, end, links=links, **more)


def path_of(*spans: Span) -> list[tuple[str, int]]:
    """Who the run was waiting for, and how long; an asterisk marks one that had not begun."""
    return [(segment.span.name + "*" * segment.waiting, segment.duration) for segment in critical_path(spans)]


def line(*spans: dict[str, Any], stage: str = "curation") -> bytes:
    resource = {"attributes": [{"key": "octo.stage", "value": {"stringValue": stage}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}).encode()


def encoded(span_id: str, **more: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": "10", "endTimeUnixNano": "20"}
    return {"traceId": TRACE, "spanId": span_id, "name": "octo.curation", **times, **more}


def test_what_telemetry_writes_is_read_back() -> None:
    files: list[bytes] = []
    traced = telemetry.start(service="decay-long", run_id="run", sink=files.append)
    attributes: dict[str, Any] = {
        "octo.text": "é",
        "octo.flag": True,
        "octo.count": 2**62,
        "octo.loss": 2.5,
        "octo.names": ["a", "b"],
    }
    with (
        pytest.raises(ValueError, match="no"),
        traced.span("octo.midtraining", attributes, [telemetry.SpanRef("1" * 32, "2" * 16)]) as written,
    ):
        raise ValueError("no")
    traced.shutdown()
    (read,) = load_spans(files[-1].splitlines())
    assert (read.name, read.trace_id, read.span_id) == ("octo.midtraining", written.trace_id, written.span_id)
    assert read.attributes == {**attributes, "octo.names": ("a", "b")}
    assert read.links == (Link("1" * 32, "2" * 16),)
    assert (read.status, read.message) == ("error", "ValueError: no")
    assert (read.stage, read.parent_id, read.unfinished) == ("decay-long", "", False)
    assert 0 < read.start <= read.end


def test_numbers_that_json_cannot_hold_are_read_back() -> None:
    attributes = [{"key": "octo.loss", "value": {"doubleValue": "Infinity"}}, {"key": "octo.none", "value": {}}]
    (read,) = load_spans([line(encoded("a", attributes=attributes))])
    assert read.attributes == {"octo.loss": float("inf"), "octo.none": None}


def test_of_two_lines_about_a_span_the_last_one_counts() -> None:
    open_still = encoded("a", attributes=[{"key": "octo.unfinished", "value": {"boolValue": True}}])
    (read,) = load_spans([line(open_still), b"", line(encoded("a", endTimeUnixNano="30"))])
    assert (read.end, read.unfinished) == (30, False)


def test_spans_come_in_the_order_in_which_they_began() -> None:
    spans = load_spans([line(encoded("b", startTimeUnixNano="15"), encoded("a"))])
    assert [each.span_id for each in spans] == ["a", "b"]


def test_an_unfinished_span_lasts_at_least_as_long_as_its_children() -> None:
    unfinished = [{"key": "octo.unfinished", "value": {"boolValue": True}}]
    child = encoded("child", parentSpanId="middle", endTimeUnixNano="90")
    middle = encoded("middle", parentSpanId="root", attributes=unfinished)
    spans = load_spans([line(encoded("root", attributes=unfinished), middle, child)])
    assert {each.span_id: each.end for each in spans} == {"root": 90, "middle": 90, "child": 90}
    spans = load_spans([line(encoded("root"), middle, child)])
    assert {each.span_id: each.end for each in spans} == {"root": 20, "middle": 90, "child": 90}


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    (read,) = load_spans([line(encoded("a", startTimeUnixNano="100"))])
    assert read.duration == 0


@pytest.mark.parametrize(
    "bad", [b"{", b"[]", b"{}", b'{"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}', b"\xff"]
)
def test_a_line_that_is_no_span_is_named(bad: bytes) -> None:
    with pytest.raises(IntegrityError, match="line 2 of the spans"):
        load_spans([line(encoded("a")), bad])


def test_the_tree_holds_every_span_under_its_parent_in_order() -> None:
    run, first, second = span("run", 0, 9), span("a", 1, 3, within="run"), span("b", 4, 8, within="run")
    shard = span("shard", 5, 6, within="b")
    assert tree([shard, second, first, run]) == (Node(run, (Node(first, ()), Node(second, (Node(shard, ()),)))),)


def test_a_span_whose_parent_is_missing_is_an_orphan_and_stays_in_the_tree() -> None:
    run, lost, below = span("run", 0, 9), span("lost", 1, 3, within="gone"), span("below", 1, 2, within="lost")
    assert orphans([run, lost, below]) == (lost,)
    assert tree([run, lost, below]) == (Node(run, ()), Node(lost, (Node(below, ()),)))


def test_no_spans_have_no_path() -> None:
    assert critical_path([]) == ()


def test_a_span_without_children_is_its_own_path() -> None:
    assert path_of(span("run", 5, 12)) == [("run", 7)]


def test_of_siblings_side_by_side_the_one_that_ended_last_was_waited_for() -> None:
    spans = span("run", 0, 10), span("quick", 0, 6, within="run"), span("slow", 1, 9, within="run")
    assert path_of(*spans) == [("run", 1), ("slow", 8), ("run", 1)]


def test_shards_that_queue_for_workers_are_followed_back_through_their_worker() -> None:
    shards = [
        span("a", 0, 4, within="job"),
        span("b", 0, 7, within="job"),
        span("c", 4, 9, within="job"),
        span("d", 9, 12, within="job"),
        span("e", 7, 11, within="job"),
    ]
    assert path_of(span("job", 0, 12), *shards) == [("a", 4), ("c", 5), ("d", 3)]


def test_stages_are_followed_back_through_the_producer_that_ended_last_and_gaps_are_waiting() -> None:
    stages = [
        span("documents", 1, 10, within="run"),
        span("questions", 1, 14, within="run"),
        span("corpus", 12, 30, within="run", after=["documents"]),
        span("unrelated", 14, 31, within="run", after=["questions"]),
        span("tokens", 33, 40, within="run", after=["corpus", "questions"]),
    ]
    assert path_of(span("run", 0, 42), *stages) == [
        ("run", 1),
        ("documents", 9),
        ("corpus*", 2),
        ("corpus", 18),
        ("tokens*", 3),
        ("tokens", 7),
        ("run", 2),
    ]


def test_a_link_deep_in_one_stage_to_deep_in_another_makes_the_stages_depend() -> None:
    spans = [
        span("run", 0, 20),
        span("first", 0, 5, within="run"),
        span("writer", 1, 4, within="first"),
        span("noise", 5, 9, within="run"),
        span("second", 10, 20, within="run"),
        span("reader", 11, 19, within="second", after=["writer"]),
    ]
    assert path_of(*spans) == [
        ("first", 1),
        ("writer", 3),
        ("first", 1),
        ("second*", 5),
        ("second", 1),
        ("reader", 8),
        ("second", 1),
    ]


def test_links_to_other_runs_and_to_an_ancestor_are_passed_over() -> None:
    spans = span("run", 0, 9), span("stage", 2, 9, within="run", after=["elsewhere", "run", "stage"])
    assert path_of(*spans) == [("run", 2), ("stage", 7)]


def test_a_producer_whose_clock_runs_late_is_cut_where_its_reader_begins() -> None:
    stages = span("first", 0, 6, within="run"), span("second", 5, 9, within="run", after=["first"])
    assert path_of(span("run", 0, 9), *stages) == [("first", 5), ("second", 4)]


def test_a_resumed_run_is_explained_by_its_last_attempt() -> None:
    first = span("run", 0, 10, unfinished=True)
    again = replace(first, span_id="again", name="again", start=20, end=30)
    spans = first, span("a", 1, 9, within="run"), again, span("b", 22, 30, within="again", after=["a"])
    assert path_of(*spans) == [("again", 2), ("b", 8)]


def test_a_child_that_outlives_its_parent_is_cut_off_there() -> None:
    assert path_of(span("run", 0, 9), span("stage", 3, 15, within="run")) == [("run", 3), ("stage", 6)]


@given(
    shapes=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(0, 99)), max_size=25),
    links=st.lists(st.tuples(st.integers(1, 25), st.integers(1, 25)), max_size=15),
)
def test_whatever_the_spans_the_path_covers_the_run_without_gap_or_overlap(
    shapes: list[tuple[int, int, int]], links: list[tuple[int, int]]
) -> None:
    spans = [span("0", 10, 70)]
    for start, duration, parent in shapes:
        name = str(len(spans))
        after = [str(producer) for reader, producer in links if reader == len(spans)]
        spans.append(span(name, start, start + duration, within=str(parent % len(spans)), after=after))
    path = critical_path(spans)
    times = [(segment.start, segment.end) for segment in path]
    assert [start for start, _ in times] == [10, *(end for _, end in times[:-1])]
    assert times[-1][1] == 70
