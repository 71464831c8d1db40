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


def is_over(jobset: Manifest) -> bool:
    """Whether a JobSet has succeeded or failed."""
    return holds(jobset, "Completed") or holds(jobset, "Failed")


def outcome(jobset: Manifest, jobs: Iterable[Manifest], pods: Iterable[Manifest]) -> Outcome:
    """The outcome of a JobSet that is over, from it, its Jobs and its pods, as many of them as there still are."""
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
    message = next((text for pod in telling if (text := ending_text(pod))), "") or str(why.get("message", ""))
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
        return f"pod {name}: {pod['status']['reason']}: {pod['status'].get('message', '')}".rstrip(": ")
    if code is None:
        return ""
    raw = " ".join(str(ended.get("message", "")).split())
    return f"pod {name} ended with exit code {code}" + (f": {raw[:500]}" if raw else "; its log may say why")


def exit_code_of(pod: Manifest) -> int | None:
    """The exit code of a pod's container: 75, as of a process that can be resumed, when its node was taken away."""
    if condition(pod, "DisruptionTarget").get("status") == "True":
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


def _terminated(pod: Manifest) -> Manifest:
    statuses = pod.get("status", {}).get("containerStatuses") or [{}]
    found: Manifest = statuses[0].get("state", {}).get("terminated") or {}
    return found


def _exit_code(failed: Sequence[Manifest]) -> int:
    codes = {exit_code_of(pod) for pod in failed}
    if EXIT_USAGE in codes:
        return EXIT_USAGE
    return EXIT_PREEMPTED if codes == {EXIT_PREEMPTED} else EXIT_FAILED
