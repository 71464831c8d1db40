"""A clock that goes on as fast as all who sleep by it allow."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from octo.storage.patience import Clock


class MovingClock(Clock):
    """Its time passes when everybody that works by it sleeps, and then at once, to the first who wakes."""

    def __init__(self) -> None:
        self._now = 0.0
        self._working = 0
        self._wakes: list[float] = []
        self._moved = threading.Condition()

    def now(self) -> float:
        return self._now

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count this thread among those who must sleep for the time to pass."""
        with self._moved:
            self._working += 1
        try:
            yield
        finally:
            with self._moved:
                self._working -= 1
                self._move()

    def sleep(self, seconds: float) -> None:
        with self._moved:
            wake = self._now + seconds
            self._wakes.append(wake)
            self._move()
            self._moved.wait_for(lambda: self._now >= wake)
            self._wakes.remove(wake)

    def _move(self) -> None:
        # Those who have been woken and have not yet gone count as working.
        asleep = [wake for wake in self._wakes if wake > self._now]
        if asleep and len(asleep) >= self._working and len(asleep) == len(self._wakes):
            self._now = min(asleep)
            self._moved.notify_all()
