"""What the fake API server can be told to do wrong, each a number of times."""

import threading
from dataclasses import dataclass, field

from tests.wire.kubernetes.objects import Refusal


@dataclass(frozen=True)
class Fault:
    refusal: Refusal | None = None
    """Answered instead of doing what was asked."""
    retry_after: int | None = None
    lost: bool = False
    """The connection is closed without an answer, after doing what was asked."""
    hang_up: bool = False
    """The connection is closed without an answer or a deed."""
    lines: int | None = None
    """A stream ends after so many lines."""
    in_order: bool = False
    """Whether it ends as if that were all, and not in the middle."""
    wait: threading.Event | None = None
    """Nothing happens before this is set."""


def refuse(code: int, reason: str, message: str = "", *, retry_after: int | None = None) -> Fault:
    return Fault(Refusal(code, reason, message or reason), retry_after=retry_after)


def refuse_in_plain_text(code: int, text: str) -> Fault:
    """As proxies before the server answer, and the server does at paths it does not know."""
    return Fault(Refusal(code, "", text))


def cut_after(lines: int) -> Fault:
    return Fault(lines=lines)


def end_after(lines: int) -> Fault:
    return Fault(lines=lines, in_order=True)


HANG_UP = Fault(hang_up=True)
LOSE_REPLY = Fault(lost=True)


@dataclass
class Faults:
    happened: list[str] = field(default_factory=list)
    _planned: list[tuple[str, str, Fault]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, method: str, part: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next requests of that method whose path and query hold `part` go wrong."""
        with self._lock:
            self._planned += [(method, part, fault)] * times

    def forget(self) -> None:
        with self._lock:
            self._planned.clear()

    def take(self, method: str, path: str) -> Fault:
        with self._lock:
            for position, (planned, part, fault) in enumerate(self._planned):
                if planned == method and part in path:
                    del self._planned[position]
                    self.happened.append(f"{method} {path}")
                    return fault
        return Fault()
