from typing import Any

import pytest

from octo.cluster.reasons import pending_reason

Manifest = dict[str, Any]
QUEUED = {"metadata": {"name": "j", "labels": {"kueue.x-k8s.io/queue-name": "team"}}, "spec": {"suspend": True}}
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
        (workload(("QuotaReserved", "False", "Pending", "8 more\n needed.")), "it waits in queue team: 8 more needed"),
        (workload(), "it waits in queue team"),
        (workload(("QuotaReserved", "False", "Inadmissible", "too big")), "queue team cannot admit it: too big"),
        (
            workload(("QuotaReserved", "True", "", ""), admissionChecks=[{"name": "budget", "state": "Pending"}]),
            "it has its quota of queue team and waits for budget",
        ),
        (
            workload(("Evicted", "True", "Deactivated", "too many tries"), active=False),
            "its Workload in queue team was deactivated: too many tries",
        ),
        (
            workload(
                ("Evicted", "True", "Preempted", "for somebody"), ("QuotaReserved", "False", "Pending", "no room")
            ),
            "it was preempted (for somebody); now it waits in queue team: no room",
        ),
    ],
)
def test_what_kueue_says_is_one_sentence(found: Manifest, reason: str) -> None:
    assert pending_reason(QUEUED, [found], []) == reason


def test_what_is_suspended_without_a_queue_says_how_to_start_it() -> None:
    assert "spec.suspend to false" in pending_reason(STARTED | {"spec": {"suspend": True}}, [], [])


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        (
            [pod(unschedulable="no gpu"), pod(waiting("ErrImagePull", "denied")), pod(unschedulable="no gpu"), pod()],
            "2 of 4 pods wait: no node takes it: no gpu",
        ),
        ([pod(waiting("ErrImagePull"))], "its pod waits: image i cannot be fetched (ErrImagePull)"),
        (
            [pod(waiting("CreateContainerConfigError", 'configmap "c" not found'))],
            'its pod waits: its container cannot be started: configmap "c" not found',
        ),
        ([pod(waiting("ContainerCreating")), pod(phase="Running")], "1 of 2 pods are being started"),
        ([pod(phase="Running")], ""),
        ([], "its pods are being created"),
    ],
)
def test_what_keeps_most_pods_is_told(pods: list[Manifest], reason: str) -> None:
    assert pending_reason(STARTED, [], pods) == reason
