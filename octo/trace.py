"""Reading a run's spans: the tree they form, what is missing in it, and the path that decided when the run ended."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from octo.errors import IntegrityError

Value = str | bool | int | float | tuple["Value", ...] | None


class Link(NamedTuple):
    """A span, maybe of another trace, that this one builds on."""

    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Span:
    """One piece of work. Times are nanoseconds since 1970; ids are hexadecimal, a root's `parent_id` is empty."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    end: int
    stage: str = ""
    """The stage whose process wrote the span."""
    attributes: Mapping[str, Value] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    status: Literal["unset", "ok", "error"] = "unset"
    message: str = ""
    """What went wrong, where the status is `error`."""
    unfinished: bool = False
    """Open when its process last wrote: `end` is what is known, not what was."""

    @property
    def duration(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


@dataclass(frozen=True)
class Node:
    """A span and those begun within it, in the order in which they began."""

    span: Span
    children: tuple["Node", ...]


@dataclass(frozen=True)
class Segment:
    """A piece of the critical path: from `start` to `end` the run waited for this span itself, not for a child of it.

    `waiting` says that the span had not begun: its inputs were there, and it still had to be started.
    """

    span: Span
    start: int
    end: int
    waiting: bool = False

    @property
    def duration(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


def load_spans(lines: Iterable[bytes]) -> tuple[Span, ...]:
    """The spans in lines of OTLP JSON, in the order in which they began; a later line replaces an earlier one's span.

    Raises:
        IntegrityError: a line is not OTLP JSON.
    """
    spans: dict[str, Span] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            request = json.loads(line)
            # The last line of a file that is read as it lies in the store is its seal.
            if request.keys() != {"seal"}:
                spans.update((span.span_id, span) for span in _decode(request))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"line {number} of the spans is not OTLP JSON: {error}") from error
    _outlast_children(spans)
    return tuple(sorted(spans.values(), key=lambda span: (span.start, span.end)))


def tree(spans: Sequence[Span]) -> tuple[Node, ...]:
    """The spans under their parents. A span whose parent is missing is a root, so that nothing is left out."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent_id if span.parent_id in known else ""].append(span)

    def grow(parent_id: str) -> tuple[Node, ...]:
        below = sorted(children[parent_id], key=lambda span: (span.start, span.end))
        return tuple(Node(span, grow(span.span_id) if span.span_id in children else ()) for span in below)

    return grow("")


def orphans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans that name a parent which is not among them."""
    known = {span.span_id for span in spans}
    return tuple(span for span in spans if span.parent_id and span.parent_id not in known)


def critical_path(spans: Sequence[Span]) -> tuple[Segment, ...]:
    """What the run was waiting for at every moment, from its start to its end, without a gap or an overlap.

    It is found backwards from the end of the root that ended last. What a span waited for last is its child that ended
    last. Before that child stands the sibling whose output it needed, as a link tells (of several, the last to end);
    without a link, the sibling that was the last to end before it began, as when shards queue for a worker. Time
    between two of them is `waiting` when a link tells what came before, otherwise the parent's own.
    """
    roots = tree(spans)
    if not roots:
        return ()
    root = max(roots, key=lambda node: node.span.end)
    backwards = _walk(root, root.span.start, root.span.end, _needs(spans))
    return tuple(segment for segment in backwards if segment.duration > 0)[::-1]


def _walk(node: Node, since: int, until: int, needs: Mapping[str, set[str]]) -> Iterator[Segment]:
    """The segments of a span and of those below it, the last one first; clipped to the time given."""
    siblings = {child.span.span_id: child for child in node.children}
    by_end = iter(sorted(node.children, key=lambda child: child.span.end, reverse=True))
    cursor = until
    waiting_for: Span | None = None
    child = next((child for child in by_end if child.span.start < cursor), None)
    while child is not None and cursor > since:
        end, start = min(child.span.end, cursor), max(child.span.start, since)
        if end <= since:
            break
        yield Segment(waiting_for or node.span, end, cursor, waiting=waiting_for is not None)
        yield from _walk(child, start, end, needs)
        cursor = start
        needed = [siblings[span_id] for span_id in needs.get(child.span.span_id, ()) if span_id in siblings]
        needed = [sibling for sibling in needed if sibling.span.start < cursor]
        waiting_for = child.span if needed else None
        child = max(needed, key=lambda sibling: sibling.span.end) if needed else _last_before(by_end, cursor)
    yield Segment(node.span, since, cursor)


def _last_before(by_end: Iterator[Node], cursor: int) -> Node | None:
    # The cursor only ever falls, so what has been passed over need not be looked at again.
    return next((node for node in by_end if node.span.end <= cursor and node.span.start < cursor), None)


def _needs(spans: Sequence[Span]) -> dict[str, set[str]]:
    """Which spans a span needed first, as told by links.

    A link may go from deep in one stage to deep in another: the two that meet under a common ancestor depend on each
    other.
    """
    by_id = {span.span_id: span for span in spans}
    needs: dict[str, set[str]] = defaultdict(set)
    for span in spans:
        for link in span.links:
            if link.span_id not in by_id:
                continue
            after, before = _lineage(span, by_id), _lineage(by_id[link.span_id], by_id)
            shared = sum(1 for one, other in zip(after, before, strict=False) if one == other)
            if 0 < shared < min(len(after), len(before)):
                needs[after[shared]].add(before[shared])
    return needs


def _lineage(span: Span, by_id: Mapping[str, Span]) -> list[str]:
    """The span's id after those of its ancestors, the root's first."""
    ids = [span.span_id]
    while (parent := by_id.get(span.parent_id)) is not None and parent.span_id not in ids:
        ids.append(parent.span_id)
        span = parent
    return ids[::-1]


def _outlast_children(spans: dict[str, Span]) -> None:
    """Let an unfinished span last until its children's ends: its process may have been killed before theirs."""
    for span in list(spans.values()):
        for ancestor_id in _lineage(span, spans)[-2::-1]:
            ancestor = spans[ancestor_id]
            if not ancestor.unfinished:
                break
            if ancestor.end < span.end:
                spans[ancestor_id] = replace(ancestor, end=span.end)


def _decode(request: Mapping[str, Any]) -> Iterator[Span]:
    for resource_spans in request["resourceSpans"]:
        stage = _attributes(resource_spans.get("resource", {})).get("octo.stage", "")
        for scope_spans in resource_spans["scopeSpans"]:
            for encoded in scope_spans["spans"]:
                yield _span(encoded, stage=str(stage))


def _span(encoded: Mapping[str, Any], *, stage: str) -> Span:
    attributes = _attributes(encoded)
    start = int(encoded["startTimeUnixNano"])
    status = encoded.get("status", {})
    return Span(
        name=encoded["name"],
        trace_id=encoded["traceId"],
        span_id=encoded["spanId"],
        parent_id=encoded.get("parentSpanId", ""),
        start=start,
        # A clock that was set back in between makes no negative time.
        end=max(start, int(encoded["endTimeUnixNano"])),
        stage=stage,
        attributes=attributes,
        links=tuple(Link(link["traceId"], link["spanId"]) for link in encoded.get("links", ())),
        status=_STATUS[status.get("code", 0)],
        message=status.get("message", ""),
        unfinished=bool(attributes.get("octo.unfinished", False)),
    )


_STATUS: Mapping[int, Literal["unset", "ok", "error"]] = {0: "unset", 1: "ok", 2: "error"}


def _attributes(encoded: Mapping[str, Any]) -> dict[str, Value]:
    return {each["key"]: _value(each["value"]) for each in encoded.get("attributes", ())}


def _value(encoded: Mapping[str, Any]) -> Value:
    match encoded:
        case {"stringValue": str(text)}:
            return text
        case {"boolValue": bool(flag)}:
            return flag
        case {"intValue": whole}:
            return int(whole)
        case {"doubleValue": number}:
            return float(number)
        case {"arrayValue": array}:
            return tuple(_value(each) for each in array.get("values", ()))
    return None
