"""How far a job is: a bar on a terminal, a line a minute in a log, or JSON lines for a runner."""

import json
import sys
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from octo.numbers import short
from octo.terminal import Console

BAR = 20
ROOM_OF_A_BAR = BAR + 22
"""Columns of a bar, its counts and the time that is left."""
SECONDS_BETWEEN_LINES = {"json": 0.25, "log": 60.0}


@dataclass
class ProgressReport:
    """Where a job says how far it is. Rate-limited, so a job may call it at every step."""

    mode: Literal["auto", "json"]
    label: str
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    _last: float = float("-inf")
    _bar: Progress | None = None
    _task: TaskID | None = None

    def advance(self, done: int, total: int, unit: str, **figures: float) -> None:
        """Say that `done` of `total` units are finished, with a few figures such as `loss=2.31`.

        A total of 0 is one that nobody knows.
        """
        if self.mode == "auto" and self.stream.isatty():
            self._draw(done, total, unit, figures)
            return
        kind = "json" if self.mode == "json" else "log"
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_LINES[kind] and (done < total or not total):
            return
        self._last = now
        if kind == "json":
            line = json.dumps({"progress": {"done": done, "total": total, "unit": unit, "figures": figures}})
        else:
            line = f"{self.label}: {done}{f' of {total}' if total else ''} {unit}{_figures_text(figures)}"
        print(line, file=self.stream, flush=True)

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self, done: int, total: int, unit: str, figures: dict[str, float]) -> None:
        if self._bar is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(BAR),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Progress(*columns, console=Console(file=self.stream))
            self._task = self._bar.add_task(self.label, total=total or None)
            self._bar.start()
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                total=total or None,
                description=self._fitting(f"{self.label} {unit}", figures, width=self._bar.console.width),
            )

    def _fitting(self, begun: str, figures: dict[str, float], *, width: int) -> str:
        """As many of the figures as leave the bar its room, the first ones first."""
        for number in range(len(figures), 0, -1):
            text = f"{begun}{_figures_text(dict(islice(figures.items(), number)))}"
            if len(text) + ROOM_OF_A_BAR <= width:
                return text
        return begun


def _figures_text(figures: dict[str, float]) -> str:
    return "".join(f"  {name} {short(value)}" for name, value in figures.items())
