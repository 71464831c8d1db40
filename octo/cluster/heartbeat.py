"""Telling a JobSet that somebody follows it, so that the janitor leaves it alone."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from octo.cluster.client import Cluster
from octo.cluster.kinds import JOB_SET
from octo.errors import ClusterError, ClusterRightsError, ClusterWithdrawnError
from octo.render.pods import HEARTBEAT
from octo.settings.launch import STALE_SECONDS

logger = logging.getLogger(__name__)


@contextmanager
def heartbeats(cluster: Cluster, name: str, *, seconds: float) -> Iterator[None]:
    """Renew the annotation while the block lasts. A beat that fails is skipped: nothing fails because of it.

    It is said once when none may be given, or none has been taken for so long that the janitor may come.
    """
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(replace(cluster, patience=0), name, seconds, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()


def now_text() -> str:
    """The time as annotations have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _beat(cluster: Cluster, name: str, seconds: float, stop: threading.Event) -> None:
    heard, said = time.monotonic(), False
    while True:
        try:
            cluster.patch(JOB_SET, name, {"metadata": {"annotations": {HEARTBEAT: now_text()}}})
            heard, said = time.monotonic(), False
        except ClusterError as error:
            silent = time.monotonic() - heard
            lasts = isinstance(error, ClusterRightsError) and not isinstance(error, ClusterWithdrawnError)
            if not said and (lasts or silent > STALE_SECONDS / 2):
                said = True
                logger.warning(
                    "JobSet %s cannot be told that it is followed, and the janitor may stop it after %d s: %s",
                    *(name, STALE_SECONDS, error),
                )
        if stop.wait(seconds):
            return
