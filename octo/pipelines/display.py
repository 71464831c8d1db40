"""What a person sees of a run: a live table on a terminal, plain lines in a log."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from octo.numbers import short
from octo.pipelines.state import StageState, Status
from octo.terminal import Console

SECONDS_BETWEEN_LINES = 60.0
_MARKS = {
    Status.WAITING: Text("·", style="dim"),
    Status.RUNNING: Text("▶", style="cyan"),
    Status.CACHED: Text("✓", style="green dim"),
    Status.DONE: Text("✓", style="green"),
    Status.FAILED: Text("✗", style="red"),
    Status.STOPPED: Text("■", style="yellow"),
}


class Display(Protocol):
    """Where a run shows itself."""

    def show(self, states: Sequence[StageState]) -> None:
        """Draw the states as they are now; called a few times a second."""

    def changed(self, state: StageState) -> None:
        """Say that a stage has started, ended or turned out to be cached."""

    def close(self, states: Sequence[StageState]) -> None:
        """Leave the last picture standing."""


def choose_display(console: Console) -> Display:
    """A live table on a terminal, lines elsewhere."""
    return LiveDisplay(console) if console.is_terminal else LineDisplay(console)


class LiveDisplay:
    """A table that is redrawn in place, with a bar for each running stage."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, auto_refresh=False)
        self._live.start()

    def show(self, states: Sequence[StageState]) -> None:
        """Redraw the table."""
        self._live.update(stage_table(states, now=datetime.now(UTC)), refresh=True)

    def changed(self, state: StageState) -> None:
        """Nothing of its own: the table shows it."""

    def close(self, states: Sequence[StageState]) -> None:
        """Draw once more and let go of the terminal."""
        self.show(states)
        self._live.stop()


class LineDisplay:
    """One line when a stage starts and ends, and a line a minute in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()

    def show(self, states: Sequence[StageState]) -> None:
        """Once a minute, a line that says where the running stages are."""
        if time.monotonic() - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = time.monotonic()
        running = [state for state in states if state.status is Status.RUNNING]
        finished = sum(state.finished for state in states)
        parts = [f"{state.name} {_done(state)}".strip() for state in running]
        self._line(f"{finished} of {len(states)} stages done; running: {', '.join(parts) or 'none'}")

    def changed(self, state: StageState) -> None:
        """A line about the stage."""
        self._line(stage_line(state, now=datetime.now(UTC)))

    def close(self, states: Sequence[StageState]) -> None:
        """Nothing: every line has been printed."""

    def _line(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


def stage_line(state: StageState, *, now: datetime) -> str:
    """One stage in one line of plain text."""
    details = {
        Status.WAITING: "waiting",
        Status.RUNNING: "started",
        Status.CACHED: f"cached, committed {age_text(state, now=now)} ago",
        Status.DONE: f"done in {duration_text(_elapsed(state, now))}",
        Status.FAILED: f"failed after {duration_text(_elapsed(state, now))}: {state.message}",
        Status.STOPPED: f"stopped after {duration_text(_elapsed(state, now))}",
    }
    return f"{state.name}: {details[state.status]}"


def stage_table(states: Sequence[StageState], *, now: datetime) -> Table:
    """Every stage with its mark, bar, figures and time."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(width=20)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for state in states:
        style = "dim" if state.status in {Status.WAITING, Status.CACHED} else ""
        table.add_row(
            _MARKS[state.status],
            Text(state.name, style=style),
            _bar(state),
            Text(_detail(state, now=now), style="red" if state.status is Status.FAILED else "dim"),
            Text("" if state.started_at is None else duration_text(_elapsed(state, now)), style=style),
        )
    return table


def _bar(state: StageState) -> ProgressBar | Text:
    if state.status is not Status.RUNNING:
        return Text("")
    return ProgressBar(total=state.total or None, completed=state.done, width=20, pulse=not state.total)


def _detail(state: StageState, *, now: datetime) -> str:
    if state.status is Status.CACHED:
        return f"cached, {age_text(state, now=now)} old"
    if state.status is Status.FAILED:
        return state.message
    if state.status is not Status.RUNNING or not (state.total or state.done):
        return ""
    figures = "  ".join(f"{name} {short(value)}" for name, value in state.figures.items())
    return f"{_done(state)}  {figures}".rstrip()


def _done(state: StageState) -> str:
    """How far a stage is; of a total of 0 nobody knows how much is left."""
    return f"{state.done}/{state.total} {state.unit}" if state.total or not state.done else f"{state.done} {state.unit}"


def age_text(state: StageState, *, now: datetime) -> str:
    """How long ago the stage's artifact was committed."""
    return duration_text(now - state.committed_at) if state.committed_at else "unknown"


def duration_text(duration: timedelta) -> str:
    """A duration in its two largest units: 4.2 s, 3 min 10 s, 2 h 5 min, 3 d 4 h."""
    seconds = duration.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _elapsed(state: StageState, now: datetime) -> timedelta:
    return (state.ended_at or now) - state.started_at if state.started_at else timedelta()
