"""Having done once, before any program is there, what is done for each: Python then has it at hand in every child."""

import random
import types
from typing import Any

from octo.sandbox.inside.candidate import named, start
from octo.sandbox.inside.exchange import CALLS, EVERYTHING, Exchange
from octo.sandbox.inside.judge import report_of

TIMES = 64
"""So often Python runs a function before it has settled how: until then each child would write into its pages."""

ASKED = {
    "program": "def double(x):\n    return x + x\n",
    "setup": "",
    "test": "assert double([1]) == [1, 1]\n",
    "names": [],
    "entry_points": ["double"],
    "secret": "",
}


class _Line:
    """One end of a line within one process: who reads where nothing has come has the other end answer first."""

    def __init__(self) -> None:
        self.other: _Line | None = None
        self.answers: _Program | None = None
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


class _Program:
    """What a program's process does, done where the test's is."""

    def __init__(self, line: Any) -> None:
        self._module = types.ModuleType("practice")
        self._exchange = Exchange(line, largest=1 << 16, operations=EVERYTHING)
        self._exchange.offer("start", lambda: start(self._arrived, self._module, self._exchange))
        self._exchange.offer("name", lambda name: named(self._module, name))
        self._arrived: Any = None

    def answer(self) -> None:
        """Answer the next question; what comes before the first is the program."""
        self._arrived = self._arrived or self._exchange.receive()
        self._exchange.answer()


def practise() -> None:
    """Judge a program, and answer as it would."""
    seed = random.seed
    for _ in range(TIMES):
        ours, theirs = _Line(), _Line()
        ours.other, theirs.other = theirs, ours
        ours.answers = _Program(theirs)
        exchange = Exchange(ours, largest=1 << 16, operations=dict(CALLS))  # type: ignore[arg-type]
        assert report_of(exchange, ASKED)["outcome"] == "pass"  # noqa: S101 - else nothing would work
        # A test looks at what seeds are set; each at those of its own.
        random.seed = seed
