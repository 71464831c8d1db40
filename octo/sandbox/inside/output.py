"""What a program prints: its beginning goes to whoever asked for the verdict, all else nowhere.

It is moved within the kernel. So a program may print without end, and costs whoever asked neither time nor memory; nor
does what one program has printed ever lie in the memory that the next is forked from.
"""

import os
import select
import time

PART = 1 << 20
PAUSE_SECONDS = 0.005
"""Between two parts of the beginning: what is printed a letter at a time is not passed on a letter at a time."""
SECONDS_TO_TAKE = 10.0
"""For whoever asked to take what is passed on at the end."""


class Output:
    """A pipe that a program prints to; where nothing can be moved within the kernel, the one that was given."""

    def __init__(self, to: int, *, kept: int) -> None:
        self._to = to
        self._left = kept
        self._quiet_until = 0.0
        self._moves = hasattr(os, "splice")
        self._reading, self.writing = os.pipe() if self._moves else (-1, os.dup(to))
        self._nowhere = os.open(os.devnull, os.O_WRONLY)

    def given_away(self) -> None:
        """Let go of the end that the program has."""
        os.close(self.writing)

    def close(self) -> None:
        """Pass on what is left of the beginning, and forget the rest. Whoever printed is dead."""
        while self._left and self._moves and select.select([self._reading], [], [], 0)[0]:
            if not select.select([], [self._to], [], SECONDS_TO_TAKE)[1] or not self._move():
                break
        for descriptor in (self._nowhere, *([self._reading] if self._moves else [])):
            os.close(descriptor)

    def watched(self, waiting: "select.poll", seconds: float) -> float:
        """Have `waiting` wake up for what is printed, or tell after how long to ask again, `seconds` at most."""
        quiet = self._quiet_until - time.monotonic()
        if self._moves and quiet <= 0:
            waiting.register(self._reading, select.POLLIN)
        return seconds if quiet <= 0 else min(seconds, quiet)

    def woke(self, waiting: "select.poll", descriptor: int) -> bool:
        """Whether that is what woke somebody up; what is there is then moved on."""
        if descriptor != self._reading:
            return False
        moved = self._move()
        if not moved:
            # Nobody can print any more.
            self._quiet_until = float("inf")
        elif self._left:
            self._quiet_until = time.monotonic() + PAUSE_SECONDS
        if self._quiet_until:
            waiting.unregister(self._reading)
        return True

    def _move(self) -> int:
        """Move a part; 0 where there is nothing, and will be nothing."""
        to, most = (self._to, self._left) if self._left else (self._nowhere, PART)
        try:
            moved = os.splice(self._reading, to, most, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            # Whoever asked has not taken yet what was passed on before.
            return 1
        except BrokenPipeError:
            self._left = 0
            return 1
        self._left -= moved if self._left else 0
        return moved
