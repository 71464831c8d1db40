"""When each stage of a run worked: from the runner's records, the manifests and the spans to rows and a figure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from octo.report.drawing import INK, MUTED, PAPER, Drawing, figure, to_svg
from octo.report.text import duration
from octo.trace import Span

MAX_GAP_SHARE = 0.1
MIN_GAP_SECONDS = 30.0
MIN_SHOWN_NANOSECONDS = 1_000_000_000
COLOURS = {"done": "#0072b2", "failed": "#d55e00", "stopped": "#d55e00"}
"""Bars by state; what was made by another run has no bar."""


@dataclass(frozen=True)
class StageTime:
    """One stage of the run. Times are None where nothing of it happened, or it is not known."""

    stage: str
    job: str
    state: str
    """waiting, running, cached, done, failed or stopped."""
    needs: tuple[str, ...]
    started_at: datetime | None
    ended_at: datetime | None
    own: bool
    """Whether the work was done by this run, in this attempt or in an earlier one."""
    address: str = ""
    digest: str = ""
    message: str = ""
    inside: str = ""
    """What the stage spent its time on, by its spans."""

    @property
    def seconds(self) -> float | None:
        """How long the stage worked."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True)
class Bar:
    """A stage's place on an axis of seconds from which long pauses are cut out."""

    stage: StageTime
    start: float
    end: float
    critical: bool


def bars(stages: Sequence[StageTime]) -> tuple[tuple[Bar, ...], tuple[tuple[float, float], ...]]:
    """The stages that this run worked on, and where a pause was cut out: (place, seconds)."""
    worked = [(stage, stage.started_at, stage.ended_at) for stage in stages if stage.own]
    timed = [(stage, start, end) for stage, start, end in worked if start is not None and end is not None]
    if not timed:
        return (), ()
    origin = min(start for _, start, _ in timed)
    spans = [(stage, (start - origin).total_seconds(), (end - origin).total_seconds()) for stage, start, end in timed]
    pauses = _pauses([(start, end) for _, start, end in spans])

    def place(moment: float) -> float:
        return moment - sum(length for at, length in pauses if at < moment)

    critical = critical_stages([stage for stage, _, _ in timed])
    drawn = tuple(Bar(stage, place(start), place(end), stage.stage in critical) for stage, start, end in spans)
    return drawn, tuple((place(at), length) for at, length in pauses)


def critical_stages(stages: Sequence[StageTime]) -> frozenset[str]:
    """The chain of stages that the run's end waited for: from the last to end, always the input that ended last."""
    ended = {stage.stage: stage.ended_at for stage in stages if stage.ended_at is not None}
    needs = {stage.stage: stage.needs for stage in stages}
    chain: set[str] = set()
    candidates = list(ended)
    while candidates:
        latest = max(candidates, key=lambda name: (ended[name], name))
        chain.add(latest)
        candidates = [name for name in needs[latest] if name in ended and name not in chain]
    return frozenset(chain)


def inside_stages(spans: Sequence[Span]) -> Mapping[str, str]:
    """For each stage, how often and how long its kinds of inner work went on: `40 x step 31 s, 40 x rollout 22 s`."""
    seconds: dict[str, Counter[str]] = defaultdict(Counter)
    times: dict[str, Counter[str]] = defaultdict(Counter)
    for span in spans:
        kind = span.name.removeprefix("octo.").split(".")
        if span.stage and len(kind) > 1:
            seconds[span.stage][kind[-1]] += span.duration
            times[span.stage][kind[-1]] += 1
    return {
        stage: ", ".join(
            _count_of(times[stage][kind], kind, spent / 1e9)
            for kind, spent in kinds.most_common(3)
            # One shard is the whole stage, which says nothing of what is in it.
            if spent >= MIN_SHOWN_NANOSECONDS and (kind != "shard" or times[stage][kind] > 1)
        )
        for stage, kinds in seconds.items()
    }


def _count_of(count: int, kind: str, seconds: float) -> str:
    return f"{count} \N{MULTIPLICATION SIGN} {kind} {duration(seconds)}".replace(" ", "\N{NO-BREAK SPACE}")


def timeline(stages: Sequence[StageTime]) -> Drawing | None:
    """A bar for each stage that this run worked on; None when it found everything done."""
    rows, pauses = bars(stages)
    if not rows:
        return None
    rows = tuple(sorted(rows, key=lambda bar: (bar.start, bar.end)))
    end = max(bar.end for bar in rows) or 1.0
    with figure(17 * len(rows) + 44) as (drawn, (axes,)):
        for row, bar in enumerate(rows):
            broken = bar.stage.state in {"failed", "stopped"}
            colour = COLOURS.get(bar.stage.state, COLOURS["done"])
            axes.barh(
                row,
                max(bar.end - bar.start, end / 300),
                left=bar.start,
                height=0.66,
                color=colour if bar.critical and not broken else PAPER,
                edgecolor=colour,
                linewidth=1.1,
                hatch="////" if broken else None,
            )
            late = bar.start + bar.end > end
            axes.annotate(
                duration(bar.stage.seconds),
                (bar.start if late else bar.end, row),
                xytext=(-4 if late else 4, 0),
                textcoords="offset points",
                ha="right" if late else "left",
                va="center",
                fontsize=9.5,
                color=MUTED,
            )
        for place, length in pauses:
            axes.axvline(place, color=MUTED, linewidth=1, linestyle=(0, (2, 2)))
            axes.annotate(
                f"paused {duration(length)}", (place, -0.5), fontsize=9.5, color=MUTED, ha="center", va="bottom"
            )
        axes.set_yticks(range(len(rows)), [bar.stage.stage for bar in rows], color=INK, fontsize=10)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlim(0, end * 1.02)
        axes.set_xticks(*_ticks(end))
        svg = to_svg(drawn, "timeline", "When each stage worked; the table has the times.")
    note = "Filled: the chain of stages that the run's end waited for. Hollow: beside it. Hatched: not finished."
    return Drawing(svg, "Time by stage", note)


def _ticks(end: float) -> tuple[list[float], list[str]]:
    """At most six round places from 0 to the end, in seconds, and how they are called."""
    steps = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 604_800)
    step = next((step for step in steps if end / step <= 5), end / 5)
    unit, seconds = next(
        ((name, size) for name, size in (("d", 86_400), ("h", 3600), ("min", 60)) if step >= size), ("s", 1)
    )
    places = [step * count for count in range(int(end / step) + 1)]
    return places, [f"{place / seconds:.3g} {unit}" for place in places]


def _pauses(worked: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where nothing was worked on for long: (from when, how long), on the axis of real seconds."""
    merged: list[list[float]] = []
    for start, end in sorted(worked):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    busy = sum(end - start for start, end in merged)
    longest = max(MIN_GAP_SECONDS, MAX_GAP_SHARE * busy)
    gaps = [(one[1], other[0] - one[1]) for one, other in pairwise(merged)]
    return [(at, length) for at, length in gaps if length > longest]
