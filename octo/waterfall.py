"""A run's spans on a terminal: as a tree beside a time line, and as the list of what the run was waiting for."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult  # noqa: TID251 - of rich's protocol
from rich.measure import Measurement
from rich.segment import Segment as Cell
from rich.style import Style
from rich.table import Table
from rich.text import Text

from octo.trace import Node, Segment, Span, critical_path, orphans, tree

MANY = 6
"""More siblings than this that do the same are shown as one line."""
SMALL_SHARE = 0.01
"""What took less of the critical path than this is shown in its stage's sum only."""

Interval = tuple[int, int]


def render_tree(spans: Sequence[Span]) -> RenderableType:
    """The tree, one line a span or a group of like siblings, with the critical path marked on the time line."""
    if not spans:
        return Text("no spans")
    critical: Mapping[str, list[Interval]] = defaultdict(list)
    for segment in critical_path(spans):
        if not segment.waiting:
            critical[segment.span.span_id].append((segment.start, segment.end))
    window = (min(span.start for span in spans), max(span.end for span in spans))
    table = _table("span", "time", "median", "max", window=window)
    for row in _rows(_groups(tree(spans), merge=False), guide="", stage=""):
        durations = [span.duration for span in row.spans]
        single = len(durations) == 1
        table.add_row(
            row.label,
            duration_text(sum(durations)),
            "" if single else duration_text(int(median(durations))),
            "" if single else duration_text(max(durations)),
            _Bar(
                window,
                spans=[(span.start, span.end) for span in row.spans],
                marks=[interval for span in row.spans for interval in critical[span.span_id]],
            ),
        )
    return Group(_summary(spans, window), table, *_notes(spans))


def render_critical_path(spans: Sequence[Span]) -> RenderableType:
    """The critical path by stage, in the order of time: how long the run waited for each kind of span."""
    path = critical_path(spans)
    if not path:
        return Text("no spans")
    total = sum(segment.duration for segment in path)
    window = (path[0].start, path[-1].end)
    table = _table("waited for", "time", "share", window=window)

    def add_row(label: Text, segments: Sequence[Segment]) -> None:
        spent = sum(segment.duration for segment in segments)
        intervals = [(segment.start, segment.end) for segment in segments]
        table.add_row(label, duration_text(spent), f"{spent / total:.1%}", _Bar(window, spans=[], marks=intervals))

    stages: Mapping[str, list[Segment]] = defaultdict(list)
    for segment in path:
        stages[segment.span.stage].append(segment)
    for stage, segments in stages.items():
        add_row(Text(stage, style="bold"), segments)
        for label, same in _by_kind(segments):
            if sum(segment.duration for segment in same) >= total * SMALL_SHARE:
                add_row(label, same)
    return Group(_summary(spans, window), table)


def duration_text(nanoseconds: int) -> str:
    """At most seven characters: `850 us`, `12.3 ms`, `4.56 s`, `12m 05s`, `3h 20m`."""
    seconds = nanoseconds / 1_000_000_000
    if seconds < 0.001:
        return f"{nanoseconds / 1000:.0f} us"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


