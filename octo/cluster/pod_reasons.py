"""Why a pod waits, has failed and is tried again, or does not go: what scheduler and nodes say, with the remedy."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from octo.cluster.endings import INDEX, REPLICATED_JOB, condition, ending_text, is_disrupted
from octo.cluster.kinds import Manifest
from octo.cluster.sentences import sentence

_SECONDS_OF_STOPPING = 60
"""Beyond its grace, within which a pod whose node answers is gone."""
_TAIL = re.compile(r"[.,;]?\s*(no new claims to deallocate|preemption:).*$", re.DOTALL)
"""Of the scheduler's message: what it says of other pods that it cannot push aside either."""
_UNSCHEDULED: Sequence[tuple[str, str]] = (
    ("untolerated taint", "give its pool in --installation.pools the toleration"),
    ("didn't match Pod's node affinity/selector", "mend node_selector of its pool in --installation.pools"),
    ("Insufficient", "ask for less by --need, or wait until others have ended"),
    ("unschedulable", "nodes are closed to new pods: have them opened, or wait"),
    ("ephemeral", "ask for less by --need.scratch-gib"),
    ("Too many pods", "wait until others have ended, or have nodes added"),
)
_UNFETCHED: Sequence[tuple[str, str]] = (
    (
        "unauthorized|denied|forbidden|authoriz|401|403",
        "name a secret for its registry in --installation.images.pull-secrets",
    ),
    ("not found|manifest unknown|NotFound", "build and push it, or name another by --installation.images"),
    ("invalid reference|InvalidImageName|parse image", "it is no image's name: mend --installation.images"),
    (
        "no such host|timeout|timed out|refused|unreachable",
        "its registry is out of the nodes' reach: mend --installation.images",
    ),
    ("toomanyrequests|rate limit", "its registry limits how often it may be fetched: wait, or name another registry"),
    ("ErrImageNeverPull", "no node has it: load it there, or let --installation.images.pull-policy fetch it"),
)
_UNSTARTED: Sequence[tuple[str, str]] = (
    (r"couldn't find key", "put that key into it"),
    (r"(secret|configmap) .*not found", "create it in the namespace of the job"),
    ("runAsNonRoot", "take an image that runs as a user by number"),
    ("executable file not found|no such file", "is it one of octo's images?"),
)


