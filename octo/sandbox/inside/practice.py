"""Having done once, before any program is there, what is done for each: Python then has it at hand in every child."""

import types
from typing import Any

from octo.sandbox.inside.exchange import CALLS, EVERYTHING, Exchange

TIMES = 64
"""So often Python runs a function before it has settled how: until then each child would write into its pages."""


class _Line:
    """One end of a line within one process: who reads where nothing has come has the other end answer first."""

    def __init__(self) -> None:
        self.other: _Line | None = None
        self.answers: Exchange | None = None
        self._came = b""

    def sendall(self, content: bytes) -> None:
        """Send to the other end."""
        assert self.other  # noqa: S101 - they come in pairs
        self.other._came += content  # noqa: SLF001 - one of the same kind

    def recv(self, size: int) -> bytes:
        """What has come."""
        if not self._came and self.answers:
            self.answers.answer()
        came, self._came = self._came[:size], self._came[size:]
        return came


def practise() -> None:
    """Ask and answer as a test and a program do."""
    ours, theirs = _Line(), _Line()
    ours.other, theirs.other = theirs, ours
    program = types.ModuleType("practice")
    exec("def double(x):\n    return x + x\n", program.__dict__)  # noqa: S102 - it stands here
    for _ in range(TIMES):
        other = _exchange(theirs, EVERYTHING)
        other.offer("name", lambda name: program.__dict__[name])
        ours.answers = other
        exchange = _exchange(ours, CALLS)
        assert exchange.ask("name", "double")([1]) == [1, 1]  # noqa: S101 - else nothing would work


def _exchange(line: Any, operations: Any) -> Exchange:
    return Exchange(line, largest=1 << 16, operations=operations)
