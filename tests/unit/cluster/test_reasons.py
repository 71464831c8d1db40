from typing import Any

import pytest

from octo.cluster.reasons import pending_reason

Manifest = dict[str, Any]
QUEUED = {"metadata": {"name": "j", "labels": {"kueue.x-k8s.io/queue-name": "team"}}, "spec": {"suspend": True}}
ROOM = "; it starts when others have made room, or ask for less by --need"
STARTED = {"metadata": {"name": "j"}, "spec": {}}


def workload(*conditions: tuple[str, str, str, str], **more: Any) -> Manifest:
    listed = [dict(zip(("type", "status", "reason", "message"), each, strict=True)) for each in conditions]
    return {"spec": {"active": more.pop("active", True)}, "status": {"conditions": listed} | more}


def pod(state: Manifest | None = None, *, unschedulable: str = "", phase: str = "Pending") -> Manifest:
    conditions = [{"type": "PodScheduled", "status": "False", "message": unschedulable}] if unschedulable else []
    statuses = [{"name": "octo", "image": "i", "state": state}] if state else []
    return {"status": {"phase": phase, "conditions": conditions, "containerStatuses": statuses}}


def waiting(reason: str, message: str = "") -> Manifest:
    return {"waiting": {"reason": reason, "message": message}}


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            workload(("QuotaReserved", "False", "Pending", "8 more\n needed.")),
            f"it waits in queue team: 8 more needed{ROOM}",
        ),
        (workload(), f"it waits in queue team{ROOM}"),
        (
            workload(("QuotaReserved", "False", "Inadmissible", "too big")),
            "queue team cannot admit it: too big; have the queue mended, or submit with another",
        ),
        (
            workload(("QuotaReserved", "True", "", ""), admissionChecks=[{"name": "budget", "state": "Pending"}]),
            "it has its quota of queue team and waits for budget",
        ),
        (
            workload(("Evicted", "True", "Deactivated", "too many tries"), active=False),
            (
                "its Workload in queue team was deactivated: too many tries; once mended, `octo cancel j`, and start "
                "it again"
            ),
        ),
        (
            workload(
                ("Evicted", "True", "Preempted", "for somebody"), ("QuotaReserved", "False", "Pending", "no room")
            ),
            f"it was preempted (for somebody); now it waits in queue team: no room{ROOM}",
        ),
    ],
)
def test_what_kueue_says_is_one_sentence(found: Manifest, reason: str) -> None:
    assert pending_reason(QUEUED, [found], []) == reason


NEVER = (
    "insufficient quota for gpu in flavor a, previously considered podsets requests (0) + current podset request (9) > "
)
LATER = "insufficient unused quota for gpu in flavor b, 2 more needed"
TAINTED = "couldn't assign flavors to pod set node: untolerated taint {gpu} in flavor a"


@pytest.mark.parametrize(
    ("message", "beginning"),
    [
        (f"{NEVER}maximum capacity (8)", "it can never run in queue team: "),
        ("resource amd.com/gpu unavailable in ClusterQueue", "it can never run in queue team: "),
        (f"{NEVER}maximum capacity (8), {LATER}", "it waits in queue team: "),
        (TAINTED, "queue team has no nodes for it: "),
        (f"{TAINTED}, {LATER}", "it waits in queue team: "),
        ("ClusterQueue all doesn't exist", "queue team leads nowhere: "),
    ],
)
def test_what_can_never_fit_is_told_from_what_has_to_wait(message: str, beginning: str) -> None:
    found = workload(("QuotaReserved", "False", "Pending", message))
    assert pending_reason(QUEUED, [found], []).startswith(f"{beginning}{message}; ")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("PodsReadyTimeout", "its pods were not all ready in time, and gave their place back"),
        ("NodeFailures", "a node of it failed"),
        ("SomethingNew", "its place was taken back (SomethingNew)"),
    ],
)
def test_an_eviction_by_kueue_is_told_with_when_it_goes_on(reason: str, said: str) -> None:
    found = workload(("Evicted", "True", reason, "why"), requeueState={"count": 2, "requeueAt": "2026-01-01T00:05:00Z"})
    told = pending_reason(QUEUED, [found], [])
    assert told.startswith(said)
    assert told.endswith("; it is queued again at 2026-01-01T00:05:00Z")


def test_an_admission_check_is_told_with_what_it_says_and_not_when_it_is_passed() -> None:
    checks = [{"name": "budget", "state": "Retry", "message": "over budget\n"}, {"name": "nodes", "state": "Ready"}]
    found = workload(("QuotaReserved", "True", "", ""), admissionChecks=checks)
    assert pending_reason(QUEUED, [found], []) == "it has its quota of queue team and waits for budget (over budget)"


def test_a_scheduling_gate_is_named() -> None:
    gated = pod(unschedulable="Scheduling is blocked due to non-empty scheduling gates")
    gated["status"]["conditions"][0]["reason"] = "SchedulingGated"
    gated["spec"] = {"schedulingGates": [{"name": "example.com/topology"}]}
    assert "before example.com/topology is lifted" in pending_reason(STARTED, [], [gated])


def test_what_is_suspended_without_a_queue_says_how_to_start_it() -> None:
    assert "spec.suspend to false" in pending_reason(STARTED | {"spec": {"suspend": True}}, [], [])


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        (
            [pod(unschedulable="no gpu"), pod(waiting("ErrImagePull", "denied")), pod(unschedulable="no gpu"), pod()],
            "2 of 4 pods wait: no node takes it: no gpu",
        ),
        (
            [pod(waiting("ErrImagePull"))],
            "its pod waits: image i cannot be fetched (ErrImagePull): can its registry be reached from the nodes?",
        ),
        (
            [pod(waiting("CreateContainerConfigError", 'configmap "c" not found'))],
            (
                'its pod waits: its container cannot be started: configmap "c" not found: create it in the '
                "namespace of the job"
            ),
        ),
        ([pod(waiting("ContainerCreating")), pod(phase="Running")], "1 of 2 pods are being started"),
        ([pod(phase="Running")], ""),
        ([], "its pods are being created"),
    ],
)
def test_what_keeps_most_pods_is_told(pods: list[Manifest], reason: str) -> None:
    assert pending_reason(STARTED, [], pods) == reason
