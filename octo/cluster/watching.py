"""A collection as it changes: listed, then watched, through everything that ends a watch."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from octo.cluster.client import Cluster
from octo.cluster.failures import Asked, Refusal, failure
from octo.cluster.kinds import Kind, Manifest
from octo.errors import ClusterExpiredError, ClusterUnreachableError, ClusterWithdrawnError

if TYPE_CHECKING:
    from octo.cluster.transport import Lines

DEFAULT_PATIENCE = 300.0
"""Seconds without the API server after which a watch gives up."""
_LONGEST_PAUSE = 5.0

ChangeType = Literal["ADDED", "MODIFIED", "DELETED", "LISTED"]


@dataclass(frozen=True)
class Change:
    """What happened to one object."""

    type: ChangeType
    """LISTED, with nothing but the version, says that all that was there has been told."""
    manifest: Manifest


@dataclass
class Watch:
    """A collection that is watched. Iterate over it; `close`, from any thread, ends the iteration.

    Every object is told as ADDED first and as DELETED last, and in between only when it has changed, however often
    connections break, the history expires or the API server restarts. Changes in quick succession may be told as one.

    Raises:
        ClusterUnreachableError: the API server was away for longer than the patience.
        ClusterWithdrawnError: for as long, it has refused what it had allowed.
        ClusterError: it refused, with the reason.
    """

    cluster: Cluster
    kind: Kind
    labels: str = ""
    fields: str = ""
    patience: float = DEFAULT_PATIENCE
    since: str = ""
    """The version after which it begins, in place of a list of what is there."""
    until: str = ""
    """It ends once the server has told all up to this version, by a bookmark or by ending a watch that told nothing."""
    seconds: float = 240
    """How long the server is asked to watch over one connection; it sends a bookmark before it ends."""
    _known: dict[str, Manifest] = field(default_factory=dict)
    _version: str = ""
    _alive: float = field(default_factory=time.monotonic)
    _closed: bool = False
    _reached: bool = False
    _lines: "Lines | None" = None

    def __post_init__(self) -> None:
        """Begin where it is said."""
        self._version = self.since

    def __iter__(self) -> Iterator[Change]:
        """The changes, for as long as somebody asks for them, or up to a version."""
        attempt = 0
        while not (self._closed or self._reached):
            began = time.monotonic()
            try:
                yield from self._once()
            except ClusterExpiredError:
                self._version = ""
            except (ClusterUnreachableError, ClusterWithdrawnError):
                if not self._closed and time.monotonic() - self._alive > self.patience:
                    raise
            # Also after an orderly end: a server that ends every watch at once is not to be flooded.
            attempt = 0 if self._alive > began + 1 else min(attempt + 1, 10)
            if not (self._closed or self._reached):
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2**attempt)))  # noqa: S311 - spreads retries

    def close(self) -> None:
        """Stop, at once."""
        self._closed = True
        if self._lines:
            self._lines.close()

    def _once(self) -> Iterator[Change]:
        """What one connection tells, after a list where there is no version to go on from."""
        if not self._version:
            listing = self.cluster.list(self.kind, labels=self.labels, fields=self.fields)
            self._alive = time.monotonic()
            yield from self._differences(listing.items)
            self._version = listing.version
            yield Change("LISTED", {"metadata": {"resourceVersion": listing.version}})
            if self._is_reached():
                return
        selected = {"labels": self.labels, "fields": self.fields}
        told = False
        with self.cluster.watch(self.kind, self._version, seconds=self.seconds, **selected) as self._lines:
            for line in () if self._closed else self._lines:
                self._alive = time.monotonic()
                event = json.loads(line)
                told = told or event["type"] != "BOOKMARK"
                yield from self._told(event)
                if self._is_reached():
                    return
        self._reached = bool(self.until) and not told

    def _is_reached(self) -> bool:
        """Whether all up to the version has been told. They count what was written, wherever they are numbers."""
        numbers = self.until.isdecimal() and self._version.isdecimal()
        self._reached = numbers and int(self._version) >= int(self.until)
        return self._reached

    def _told(self, event: Manifest) -> Iterator[Change]:
        manifest = event["object"]
        if event["type"] == "ERROR":
            asked = Asked("watch", self.kind, self.cluster.namespace)
            raise failure(asked, self.cluster.transport.host, Refusal(manifest.get("code", 500), json.dumps(manifest)))
        self._version = manifest["metadata"]["resourceVersion"]
        if event["type"] == "DELETED":
            self._known.pop(manifest["metadata"]["uid"], None)
            yield Change("DELETED", manifest)
        elif event["type"] != "BOOKMARK":
            yield from self._seen(manifest)

    def _seen(self, manifest: Manifest) -> Iterator[Change]:
        uid = manifest["metadata"]["uid"]
        before = self._known.get(uid)
        self._known[uid] = manifest
        if before is None:
            yield Change("ADDED", manifest)
        elif before["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            yield Change("MODIFIED", manifest)

    def _differences(self, items: list[Manifest]) -> Iterator[Change]:
        """What must have happened since the last that was told. Deletions first: a name may have been taken again."""
        there = {item["metadata"]["uid"] for item in items}
        for uid in self._known.keys() - there:
            yield Change("DELETED", self._known.pop(uid))
        for item in items:
            yield from self._seen(item)
