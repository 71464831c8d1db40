"""Whether a checkpoint that is begun now would be kept before whoever stops this process ends it."""

from collections import deque
from dataclasses import dataclass, field

LEFT_OVER = 5.0
"""Seconds of the grace that the process needs to end by itself, once all is saved."""


@dataclass
class Pace:
    """How long the last checkpoints of a training took from their copy to being kept, and what the next will take."""

    _seconds_per_byte: deque[float] = field(default_factory=lambda: deque(maxlen=3))

    def record(self, seconds: float, num_bytes: int) -> None:
        """A checkpoint of so many bytes, of all ranks together, took so long."""
        self._seconds_per_byte.append(seconds / max(1, num_bytes))

    def expected(self, num_bytes: int) -> float | None:
        """Seconds that so many bytes take, as the slowest of the last ones; None where none has been kept yet."""
        return max(self._seconds_per_byte) * num_bytes if self._seconds_per_byte else None


def objection(expected: float | None, *, grace: float, used: float) -> str:
    """Why a checkpoint is not to be begun, as a clause; empty where nothing speaks against it.

    Args:
        expected: seconds that it takes; None where nobody knows.
        grace: seconds from the signal to the end; 0 where nobody has said.
        used: seconds of it that are over.
    """
    left = grace - used - LEFT_OVER
    if not grace or (expected is None and left > 0) or (expected is not None and expected <= left):
        return ""
    if expected is None:
        return f"all of the {grace:.0f} s to stop in are used up"
    room = f"{max(0, left):.0f} of the {grace:.0f} s to stop in are left"
    return f"it would take {expected:.0f} s, as the last ones did, and {room}"
