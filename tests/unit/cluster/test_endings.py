import json
from typing import Any

import pytest

from octo.cluster.endings import ending_text, exit_code_of, outcome, said

Manifest = dict[str, Any]


def jobset(kind: str, reason: str = "ReachedMaxRestarts", message: str = "it failed") -> Manifest:
    return {"status": {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message}]}}


def pod(name: str, code: int, error: str = "", *, at: int = 0, disrupted: bool = False, reason: str = "") -> Manifest:
    ended = {"exitCode": code, "finishedAt": f"2026-01-01T00:00:0{at}Z", "reason": reason}
    ended |= {"message": json.dumps({"error": error})} if error else {}
    disruption = {"type": "DisruptionTarget", "status": "True", "message": "its node goes away"}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"resources": {"limits": {"memory": "2Gi"}}}]},
        "status": {
            "phase": "Failed" if code else "Succeeded",
            "conditions": [disruption] if disrupted else [],
            "containerStatuses": [{"state": {"terminated": ended}}],
        },
    }


def test_wrong_usage_goes_before_all_else_that_failed_by_it() -> None:
    ended = outcome(jobset("Failed"), [], [pod("a", 143, at=1), pod("b", 2, "--x is wrong", at=2), pod("c", 75, at=3)])
    assert (ended.exit_code, ended.message) == (2, "--x is wrong")


def test_the_first_failure_is_told_and_not_what_followed_from_it() -> None:
    ended = outcome(jobset("Failed"), [], [pod("b", 1, "lost its peer", at=2), pod("a", 1, "out of luck", at=1)])
    assert (ended.exit_code, ended.message) == (1, "out of luck")


@pytest.mark.parametrize(
    ("pods", "exit_code"),
    [
        ([pod("a", 75)], 75),
        ([pod("a", 143, disrupted=True), pod("b", 75)], 75),
        ([pod("a", 75), pod("b", 1)], 1),
        ([pod("a", 137)], 1),
        ([], 1),
    ],
)
def test_what_was_preempted_and_nothing_else_can_be_resumed(pods: list[Manifest], exit_code: int) -> None:
    assert outcome(jobset("Failed"), [], pods).exit_code == exit_code


def test_a_failure_without_pods_has_the_words_of_kubernetes() -> None:
    assert outcome(jobset("Failed"), [], []).message == "it failed"


def test_time_that_is_up_is_no_preemption_though_the_pods_were_stopped() -> None:
    job = jobset("Failed", "DeadlineExceeded") | {"spec": {"activeDeadlineSeconds": 60}}
    ended = outcome(jobset("Failed"), [job], [pod("a", 75, "stopped by SIGTERM")])
    assert (ended.exit_code, ended.reason) == (1, "DeadlineExceeded")
    assert "ran for longer than 60 seconds" in ended.message


def test_a_fleets_address_is_any_pods() -> None:
    made = pod("b", 0)
    made["status"]["containerStatuses"][0]["state"]["terminated"]["message"] = '{"artifact": "s3://b/a"}\n'
    assert outcome(jobset("Completed"), [], [pod("a", 0), made]).artifact == "s3://b/a"


@pytest.mark.parametrize("message", ["", "no json", "[1]", '"text"', '{"error": '])
def test_a_termination_message_that_is_no_object_says_nothing(message: str) -> None:
    ended = pod("a", 1)
    ended["status"]["containerStatuses"][0]["state"]["terminated"]["message"] = message
    assert said(ended) == {}


def test_a_pod_that_never_had_a_container_says_nothing() -> None:
    bare = {"metadata": {"name": "a"}, "status": {"phase": "Failed"}}
    assert (ending_text(bare), exit_code_of(bare)) == ("", None)


def test_a_pod_that_its_node_evicted_says_why() -> None:
    evicted = {"metadata": {"name": "a"}, "status": {"reason": "Evicted", "message": "low on ephemeral-storage"}}
    assert ending_text(evicted) == "pod a: Evicted: low on ephemeral-storage"


def test_memory_that_ran_out_is_told_with_its_limit() -> None:
    assert ending_text(pod("a", 137, reason="OOMKilled")).startswith("pod a was killed for using more memory than 2Gi")
