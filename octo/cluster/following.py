"""A JobSet from its first wait to its end: why it waits, its pods, its restarts, the log of its first rank."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from octo.cluster.client import Cluster
from octo.cluster.endings import INDEX, REPLICATED_JOB, Outcome, ending_text, exit_code_of, holds, is_over, outcome
from octo.cluster.heartbeat import heartbeats
from octo.cluster.inbox import Inbox, Told
from octo.cluster.kinds import JOB, JOB_SET, POD, WORKLOAD, Kind, Manifest
from octo.cluster.pod_log import PodLog
from octo.cluster.queue_reasons import QUEUE
from octo.cluster.reasons import JOB_UID, JOBSET_NAME, creation_failures, pending_reason
from octo.cluster.watching import DEFAULT_PATIENCE, Change, Watch
from octo.errors import ClusterError, ClusterForbiddenError, ClusterMissingError, ClusterUnreachableError

_SECONDS_OF_HISTORY = 3.0
"""What the server is asked to tell again over one connection: it marks the end of it a second later."""
_HISTORY = "history"
_LOG = "log of "
"""Before the pod's name, the name of a source."""
_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"

EventKind = Literal["pending", "admitted", "pods", "failed", "restarting", "unseen", "log", "progress"]


@dataclass(frozen=True)
class Event:
    """Something that happened to a followed JobSet."""

    kind: EventKind
    text: str
    """A sentence, or a line of the log as it is."""
    data: dict[str, Any] = field(default_factory=dict)
    """Of `pods`: running, succeeded, failed, total. Of `progress`: what the job says of it."""


@contextmanager
def following(
    cluster: Cluster, name: str, *, heartbeat_seconds: float = 30, patience: float = DEFAULT_PATIENCE
) -> Iterator["Following"]:
    """Follow a JobSet while the block lasts; it goes on when the block is left early.

    Args:
        cluster: in the JobSet's namespace.
        name: of the JobSet.
        heartbeat_seconds: how often it is told that it is followed; 0 never.
        patience: seconds that the API server may be away.

    Raises:
        ClusterMissingError: there is no such JobSet.
    """
    followed = Following(cluster, cluster.get(JOB_SET, name), patience)
    with heartbeats(cluster, name, seconds=heartbeat_seconds) if heartbeat_seconds else nullcontext():
        try:
            yield followed
        finally:
            followed.close()


