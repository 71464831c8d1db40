"""The lines of one pod's log, through broken connections."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from octo.cluster.client import Cluster
from octo.cluster.kinds import POD, Manifest
from octo.cluster.watching import DEFAULT_PATIENCE
from octo.errors import ClusterMissingError, ClusterRefusedError, ClusterUnreachableError, ClusterWithdrawnError

if TYPE_CHECKING:
    from octo.cluster.transport import Lines

_LONGEST_PAUSE = 5.0
_ENDED = ("Succeeded", "Failed")


@dataclass
class PodLog:
    """What a pod writes, each line once. Iterate over it; `close`, from any thread, ends the iteration.

    A line is repeated or lost only where a node gives many lines one nanosecond, or has rotated its files away.

    Raises:
        ClusterUnreachableError: the API server was away for longer than the patience.
        ClusterError: it refused, with the reason.
    """

    cluster: Cluster
    pod: str
    follow: bool = False
    since_seconds: int | None = None
    tail: int | None = None
    patience: float = DEFAULT_PATIENCE
    _last: str = ""
    """Time of the last line, as the API gave it."""
    _same: int = 0
    """Lines told that have this time."""
    _closed: bool = False
    _lines: "Lines | None" = None

    def __iter__(self) -> Iterator[str]:
        """The lines, without their ends; followed ones until the pod has ended or is gone."""
        alive = time.monotonic()
        attempt = 0
        while not self._closed:
            told = self._last
            try:
                # Asked for before: what a pod that had ended then has written is all there.
                ended = self._has_ended()
                yield from self._once()
                if ended or not self.follow:
                    return
                alive = time.monotonic()
            except ClusterMissingError:
                return
            except (ClusterUnreachableError, ClusterWithdrawnError):
                if not self._closed and time.monotonic() - alive > self.patience:
                    raise
            attempt = 0 if self._last != told else min(attempt + 1, 10)
            if not self._closed:
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.05 * 2**attempt)))  # noqa: S311 - spreads retries

    def close(self) -> None:
        """Stop, at once."""
        self._closed = True
        if self._lines:
            self._lines.close()

    def _has_ended(self) -> bool:
        pod: Manifest = self.cluster.get(POD, self.pod)
        return pod.get("status", {}).get("phase") in _ENDED

    def _once(self) -> Iterator[str]:
        last, known, seen = self._last, self._same, 0
        try:
            with self.cluster.log(POD, self.pod, self._query()) as self._lines:
                for line in () if self._closed else self._lines:
                    moment, _, text = line.partition(" ")
                    seen += moment == last
                    # The API knows whole seconds alone: it begins before what was told last.
                    if _order(moment) < _order(last) or (moment == last and seen <= known):
                        continue
                    self._same = self._same + 1 if moment == self._last else 1
                    self._last = moment
                    yield text
        except ClusterRefusedError as error:
            if "waiting to start" not in str(error) and "is terminated" not in str(error):
                raise

    def _query(self) -> dict[str, str]:
        query = {"timestamps": "true"}
        if self.follow:
            query["follow"] = "true"
        if self._last:
            return query | {"sinceTime": self._last}
        if self.since_seconds is not None:
            query["sinceSeconds"] = str(self.since_seconds)
        if self.tail is not None:
            query["tailLines"] = str(self.tail)
        return query


def _order(moment: str) -> tuple[str, str]:
    """Times compare as texts once their fractions are as long as nanoseconds."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return whole, fraction.ljust(9, "0")