@dataclass(frozen=True)
class _Row:
    label: Text
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class _Bar:
    """The time line of one row: a thin line where its spans were, a block where the run was waiting for them."""

    window: Interval
    spans: Sequence[Interval]
    marks: Sequence[Interval]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        busy, marked = self._cells(self.spans, options.max_width), self._cells(self.marks, options.max_width)
        for column in range(options.max_width):
            if column in marked:
                yield Cell("█", Style(color="yellow"))
            elif column in busy:
                yield Cell("─", Style(color="cyan"))
            else:
                yield Cell(" ")

    def __rich_measure__(self, _console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(8, options.max_width)

    def _cells(self, intervals: Iterable[Interval], width: int) -> set[int]:
        since, until = self.window
        scale = width / max(until - since, 1)
        cells: set[int] = set()
        for start, end in intervals:
            first = min(int((start - since) * scale), width - 1)
            cells.update(range(first, max(first + 1, math.ceil((end - since) * scale))))
        return cells


def _rows(groups: Sequence[tuple[Node, ...]], *, guide: str, stage: str) -> Iterator[_Row]:
    for position, nodes in enumerate(groups):
        spans = tuple(node.span for node in nodes)
        if not spans[0].parent_id:
            branch, below = "", ""
        elif position == len(groups) - 1:
            branch, below = "└─ ", "   "
        else:
            branch, below = "├─ ", "│  "
        own_stage = str(spans[0].attributes.get("octo.stage", spans[0].stage))
        label = Text(guide + branch, style="dim").append_text(_label(spans))
        yield _Row(label.append(f"  {own_stage}" if own_stage != stage else ""), spans)
        children = [child for node in nodes for child in node.children]
        yield from _rows(_groups(children, merge=len(nodes) > 1), guide=guide + below, stage=own_stage)


def _groups(nodes: Sequence[Node], *, merge: bool) -> list[tuple[Node, ...]]:
    """The nodes one by one, or together where many of them (with `merge`, any) do the same for the same stage."""
    alike: Mapping[tuple[str, str], list[Node]] = defaultdict(list)
    for node in nodes:
        alike[node.span.name, node.span.stage].append(node)
    groups: list[tuple[Node, ...]] = []
    for same in alike.values():
        groups += [tuple(same)] if merge or len(same) > MANY else [(node,) for node in same]
    return sorted(groups, key=lambda group: group[0].span.start)


def _label(spans: Sequence[Span]) -> Text:
    label = Text(spans[0].name, style="not dim")
    if len(spans) > 1:
        label.append(f" x{len(spans)}", style="bold")
    elif (index := spans[0].attributes.get("octo.index")) is not None:
        label.append(f" {index}")
    counts = {
        "failed": (sum(span.status == "error" for span in spans), "red"),
        "unfinished": (sum(span.unfinished for span in spans), "yellow"),
    }
    for what, (count, style) in counts.items():
        if count:
            label.append(f" {what}" if len(spans) == 1 else f" {count} {what}", style=style)
    return label


def _by_kind(segments: Sequence[Segment]) -> Iterator[tuple[Text, list[Segment]]]:
    """The segments of one stage by what was waited for."""
    kinds: Mapping[tuple[str, bool], list[Segment]] = defaultdict(list)
    for segment in segments:
        kinds[segment.span.name, segment.waiting].append(segment)
    for (name, waiting), same in kinds.items():
        count = len({segment.span.span_id for segment in same})
        label = Text("  waiting to start", style="yellow") if waiting else Text(f"  {name}")
        yield label.append(f" x{count}" if count > 1 else ""), same


def _table(*columns: str, window: Interval) -> Table:
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(columns[0], no_wrap=True, overflow="ellipsis")
    for column in columns[1:]:
        table.add_column(column, justify="right", no_wrap=True, min_width=7)
    table.add_column(f"0 to {duration_text(window[1] - window[0])}", ratio=1, min_width=16, no_wrap=True)
    return table


def _summary(spans: Sequence[Span], window: Interval) -> Text:
    traces = sorted({span.trace_id for span in spans})
    text = Text("trace " if len(traces) == 1 else f"{len(traces)} traces ", style="dim")
    text.append(", ".join(traces), style="not dim")
    return text.append(f"  {len(spans)} spans in {duration_text(window[1] - window[0])}")


def _notes(spans: Sequence[Span]) -> Iterator[Text]:
    yield Text("█ what the run was waiting for (the critical path)", style="dim")
    # Only the innermost: the spans around it failed of the same.
    around = {span.parent_id for span in spans if span.status == "error"}
    failed = [span for span in spans if span.status == "error" and span.span_id not in around]
    for span in failed[:MANY]:
        first_line = (span.message.splitlines() or ["no reason given"])[0]
        yield Text(f"failed: {span.name}  {span.stage}: {first_line}", style="red")
    if len(failed) > MANY:
        yield Text(f"failed: {len(failed) - MANY} more", style="red")
    if lost := orphans(spans):
        yield Text(f"spans without their parent in the trace: {len(lost)}, first {lost[0].name}", style="red")
