"""Why a JobSet waits in a queue: what Kueue says of its Workload, and what can be done."""

import re
from collections.abc import Sequence

from octo.cluster.endings import condition, holds
from octo.cluster.kinds import Manifest
from octo.cluster.sentences import sentence

QUEUE = "kueue.x-k8s.io/queue-name"
_LESS = "ask for less by --need, take another queue by --installation.queue, or have this one's quota raised"
_UNRESERVED = (
    (
        r"LocalQueue .* (doesn't|does not) exist",
        "there is no LocalQueue {queue} in its namespace: create it, or submit with another --installation.queue",
    ),
    (
        r"ClusterQueue .* (doesn't|does not) exist",
        "queue {queue} leads nowhere: {message}; have it created, or submit with another --installation.queue",
    ),
    (
        r"is inactive|stopped",
        "queue {queue} admits nothing: {message}; whoever runs the cluster can start it again",
    ),
    (
        r"^(?!.*more needed).*(untolerated taint|doesn't match node affinity)",
        "queue {queue} has no nodes for it: {message}; mend its pool in --installation.pools",
    ),
)
"""What Kueue says, and what it means."""
_EVICTIONS = {
    "Preempted": "it was preempted",
    "PodsReadyTimeout": "its pods were not all ready in time, and gave their place back",
    "AdmissionCheck": "an admission check took its place back",
    "NodeFailures": "a node of it failed, and it gave its place back",
    "ClusterQueueStopped": "its queue was stopped",
    "LocalQueueStopped": "its queue was stopped",
    "MaximumExecutionTimeExceeded": "it ran for longer than it may at a time",
}


def queue_reason(jobset: Manifest, workloads: Sequence[Manifest]) -> str:
    """Why a suspended JobSet has not been started."""
    queue = jobset["metadata"].get("labels", {}).get(QUEUE)
    if not queue:
        return "it is suspended, and waits in no queue: `kubectl patch` its spec.suspend to false to start it"
    if not workloads:
        return f"it waits for Kueue to see it in queue {queue}: is Kueue installed, and does it manage JobSets?"
    workload = workloads[-1]
    evicted = condition(workload, "Evicted")
    if not workload.get("spec", {}).get("active", True):
        why = sentence(str(evicted.get("message") or "nobody says why"))
        name = jobset["metadata"].get("name", "")
        again = f"once mended, `octo cancel {name}`, and start it again"
        return f"its Workload in queue {queue} was deactivated: {why}; {again}"
    if holds(workload, "QuotaReserved"):
        return f"it has its quota of queue {queue} and waits for {_checks(workload)}"
    unreserved = _unreserved(queue, condition(workload, "QuotaReserved"))
    if holds(workload, "Evicted"):
        reason = str(evicted.get("reason", ""))
        what = _EVICTIONS.get(reason, f"its place was taken back ({reason})")
        return f"{what} ({sentence(str(evicted.get('message', '')))}); now {unreserved}{_later(workload)}"
    return f"{unreserved}{_later(workload)}"


def _checks(workload: Manifest) -> str:
    """The admission checks that are not passed yet, and what they say."""
    checks = workload.get("status", {}).get("admissionChecks") or []
    missing = [each for each in checks if each.get("state") != "Ready"]
    said = [
        f"{each['name']} ({text})" if (text := sentence(each.get("message", ""))) else each["name"] for each in missing
    ]
    return ", ".join(said) or "its admission"


def _later(workload: Manifest) -> str:
    requeue = workload.get("status", {}).get("requeueState") or {}
    return f"; it is queued again at {requeue['requeueAt']}" if requeue.get("requeueAt") else ""


def _unreserved(queue: str, reserved: Manifest) -> str:
    """Why there is no quota for it."""
    message = sentence(str(reserved.get("message", "")))
    for sign, said in _UNRESERVED:
        if re.search(sign, message):
            return said.format(queue=queue, message=message)
    if _never_fits(message):
        return f"it can never run in queue {queue}: {message}; {_LESS}"
    if reserved.get("reason") == "Inadmissible":
        return f"queue {queue} cannot admit it: {message}; have the queue mended, or submit with another"
    waits = f"it waits in queue {queue}" + (f": {message}" if message else "")
    return f"{waits}; it starts when others have made room, or ask for less by --need"


def _never_fits(message: str) -> bool:
    """Whether no flavor of the queue is large enough, whoever else has left it. Kueue's reason is the same for both."""
    never = "> maximum capacity" in message or re.search(r"resource \S+ unavailable in ClusterQueue", message)
    return bool(never) and "more needed" not in message
