"""Several things that are waited for at once: a thread for each, one queue for what they tell."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from octo.errors import ClusterError


class Source(Protocol):
    """Something that tells one thing after another until it is closed."""

    def __iter__(self) -> Iterator[Any]:
        """What it tells."""

    def close(self) -> None:
        """End the iteration, from another thread."""


@dataclass(frozen=True)
class Told:
    """One thing that a source told."""

    source: str
    item: Any
    """None when the source has ended."""
    error: Exception | None = None
    unseen: ClusterError | None = None
    """Why an optional source has ended, where it did not end by itself."""


@dataclass
class Inbox:
    """What the sources have told and nobody has read yet."""

    _told: "queue.SimpleQueue[Told]" = field(default_factory=queue.SimpleQueue)
    _sources: list[Source] = field(default_factory=list)

    def open(self, name: str, source: Source, *, optional: bool = False) -> None:
        """Listen to one more source. What keeps an optional one from telling is told, and raised by nobody."""
        self._sources.append(source)
        threading.Thread(target=self._listen, args=(name, source, optional), name=name, daemon=True).start()

    def read(self) -> list[Told]:
        """All that is there, at least one thing: waits for it. Raises what a source raised."""
        batch = [self._told.get()]
        while not self._told.empty():
            batch.append(self._told.get())
        for told in batch:
            if told.error is not None:
                raise told.error
        return batch

    def close(self) -> None:
        """Close every source. Their threads end by themselves."""
        for source in self._sources:
            source.close()

    def _listen(self, name: str, source: Source, optional: bool) -> None:  # noqa: FBT001 - a thread's target
        error: Exception | None = None
        unseen: ClusterError | None = None
        try:
            for item in source:
                self._told.put(Told(name, item))
        except Exception as failed:  # noqa: BLE001 - raised again by whoever reads
            if optional and isinstance(failed, ClusterError):
                unseen = failed
            else:
                error = failed
        self._told.put(Told(name, None, error, unseen))