class Following:
    """What happens to a JobSet. Iterate over it once, to its end: `outcome` is there then.

    Raises:
        ClusterMissingError: it was deleted meanwhile.
        ClusterUnreachableError: the API server was away for longer than the patience.
        ClusterError: it refused something that following needs.
    """

    def __init__(self, cluster: Cluster, jobset: Manifest, patience: float) -> None:
        self.outcome: Outcome | None = None
        self._cluster = cluster
        self._jobset = jobset
        self._patience = patience
        self._inbox = Inbox()
        self._pods: dict[str, Manifest] = {}
        self._workloads: dict[str, Manifest] = {}
        self._logged: dict[str, bool] = {}
        """Pods whose log was opened, and whether it has ended."""
        self._told: dict[str, str] = {}
        """What was told last, by kind of event."""
        self._failures: dict[str, Manifest] = {}
        """Pods as they failed."""
        self._told_failures: set[str] = set()
        self._admitted = False
        """Whether it is to be told that it was let in, be it over by now: much may have come to pass at once."""
        self._unlisted = {"jobset", "pods"}
        """Of what is not all known yet: nothing is said before."""
        self._heard_of = ""
        """The version up to which the pods' watch has told of them."""

    def close(self) -> None:
        """Stop following."""
        self._inbox.close()

    def __iter__(self) -> Iterator[Event]:
        """The events, to the JobSet's end and the end of its first rank's log."""
        name, uid = self._jobset["metadata"]["name"], self._jobset["metadata"]["uid"]
        watch = partial(Watch, self._cluster, patience=self._patience)
        self._inbox.open("jobset", watch(JOB_SET, fields=f"metadata.name={name}"))
        self._inbox.open("pods", watch(POD, labels=f"{JOBSET_NAME}={name}"))
        if QUEUE in self._jobset["metadata"].get("labels", {}):
            self._unlisted.add("workloads")
            self._inbox.open("workloads", watch(WORKLOAD, labels=f"{JOB_UID}={uid}"), optional=True)
        while self._unlisted or not is_over(self._jobset):
            yield from self._step()
        for pod in self._listed(POD):
            self._pods[pod["metadata"]["uid"]] = pod
            self._note_failure(pod)
        yield from self._news()
        if holds(self._jobset, "Failed") and not self._of_this_attempt(self._failures.values()):
            # The watch of the pods may be behind that of the JobSet, and only a watch tells what failed and is gone.
            until = self._jobset["metadata"]["resourceVersion"]
            labels = f"{JOBSET_NAME}={name}"
            again = watch(POD, labels=labels, since=self._heard_of, until=until, seconds=_SECONDS_OF_HISTORY)
            self._inbox.open(_HISTORY, again)
            self._unlisted.add(_HISTORY)
            while self._unlisted:
                yield from self._step()
        self._open_log()
        while not all(self._logged.values()):
            yield from self._step()
        self.outcome = self._outcome()

    def _step(self) -> Iterator[Event]:
        """What the sources tell next."""
        for told in self._inbox.read():
            if told.item is not None and told.source.startswith(_LOG):
                yield _line_event(told.item)
                continue
            if told.unseen is not None:
                yield Event("unseen", _unseen_text(told.source, told.unseen))
            self._take(told)
        self._open_log()
        yield from () if self._unlisted else self._news()

    def _take(self, told: Told) -> None:
        if told.source.startswith(_LOG):
            self._logged[told.source.removeprefix(_LOG)] = True
        elif told.item is None:
            self._unlisted.discard(told.source)
        elif told.source == _HISTORY:
            self._note_failure(told.item.manifest)
        else:
            self._take_change(told)

    def _take_change(self, told: Told) -> None:
        if told.source == "pods":
            self._heard_of = told.item.manifest["metadata"]["resourceVersion"]
        if told.item.type == "LISTED":
            self._unlisted.discard(told.source)
        elif told.source == "jobset":
            self._take_jobset(told.item)
        elif told.source == "pods":
            self._note_failure(told.item.manifest)
            self._take_held(self._pods, told.item)
        else:
            self._take_held(self._workloads, told.item)

    def _note_failure(self, pod: Manifest) -> None:
        """Kept, as a restart deletes the pods whose failure it was for."""
        if pod.get("status", {}).get("phase") == "Failed":
            self._failures.setdefault(pod["metadata"]["uid"], pod)

    def _take_held(self, held: dict[str, Manifest], change: Change) -> None:
        uid = change.manifest["metadata"]["uid"]
        if change.type == "DELETED":
            held.pop(uid, None)
        else:
            held[uid] = change.manifest

    def _take_jobset(self, change: Change) -> None:
        if change.manifest["metadata"]["uid"] != self._jobset["metadata"]["uid"]:
            return
        if (change.type == "DELETED" or "deletionTimestamp" in change.manifest["metadata"]) and not is_over(
            self._jobset
        ):
            place = f"JobSet {self._jobset['metadata']['name']} in namespace {self._cluster.namespace}"
            raise ClusterMissingError(
                f"{place} was deleted while it was followed: what it committed stays, and submitting it again goes on"
            )
        self._jobset = change.manifest
        self._admitted |= self._told.get("suspended") == "True" and not self._is_suspended()

    def _is_suspended(self) -> bool:
        return bool(self._jobset["spec"].get("suspend"))

    def _open_log(self) -> None:
        """Open the log of the first rank, anew for each pod that takes its place."""
        first = self._jobset["spec"]["replicatedJobs"][0]["name"]
        for pod in self._current():
            metadata = pod["metadata"]
            labels = metadata.get("labels", {})
            started = pod.get("status", {}).get("phase", "Pending") != "Pending"
            leads = labels.get(REPLICATED_JOB) == first and labels.get(INDEX, "0") == "0"
            if leads and started and metadata["name"] not in self._logged:
                self._logged[metadata["name"]] = False
                log = PodLog(self._cluster, metadata["name"], follow=True, patience=self._patience)
                self._inbox.open(_LOG + metadata["name"], log, optional=True)

    def _news(self) -> Iterator[Event]:
        """What has changed since the last time, told once each."""
        for uid, pod in self._failures.items():
            if uid not in self._told_failures:
                self._told_failures.add(uid)
                data = {"pod": pod["metadata"]["name"], "exit_code": exit_code_of(pod)}
                yield Event("failed", ending_text(pod) or f"pod {pod['metadata']['name']} failed", data)
        restarts = int(self._jobset.get("status", {}).get("restarts") or 0)
        if self._differs("restarts", str(restarts)) and restarts:
            most = self._jobset["spec"].get("failurePolicy", {}).get("maxRestarts", 0)
            yield Event("restarting", f"restarted as a whole, for time {restarts} of {most}", {"restarts": restarts})
        if self._admitted:
            self._admitted = False
            yield Event("admitted", "it may start")
        suspended = self._is_suspended()
        self._told["suspended"] = str(suspended)
        if is_over(self._jobset):
            return
        events = self._events() if self._told.get("pending") and not self._current() and not suspended else []
        reason = pending_reason(self._jobset, list(self._workloads.values()), self._current(), events)
        if self._differs("pending", reason) and reason:
            yield Event("pending", reason)
        counts = self._counts()
        if self._differs("pods", json.dumps(counts)) and any(counts.values()):
            text = ", ".join(f"{number} {phase}" for phase, number in counts.items() if number)
            yield Event("pods", f"pods: {text}", counts)

    def _events(self) -> list[Manifest]:
        """What the cluster reports of a JobSet that has no pods yet: looked at with every heartbeat of it."""
        try:
            return creation_failures(self._cluster, self._jobset)
        except (ClusterForbiddenError, ClusterUnreachableError):
            return []

    def _differs(self, kind: str, now: str) -> bool:
        before = self._told.get(kind)
        self._told[kind] = now
        return before != now

    def _current(self) -> list[Manifest]:
        return self._of_this_attempt(self._pods.values())

    def _of_this_attempt(self, pods: Iterable[Manifest]) -> list[Manifest]:
        attempt = str(self._jobset.get("status", {}).get("restarts") or 0)
        return [pod for pod in pods if pod["metadata"].get("labels", {}).get(_ATTEMPT, attempt) == attempt]

    def _counts(self) -> dict[str, int]:
        phases = Counter(pod.get("status", {}).get("phase", "Pending").lower() for pod in self._current())
        return {phase: phases[phase] for phase in ("pending", "running", "succeeded", "failed")}

    def _outcome(self) -> Outcome:
        jobs: list[Manifest] = []
        with suppress(ClusterForbiddenError):
            jobs = self._listed(JOB)
        # Those that were taken away are not listed any more.
        pods = {pod["metadata"]["uid"]: pod for pod in (*self._failures.values(), *self._pods.values())}
        return outcome(self._jobset, jobs, self._of_this_attempt(pods.values()))

    def _listed(self, kind: Kind) -> list[Manifest]:
        return self._cluster.list(kind, labels=f"{JOBSET_NAME}={self._jobset['metadata']['name']}").items


def _unseen_text(source: str, error: ClusterError) -> str:
    """What is not told from now on, and why; the JobSet goes on and is followed."""
    if source.startswith(_LOG):
        return f"the log of pod {source.removeprefix(_LOG)} is not shown: {error}"
    return f"why it waits in its queue is not told: {error}"


def _line_event(line: str) -> Event:
    """A line of the log, or what a job says of its progress on a line of its own."""
    if line.startswith("{"):
        with suppress(ValueError):
            parsed = json.loads(line)
            if isinstance(parsed, dict) and isinstance(parsed.get("progress"), dict):
                return Event("progress", line, parsed["progress"])
    return Event("log", line)
