"""Why a JobSet does not run, or not all of it, in one sentence with what can be done about it."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from octo.cluster.client import Cluster
from octo.cluster.creation import creation_reason
from octo.cluster.endings import is_over
from octo.cluster.kinds import EVENT, JOB, POD, WORKLOAD, Manifest
from octo.cluster.pod_reasons import pod_reason, retry_reason, stuck_reason
from octo.cluster.queue_reasons import QUEUE, queue_reason
from octo.errors import ClusterForbiddenError, ClusterLacksError

JOBSET_NAME = "jobset.sigs.k8s.io/jobset-name"
JOB_UID = "kueue.x-k8s.io/job-uid"


def why_pending(cluster: Cluster, jobset: Manifest) -> str:
    """Why a JobSet does not run, or not all of it; empty when nothing is in its way."""
    if is_over(jobset):
        return ""
    name, uid = jobset["metadata"]["name"], jobset["metadata"]["uid"]
    pods = cluster.list(POD, labels=f"{JOBSET_NAME}={name}").items
    workloads: list[Manifest] = []
    events: list[Manifest] = []
    jobs: list[Manifest] | None = None
    # Rights to read these make the answer better; without them there still is one.
    with suppress(ClusterForbiddenError, ClusterLacksError):
        if QUEUE in jobset["metadata"].get("labels", {}):
            workloads = cluster.list(WORKLOAD, labels=f"{JOB_UID}={uid}").items
    with suppress(ClusterForbiddenError):
        jobs = cluster.list(JOB, labels=f"{JOBSET_NAME}={name}").items
    with suppress(ClusterForbiddenError):
        events = creation_failures(cluster, jobset)
        for place in _started(pods):
            events += cluster.list(EVENT, fields=place).items
    return pending_reason(jobset, workloads, pods, events, jobs)


def creation_failures(cluster: Cluster, jobset: Manifest) -> list[Manifest]:
    """The events that say why a Job or a pod of a JobSet could not be created.

    Those alone, and not all that a busy namespace has seen in the hour that events are kept.
    """
    name, uid = jobset["metadata"]["name"], jobset["metadata"]["uid"]
    events = cluster.list(EVENT, fields=f"involvedObject.uid={uid}").items
    of_jobs = cluster.list(EVENT, fields="involvedObject.kind=Job,reason=FailedCreate").items
    return events + [each for each in of_jobs if _is_of(each, name)]


def pending_reason(
    jobset: Manifest,
    workloads: Sequence[Manifest],
    pods: Sequence[Manifest],
    events: Sequence[Manifest] = (),
    jobs: Sequence[Manifest] | None = None,
) -> str:
    """The same of what has been read already.

    Args:
        jobset: which is not over.
        workloads: Kueue's, of the JobSet.
        pods: of the JobSet.
        events: of the JobSet, its Jobs and its pods.
        jobs: of the JobSet; None where they are not known.
    """
    stuck = stuck_reason(pods, datetime.now(UTC))
    if "deletionTimestamp" in jobset["metadata"]:
        return "; ".join(filter(None, ("it is being deleted, once its pods have stopped", stuck)))
    if jobset["spec"].get("suspend"):
        return queue_reason(jobset, workloads)
    told = (
        _uncreated_jobs(jobset, events, jobs, pods),
        retry_reason(pods, jobs or ()),
        _waiting_pods(pods, events),
        _uncreated_pods(jobset, events, pods),
        stuck,
    )
    if said := "; ".join(filter(None, told)):
        return said
    if waiting := _of_phase(pods, "Pending"):
        return f"{len(waiting)} of {len(pods)} pods are being started"
    return "" if pods else "its pods are being created"


def _uncreated_jobs(
    jobset: Manifest, events: Sequence[Manifest], jobs: Sequence[Manifest] | None, pods: Sequence[Manifest]
) -> str:
    """Why JobSet cannot create a Job: it says so by an event of the JobSet, and by nothing else."""
    failures = [each for each in events if str(each.get("reason", "")).endswith("CreationFailed")]
    wanted = sum(each.get("replicas", 1) for each in jobset["spec"].get("replicatedJobs", []))
    there = len(jobs) if jobs is not None else len(pods)
    # An event stays for an hour, also after what it tells of has been mended.
    if not failures or there >= wanted:
        return ""
    what = "its Job" if wanted == 1 else f"{wanted - there} of its {wanted} Jobs"
    return f"{what} cannot be created: {creation_reason(_latest(failures))}"


def _uncreated_pods(jobset: Manifest, events: Sequence[Manifest], pods: Sequence[Manifest]) -> str:
    failures = [each for each in events if each.get("reason") == "FailedCreate"]
    wanted = _wanted_pods(jobset)
    there = len([pod for pod in pods if pod.get("status", {}).get("phase") != "Failed"])
    if not failures or there >= wanted:
        return ""
    what = f"{wanted - there} of its {wanted} pods" if there else "its pods"
    return f"{what} cannot be created: {creation_reason(_latest(failures))}"


def _waiting_pods(pods: Sequence[Manifest], events: Sequence[Manifest]) -> str:
    """What keeps most of those that wait."""
    reasons = [reason for pod in _of_phase(pods, "Pending") if (reason := pod_reason(pod, events))]
    if not reasons:
        return ""
    most = max(dict.fromkeys(reasons), key=reasons.count)
    return f"{reasons.count(most)} of {len(pods)} pods wait: {most}" if len(pods) > 1 else f"its pod waits: {most}"


def _wanted_pods(jobset: Manifest) -> int:
    return sum(
        each.get("replicas", 1) * each["template"]["spec"].get("completions", 1)
        for each in jobset["spec"].get("replicatedJobs", [])
    )


def _of_phase(pods: Iterable[Manifest], phase: str) -> list[Manifest]:
    return [pod for pod in pods if pod.get("status", {}).get("phase", "Pending") == phase]


def _started(pods: Sequence[Manifest]) -> list[str]:
    """Where the events are of a pod that waits though it has a node."""
    waiting = [pod for pod in _of_phase(pods, "Pending") if pod.get("spec", {}).get("nodeName")]
    return [f"involvedObject.uid={pod['metadata']['uid']},type=Warning" for pod in waiting[:1]]


def _is_of(event: Manifest, jobset_name: str) -> bool:
    return str(event.get("involvedObject", {}).get("name", "")).startswith(f"{jobset_name}-")


def _latest(events: Sequence[Manifest]) -> Manifest:
    return max(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
