"""How pods and JobSets ended, and what that means for whoever waits for them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from octo.cluster.kinds import Manifest
from octo.errors import EXIT_DONE, EXIT_FAILED, EXIT_PREEMPTED, EXIT_USAGE

REPLICATED_JOB = "jobset.sigs.k8s.io/replicatedjob-name"
INDEX = "batch.kubernetes.io/job-completion-index"


@dataclass(frozen=True)
class Outcome:
    """How a JobSet ended."""

    succeeded: bool
    reason: str
    """Of the JobSet's condition, such as AllJobsCompleted."""
    exit_code: int
    """As a command's (errors.py): what the failed pods ended with, if they agree, else 1."""
    message: str
    """What went wrong, in the words of the process that failed first, else in Kubernetes'."""
    artifact: str = ""
    """Address of what was made."""


def condition(manifest: Manifest, kind: str) -> Manifest:
    """The condition of that type in an object's status; an empty one if there is none."""
    conditions = manifest.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {})


def holds(manifest: Manifest, kind: str) -> bool:
    """Whether an object's condition of that type is true."""
    return bool(condition(manifest, kind).get("status") == "True")


def indexes(text: str) -> set[int]:
    """0, 1, 2 and 5 of `0-2,5`, as a Job's status has them."""
    parts = [part.partition("-") for part in text.split(",") if part]
    return {index for first, _, last in parts for index in range(int(first), int(last or first) + 1)}


def is_over(jobset: Manifest) -> bool:
    """Whether a JobSet has succeeded or failed."""
    return holds(jobset, "Completed") or holds(jobset, "Failed")


def outcome(jobset: Manifest, jobs: Iterable[Manifest], pods: Iterable[Manifest]) -> Outcome:
    """The outcome of a JobSet that is over, from it, its Jobs and its pods, as many of them as there still are."""
    jobs = list(jobs)
    ordered = sorted(pods, key=lambda pod: str(_terminated(pod).get("finishedAt", "")))
    if holds(jobset, "Completed"):
        artifact = next((made for pod in ordered if (made := said(pod).get("artifact"))), "")
        reason = str(condition(jobset, "Completed").get("reason", ""))
        return Outcome(succeeded=True, reason=reason, exit_code=EXIT_DONE, message="", artifact=str(artifact))
    why = condition(jobset, "Failed")
    reason = str(why.get("reason", ""))
    late = next((job for job in jobs if condition(job, "Failed").get("reason") == "DeadlineExceeded"), None)
    if late is not None:
        seconds = late["spec"].get("activeDeadlineSeconds", "its")
        message = f"it ran for longer than {seconds} seconds: raise --need.deadline-seconds; what it committed stays"
        return Outcome(succeeded=False, reason="DeadlineExceeded", exit_code=EXIT_FAILED, message=message)
    failed = [pod for pod in ordered if pod.get("status", {}).get("phase") == "Failed"]
    exit_code = _exit_code(failed)
    # Wrong usage ends a job at once, by itself: what else failed was told to.
    telling = [pod for pod in failed if exit_code_of(pod) == exit_code] or failed
    message = next((text for pod in telling if (text := ending_text(pod))), "") or _without_pods(why, jobs)
    return Outcome(succeeded=False, reason=reason, exit_code=exit_code, message=message)


def ending_text(pod: Manifest) -> str:
    """Why a pod failed, in a sentence; empty when nothing is known."""
    ended = _terminated(pod)
    name, code = pod["metadata"]["name"], exit_code_of(pod)
    disruption = condition(pod, "DisruptionTarget")
    if error := said(pod).get("error"):
        return str(error)
    if ended.get("reason") == "OOMKilled":
        limit = pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory", "its limit")
        return f"pod {name} was killed for using more memory than {limit}: raise --need.memory-gib"
    if disruption.get("status") == "True":
        return f"pod {name} was taken away: {disruption.get('message') or disruption.get('reason')}"
    if pod.get("status", {}).get("reason"):
        why = f"pod {name}: {pod['status']['reason']}: {pod['status'].get('message', '')}".rstrip(": .")
        remedy = next((remedy for sign, remedy in _FULL if sign in why), "")
        return f"{why}: {remedy}" if remedy else why
    if code is None:
        return ""
    raw = " ".join(str(ended.get("message", "")).split())
    return f"pod {name} ended with exit code {code}" + (f": {raw[:500]}" if raw else "; its log may say why")


def is_disrupted(pod: Manifest) -> bool:
    """Whether a pod was taken away, by no fault of its own: an eviction, a drained or lost node, a preemption."""
    return holds(pod, "DisruptionTarget")


def exit_code_of(pod: Manifest) -> int | None:
    """The exit code of a pod's container: 75, as of a process that can be resumed, when its node was taken away."""
    if is_disrupted(pod):
        return EXIT_PREEMPTED
    code = _terminated(pod).get("exitCode")
    return int(code) if code is not None else None


def said(pod: Manifest) -> dict[str, Any]:
    """The JSON line that a pod's process left when it ended."""
    try:
        line = json.loads(_terminated(pod).get("message") or "{}")
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}


_FULL = (
    ('EmptyDir volume "shm"', "raise --need.shared-memory-gib"),
    ('EmptyDir volume "scratch"', "raise --need.scratch-gib"),
    ("phemeral local storage", "raise --need.scratch-gib"),
)
"""Signs of what a pod had too little of, and the setting that gives it more."""


def _without_pods(why: Manifest, jobs: Iterable[Manifest]) -> str:
    """What Kubernetes says of a failure whose pods are gone, or have left no word."""
    failed = (condition(job, "Failed") for job in jobs if holds(job, "Failed"))
    said = [str(why.get("message", "")), *(str(each.get("message", "")) for each in failed)]
    return "; ".join(dict.fromkeys(filter(None, said)))


def _terminated(pod: Manifest) -> Manifest:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    found: Manifest = statuses[0].get("state", {}).get("terminated") or {}
    return found


def _exit_code(failed: Sequence[Manifest]) -> int:
    codes = {exit_code_of(pod) for pod in failed}
    if EXIT_USAGE in codes:
        return EXIT_USAGE
    return EXIT_PREEMPTED if codes == {EXIT_PREEMPTED} else EXIT_FAILED
