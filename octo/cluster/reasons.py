"""Why a JobSet does not run yet, in one sentence: what Kueue, the scheduler and the nodes say."""

import re
from collections.abc import Sequence
from contextlib import suppress

from octo.cluster.client import Cluster
from octo.cluster.endings import condition, holds, is_over
from octo.cluster.kinds import EVENT, POD, WORKLOAD, Manifest
from octo.errors import ClusterForbiddenError, ClusterLacksError

QUEUE = "kueue.x-k8s.io/queue-name"
JOBSET_NAME = "jobset.sigs.k8s.io/jobset-name"
JOB_UID = "kueue.x-k8s.io/job-uid"


def why_pending(cluster: Cluster, jobset: Manifest) -> str:
    """Why a JobSet does not run, or not all of it; empty when nothing is in its way."""
    if is_over(jobset):
        return ""
    name, uid = jobset["metadata"]["name"], jobset["metadata"]["uid"]
    workloads: list[Manifest] = []
    events: list[Manifest] = []
    # Rights to read these make the answer better; without them there still is one.
    with suppress(ClusterForbiddenError, ClusterLacksError):
        if QUEUE in jobset["metadata"].get("labels", {}):
            workloads = cluster.list(WORKLOAD, labels=f"{JOB_UID}={uid}").items
    with suppress(ClusterForbiddenError):
        events = cluster.list(EVENT, fields="involvedObject.kind=Job,reason=FailedCreate").items
    pods = cluster.list(POD, labels=f"{JOBSET_NAME}={name}").items
    return pending_reason(jobset, workloads, pods, [each for each in events if _is_of(each, name)])


def pending_reason(
    jobset: Manifest, workloads: Sequence[Manifest], pods: Sequence[Manifest], events: Sequence[Manifest] = ()
) -> str:
    """The same of what has been read already.

    Args:
        jobset: which is not over.
        workloads: Kueue's, of the JobSet.
        pods: of the JobSet.
        events: of its Jobs that could not create pods.
    """
    if jobset["spec"].get("suspend"):
        return _waiting(jobset, workloads)
    waiting = [pod for pod in pods if pod.get("status", {}).get("phase", "Pending") == "Pending"]
    reasons = [_pod_reason(pod) for pod in waiting]
    if told := [reason for reason in reasons if reason]:
        most = max(dict.fromkeys(told), key=told.count)
        return f"{told.count(most)} of {len(pods)} pods wait: {most}" if len(pods) > 1 else f"its pod waits: {most}"
    if not pods and events:
        return f"its pods cannot be created: {_creation_failure(events[-1])}"
    if waiting:
        return f"{len(waiting)} of {len(pods)} pods are being started"
    return "" if pods else "its pods are being created"


def _waiting(jobset: Manifest, workloads: Sequence[Manifest]) -> str:
    queue = jobset["metadata"].get("labels", {}).get(QUEUE)
    if not queue:
        return "it is suspended, and waits in no queue: `kubectl patch` its spec.suspend to false to start it"
    if not workloads:
        return f"it waits for Kueue to see it in queue {queue}: is Kueue installed, and does it manage JobSets?"
    workload = workloads[-1]
    evicted = condition(workload, "Evicted")
    if not workload.get("spec", {}).get("active", True):
        return f"its Workload in queue {queue} was deactivated: {evicted.get('message') or 'nobody says why'}"
    if holds(workload, "QuotaReserved"):
        checks = [each["name"] for each in workload.get("status", {}).get("admissionChecks") or []]
        return f"it has its quota of queue {queue} and waits for " + (", ".join(checks) or "its admission")
    if holds(workload, "Evicted") and evicted.get("reason") == "Preempted":
        return f"it was preempted ({_sentence(str(evicted.get('message', '')))}); now " + _unreserved(
            queue, condition(workload, "QuotaReserved")
        )
    return _unreserved(queue, condition(workload, "QuotaReserved"))


def _unreserved(queue: str, reserved: Manifest) -> str:
    """Why there is no quota for it."""
    message = _sentence(str(reserved.get("message", "")))
    if re.search(r"LocalQueue .* (doesn't|does not) exist", message):
        return (
            f"there is no LocalQueue {queue} in its namespace: create it, or submit with another --installation.queue"
        )
    if "is inactive" in message or "stopped" in message:
        return f"queue {queue} admits nothing: {message}; whoever runs the cluster can start it again"
    if reserved.get("reason") == "Inadmissible":
        return f"queue {queue} cannot admit it: {message}"
    return f"it waits in queue {queue}" + (f": {message}" if message else "")


def _pod_reason(pod: Manifest) -> str:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"no node takes it: {_sentence(str(scheduled.get('message') or scheduled.get('reason')))}"
    for container in pod.get("status", {}).get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), _sentence(str(waiting.get("message", "")))
        if reason in ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"):
            return f"image {container.get('image')} cannot be fetched ({message or reason})"
        if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
            return f"its container cannot be started: {message or reason}"
    return ""


def _creation_failure(event: Manifest) -> str:
    message = str(event.get("message", "")).removeprefix("Error creating: ")
    _, over_quota, quota = message.partition("exceeded quota: ")
    return f"the quota of the namespace leaves no room: {quota}" if over_quota else _sentence(message)


def _is_of(event: Manifest, jobset_name: str) -> bool:
    return str(event.get("involvedObject", {}).get("name", "")).startswith(f"{jobset_name}-")


def _sentence(message: str) -> str:
    """One line, without a full stop, not endless."""
    return " ".join(message.split()).rstrip(".")[:400]
