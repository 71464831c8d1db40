"""`octo janitor`: stopping what was started to be followed, and is followed no more."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from octo.cluster.client import Cluster, connect
from octo.cluster.endings import is_over
from octo.cluster.kinds import JOB_SET, Manifest
from octo.cluster.settings import JanitorSettings
from octo.errors import EXIT_DONE, ClusterConflictError, ClusterMissingError
from octo.render.launched import FOLLOWED
from octo.render.pods import HEARTBEAT
from octo.settings.loading import load
from octo.terminal import Console


def janitor_command(arguments: Sequence[str]) -> int:
    """Delete unfinished JobSets whose heartbeat has stopped. It takes the rights to list, get and delete JobSets."""
    settings = load(JanitorSettings, arguments, os.environ)
    # Nobody waits for it: it may as well wait for a server that has just started.
    cluster = connect(settings.namespace, settings.context, settings.kubeconfig, attended=False)
    say = partial(Console(soft_wrap=True).print)
    stale = [jobset for jobset in cluster.list(JOB_SET, labels=f"{FOLLOWED}=true").items if _is_stale(jobset, settings)]
    for jobset in stale:
        name = jobset["metadata"]["name"]
        said = f"{name}: nobody has followed it for {silence(jobset):.0f} s"
        if settings.dry_run:
            say(f"would delete JobSet {said}")
        elif _deleted(cluster, jobset, settings):
            say(f"deleted JobSet {said}; what it committed stays")
    if not stale:
        say(
            f"every JobSet in namespace {cluster.namespace} has ended or was heard of in {settings.stale_seconds:.0f} s"
        )
    return EXIT_DONE


def _deleted(cluster: Cluster, listed: Manifest, settings: JanitorSettings) -> bool:
    """Delete it, unless it has been heard of or has gone since the list."""
    name, uid = listed["metadata"]["name"], listed["metadata"]["uid"]
    try:
        found = cluster.get(JOB_SET, name)
        if found["metadata"]["uid"] != uid or not _is_stale(found, settings):
            return False
        cluster.delete(JOB_SET, name, uid=uid)
    except (ClusterMissingError, ClusterConflictError):
        return False
    return True


def _is_stale(jobset: Manifest, settings: JanitorSettings) -> bool:
    running = not is_over(jobset) and "deletionTimestamp" not in jobset["metadata"]
    return running and silence(jobset) > settings.stale_seconds


def silence(jobset: Manifest) -> float:
    """Seconds since a JobSet was last heard of, or created."""
    metadata = jobset["metadata"]
    heard = metadata.get("annotations", {}).get(HEARTBEAT, "")
    try:
        last = datetime.fromisoformat(heard)
    except ValueError:
        last = datetime.fromisoformat(metadata["creationTimestamp"])
    return (datetime.now(UTC) - (last if last.tzinfo else last.replace(tzinfo=UTC))).total_seconds()
