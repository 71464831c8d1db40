"""Telling a JobSet that somebody follows it, so that the janitor leaves it alone."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from octo.cluster.client import Cluster
from octo.cluster.kinds import JOB_SET
from octo.errors import ClusterError
from octo.render.pods import HEARTBEAT

logger = logging.getLogger(__name__)


@contextmanager
def heartbeats(cluster: Cluster, name: str, *, seconds: float) -> Iterator[None]:
    """Renew the annotation while the block lasts. A beat that fails is skipped: nothing fails because of it."""
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
    while True:
        try:
            cluster.patch(JOB_SET, name, {"metadata": {"annotations": {HEARTBEAT: now_text()}}})
        except ClusterError as error:
            logger.debug("a heartbeat of JobSet %s is skipped: %s", name, error)
        if stop.wait(seconds):
            return