def pod_reason(pod: Manifest, events: Sequence[Manifest] = ()) -> str:
    """Why a pod waits; empty when it is merely being started."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        if scheduled.get("reason") == "SchedulingGated":
            gates = ", ".join(each["name"] for each in pod.get("spec", {}).get("schedulingGates", [])) or "a gate"
            return f"the scheduler may not place it before {gates} is lifted, by whoever set it"
        message = _TAIL.sub("", str(scheduled.get("message") or scheduled.get("reason")))
        return _with_remedies(f"no node takes it: {sentence(message)}", message, _UNSCHEDULED)
    for container in pod.get("status", {}).get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), sentence(str(waiting.get("message", "")))
        if reason in ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"):
            said = f"image {container.get('image')} cannot be fetched ({message or reason})"
            return _with_remedy(said, f"{reason} {message}", _UNFETCHED, "can its registry be reached from the nodes?")
        if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
            return _with_remedy(f"its container cannot be started: {message or reason}", message, _UNSTARTED, "")
    return _event_reason(pod, events)


def retry_reason(pods: Sequence[Manifest], jobs: Iterable[Manifest]) -> str:
    """What pods have failed whose index is tried again, or is given up while the others go on; empty when none."""
    limits = {
        job["metadata"].get("labels", {}).get(REPLICATED_JOB, ""): job["spec"].get("backoffLimitPerIndex")
        for job in jobs
    }
    places = _by_place(pods)
    failing = {place: tries for place, tries in places.items() if _has_failed(tries)}
    if not failing:
        return ""
    given_up = [place for place, tries in failing.items() if _is_given_up(tries, limits.get(place[0]))]
    last = [tries[-1] if _phase(tries[-1]) == "Failed" else _failed(tries)[-1] for tries in failing.values()]
    reasons = [text for pod in last if (text := ending_text(pod))]
    why = Counter(map(_without_pod, reasons)).most_common(1)
    text = next((each for each in reasons if _without_pod(each) == why[0][0]), "") if why else ""
    tail = f": {sentence(text)}" if text else ""
    if given_up:
        whole = "" if len(given_up) == len(places) else ", and the job fails once the others have ended"
        return f"{_number(given_up, places)} failed for good{whole}{tail}"
    if any(place[0] in limits and limits[place[0]] is None for place in failing):
        return f"{_number(failing, places)} failed, and all start again together, if a restart is left{tail}"
    retries = max(len(_counted(tries)) for tries in failing.values())
    most = [limit for place in failing if (limit := limits.get(place[0])) is not None]
    of = f" of {max(most)}" if most else ""
    again = "is tried again" if len(failing) == 1 else "are tried again"
    return f"{_number(failing, places)} failed and {again} (retry {retries}{of}){tail}"


def stuck_reason(pods: Sequence[Manifest], now: datetime) -> str:
    """What pods should have been gone by now: their node does not answer, and they keep their index until it does."""
    stuck = [pod for pod in pods if _seconds_late(pod, now) > _SECONDS_OF_STOPPING]
    if not stuck:
        return ""
    name, node = stuck[0]["metadata"]["name"], stuck[0].get("spec", {}).get("nodeName", "its node")
    return (
        f"pod {name} was told to stop and is still there: does {node} answer? once that is gone for good, "
        f"`kubectl delete pod {name} --force` lets another take its place"
    )


def _with_remedies(said: str, message: str, table: Sequence[tuple[str, str]]) -> str:
    """With what could be done about each part of the message."""
    remedies = [remedy for sign, remedy in table if sign in message]
    return f"{said}; {', or '.join(remedies[:2])}" if remedies else said


def _with_remedy(said: str, message: str, table: Sequence[tuple[str, str]], otherwise: str) -> str:
    remedy = next((remedy for signs, remedy in table if re.search(signs, message, re.IGNORECASE)), otherwise)
    return f"{said}: {remedy}" if remedy else said


def _event_reason(pod: Manifest, events: Sequence[Manifest]) -> str:
    """What a node says of a pod whose container it cannot even prepare."""
    name = pod["metadata"]["name"] if "metadata" in pod else ""
    for event in events:
        if event.get("involvedObject", {}).get("name") == name and event.get("reason") in (
            "FailedMount",
            "FailedCreatePodSandBox",
            "FailedAttachVolume",
        ):
            message = sentence(str(event.get("message", "")))
            return _with_remedy(f"its node cannot prepare it: {message}", message, _UNSTARTED, "")
    return ""


def _by_place(pods: Iterable[Manifest]) -> dict[tuple[str, str], list[Manifest]]:
    """The pods of each index of each role, the oldest first."""
    places: dict[tuple[str, str], list[Manifest]] = {}
    for pod in sorted(pods, key=lambda each: str(each.get("metadata", {}).get("creationTimestamp", ""))):
        labels = pod.get("metadata", {}).get("labels", {})
        places.setdefault((labels.get(REPLICATED_JOB, ""), labels.get(INDEX, "0")), []).append(pod)
    return places


def _phase(pod: Manifest) -> str:
    return str(pod.get("status", {}).get("phase", "Pending"))


def _failed(tries: Iterable[Manifest]) -> list[Manifest]:
    return [pod for pod in tries if _phase(pod) == "Failed"]


def _counted(tries: Iterable[Manifest]) -> list[Manifest]:
    """Failures that use up a retry: a node that was taken away uses up none."""
    return [pod for pod in _failed(tries) if not is_disrupted(pod)]


def _has_failed(tries: Sequence[Manifest]) -> bool:
    return bool(_counted(tries)) and not any(_phase(pod) == "Succeeded" for pod in tries)


def _is_given_up(tries: Sequence[Manifest], limit: int | None) -> bool:
    return limit is not None and len(_counted(tries)) > limit


def _number(chosen: Iterable[object], places: Iterable[object]) -> str:
    number, of = len(list(chosen)), len(list(places))
    return f"{number} of {of} pods" if of > 1 else "its pod"


def _without_pod(text: str) -> str:
    return re.sub(r"pod \S+", "pod", text)


def _seconds_late(pod: Manifest, now: datetime) -> float:
    """Beyond the time by which it should have stopped, as the API states it."""
    stated = pod.get("metadata", {}).get("deletionTimestamp")
    return (now - datetime.fromisoformat(stated)).total_seconds() if stated else 0.0
