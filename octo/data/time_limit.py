"""A limit on the processor time of one document, after which whatever works on it is given up.

The clock is the process's own, so that a busy machine makes no document late. It interrupts Python, and the matching of
regular expressions, which looks for signals as it goes; other work in C is linear, and ends by itself.
"""

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

TOO_SLOW = "too_slow"
"""Why a document is left out on which some work did not end in time."""
_TICKS = 4
"""Ticks of the clock in a limit: what is given up has used the limit, and at most a tick more."""


class TooSlowError(Exception):
    """A document took longer than the limit."""


class DocumentClock:
    """Watches the work on one document after another, at a few hundred nanoseconds for each."""

    def __init__(self, cpu_seconds: float = math.inf) -> None:
        self._cpu_seconds = cpu_seconds
        self._working = False
        self._ticks = 0

    def timed(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What the work on one document gives; TooSlowError when it takes longer than the clock allows."""
        self._ticks = 0
        self._working = True
        try:
            return work(*arguments, **named)
        finally:
            self._working = False

    def tick(self) -> None:
        """Give the work up that has been going on since before so many ticks."""
        if self._working:
            self._ticks += 1
            if self._ticks > _TICKS:
                raise TooSlowError(f"the work on it took more than {self._cpu_seconds:g} s of processor time")


STOPPED = DocumentClock()
"""A clock that never ticks: no limit."""


@contextmanager
def document_clock(cpu_seconds: float) -> Iterator[DocumentClock]:
    """A clock that ticks while the block lasts, and gives a document so many seconds of this process's own time.

    Signals reach the main thread alone, in which jobs do their work: in another thread it does not tick.
    """
    if threading.current_thread() is not threading.main_thread():
        yield STOPPED
        return
    clock = DocumentClock(cpu_seconds)

    def tick(_signal: int, _frame: FrameType | None) -> None:
        clock.tick()

    before = signal.signal(signal.SIGPROF, tick)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds / _TICKS, cpu_seconds / _TICKS)
    try:
        yield clock
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
