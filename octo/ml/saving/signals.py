"""Signals that wait for the end of a step."""

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any


class HeldSignals:
    """Signals that are noted instead of heard, until they are released."""

    def __init__(self) -> None:
        self.held: int = 0
        """The number of the signal that came; 0 when none did."""
        self._came = 0.0
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}

    @property
    def age(self) -> float:
        """Seconds since the signal came; 0 where none did."""
        return time.monotonic() - self._came if self.held else 0.0

    def hold(self) -> None:
        """Note what somebody would hear from now on."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._note)

    def release(self) -> None:
        """Let signals through again."""
        while self._handlers:
            signal.signal(*self._handlers.popitem())

    def deliver(self) -> None:
        """Let the noted signal be heard now."""
        self.release()
        if self.held:
            signal.raise_signal(self.held)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.held:
            self.deliver()
        self.held, self._came = number, time.monotonic()
