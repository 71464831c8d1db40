"""`octo logs`: what the pods of a run or of one JobSet write."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from octo.cluster.chosen import chosen, connected
from octo.cluster.client import Cluster
from octo.cluster.endings import INDEX, REPLICATED_JOB, is_over
from octo.cluster.inbox import Inbox, Told
from octo.cluster.kinds import JOB_SET, POD, Manifest
from octo.cluster.pod_log import PodLog
from octo.cluster.reasons import JOBSET_NAME
from octo.cluster.settings import LogsSettings
from octo.cluster.watching import Watch
from octo.errors import EXIT_DONE, ClusterMissingError, UsageError
from octo.processes import stoppable
from octo.settings.loading import load
from octo.terminal import Console

MOST_FOLLOWED = 50
"""Logs that are followed at once, a connection each."""
_LOG = "log of "
"""Before the pod's name, the name of a source."""


def logs_command(arguments: Sequence[str]) -> int:
    """Print the logs: one rank's as it is, several with the pod's name before each line."""
    settings = load(LogsSettings, arguments, os.environ)
    cluster = connected(settings)
    jobsets = chosen(cluster, settings.name)
    lines = (
        _Followed(cluster.patient(), jobsets, settings).lines()
        if settings.follow
        else _written(cluster, jobsets, settings)
    )
    console = Console()
    with stoppable("the jobs go on"):
        for pod, line in lines:
            console.out(line if settings.rank is not None else f"[{pod}] {line}")
    return EXIT_DONE


def _written(cluster: Cluster, jobsets: Iterable[Manifest], settings: LogsSettings) -> Iterator[tuple[str, str]]:
    """What there is now: pod and line, pod after pod."""
    pods = [pod for jobset in jobsets for pod in _pods(cluster, jobset) if _is_wanted(pod, jobset, settings)]
    if not pods:
        role = f" of role {settings.role}" if settings.role else ""
        rank = f" of rank {settings.rank}" if settings.rank is not None else ""
        raise ClusterMissingError(f"{settings.name} has no pod{role}{rank} yet: `octo status {settings.name}` says why")
    for pod in filter(_has_started, sorted(pods, key=_order)):
        name = pod["metadata"]["name"]
        yield from ((name, line) for line in _log(cluster, name, settings))


class _Followed:
    """What is written from now on too, also by pods that start later: until every JobSet has ended."""

    def __init__(self, cluster: Cluster, jobsets: Iterable[Manifest], settings: LogsSettings) -> None:
        self._cluster = cluster
        self._settings = settings
        self._jobsets = {jobset["metadata"]["name"]: jobset for jobset in jobsets}
        self._unfinished = set(self._jobsets)
        self._ended: dict[str, bool] = {}
        """Whether the log of a pod has ended, by its name."""
        self._inbox = Inbox()

    def lines(self) -> Iterator[tuple[str, str]]:
        """Pod and line, as they come."""
        for name in self._jobsets:
            self._inbox.open(f"jobset {name}", Watch(self._cluster, JOB_SET, fields=f"metadata.name={name}"))
            self._inbox.open(f"pods {name}", Watch(self._cluster, POD, labels=f"{JOBSET_NAME}={name}"))
        try:
            while self._unfinished or not all(self._ended.values()):
                for told in self._inbox.read():
                    if told.source.startswith(_LOG) and told.item is not None:
                        yield told.source.removeprefix(_LOG), told.item
                    else:
                        self._take(told)
        finally:
            self._inbox.close()

    def _take(self, told: Told) -> None:
        kind, _, name = told.source.partition(" ")
        if told.source.startswith(_LOG):
            self._ended[told.source.removeprefix(_LOG)] = True
        elif told.item is None or told.item.type == "LISTED":
            return
        elif kind == "pods":
            self._open(name, told.item.manifest)
        elif name in self._unfinished and (told.item.type == "DELETED" or is_over(told.item.manifest)):
            self._unfinished.discard(name)
            # The watch of the pods may be behind.
            for pod in _pods(self._cluster, self._jobsets[name]):
                self._open(name, pod)

    def _open(self, jobset_name: str, pod: Manifest) -> None:
        name = pod["metadata"]["name"]
        if name in self._ended or not _has_started(pod):
            return
        if not _is_wanted(pod, self._jobsets[jobset_name], self._settings):
            return
        if sum(not ended for ended in self._ended.values()) == MOST_FOLLOWED:
            raise UsageError(f"--follow takes at most {MOST_FOLLOWED} pods at once: choose some with --role and --rank")
        self._ended[name] = False
        self._inbox.open(_LOG + name, _log(self._cluster, name, self._settings))


def _log(cluster: Cluster, pod: str, settings: LogsSettings) -> PodLog:
    make = partial(PodLog, cluster, pod, follow=settings.follow)
    return make(since_seconds=settings.since_seconds(), tail=settings.tail)


def _pods(cluster: Cluster, jobset: Manifest) -> list[Manifest]:
    return cluster.list(POD, labels=f"{JOBSET_NAME}={jobset['metadata']['name']}").items


def _is_wanted(pod: Manifest, jobset: Manifest, settings: LogsSettings) -> bool:
    """Whether it is of the role and the rank asked for. A rank alone is the first role's."""
    labels: dict[str, str] = pod["metadata"].get("labels", {})
    first = "" if settings.rank is None else jobset["spec"]["replicatedJobs"][0]["name"]
    role = settings.role or first
    return (not role or labels.get(REPLICATED_JOB) == role) and (
        settings.rank is None or settings.rank == int(labels.get(INDEX, "0"))
    )


def _has_started(pod: Manifest) -> bool:
    return bool(pod.get("status", {}).get("phase", "Pending") != "Pending")


def _order(pod: Manifest) -> tuple[str, str, int, str]:
    """By JobSet, role and rank, an earlier try before a later one."""
    metadata = pod["metadata"]
    labels = metadata.get("labels", {})
    role, rank = labels.get(REPLICATED_JOB, ""), int(labels.get(INDEX, "0"))
    return labels.get(JOBSET_NAME, ""), role, rank, metadata["creationTimestamp"]
