"""Jobs to pods, as Kubernetes' own controller does it: indexes, retries for each, policies on failed pods."""

from collections import Counter
from dataclasses import dataclass, field

from tests.wire.kubernetes.events import report
from tests.wire.kubernetes.objects import Object, Refusal, condition, holds, labels_of, with_condition
from tests.wire.kubernetes.resources import JOBS, PODS
from tests.wire.kubernetes.store import Store, random_suffix, timestamp

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
DONE = ("Succeeded", "Failed")


@dataclass
class Tally:
    """What has become of a Job's pods, those that are gone included."""

    succeeded: set[int] = field(default_factory=set)
    failures: Counter[int] = field(default_factory=Counter)
    """Counted ones, by index."""
    ignored: Counter[int] = field(default_factory=Counter)
    failed_indexes: set[int] = field(default_factory=set)
    num_succeeded: int = 0
    num_failed: int = 0
    fatal: str = ""
    """Why a policy ended the Job."""


@dataclass
class JobController:
    store: Store
    tallies: dict[str, Tally] = field(default_factory=dict)
    """By the uid of the Job."""
    backing_off: bool = False
    """Whether pods that are to take another's place are waited with."""

    def reconcile(self, job: Object) -> None:
        tally = self.tallies.setdefault(job["metadata"]["uid"], Tally())
        pods = self.store.dependents(job["metadata"]["uid"], PODS)
        self._count(job, tally, pods)
        if finished(job) or "deletionTimestamp" in job["metadata"]:
            return
        pods = [pod for pod in pods if phase(pod) not in DONE]
        if job["spec"].get("suspend"):
            self._delete(pods)
            self._write(job, tally, [], ("Suspended", "True", "JobSuspended", "Job suspended"))
        elif failure := _failure(job, tally):
            self._delete(pods)
            self._write(job, tally, pods, ("Failed", "True", *failure))
        elif _complete(job, tally):
            self._delete(pods)
            self._write(
                job,
                tally,
                pods,
                ("Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods"),
            )
        else:
            pods += [] if self.backing_off else self._start_missing(job, tally, pods)
            resumed = ("Suspended", "False", "JobResumed", "Job resumed") if condition(job, "Suspended") else None
            self._write(job, tally, pods, resumed)

    def release_orphan(self, pod: Object) -> None:
        """Let go of a pod whose Job is gone: nobody is left to count it."""
        metadata = pod["metadata"]
        owners = metadata.get("ownerReferences", [])
        if TRACKING in metadata.get("finalizers", []) and not any(
            self.store.identified(each["uid"]) for each in owners
        ):
            self.store.change(PODS, metadata["namespace"], metadata["name"], _without_tracking)

    def expire(self, namespace: str, name: str) -> None:
        """Let the Job's activeDeadlineSeconds be over."""
        job = self.store.read(JOBS, namespace, name)
        tally = self.tallies.setdefault(job["metadata"]["uid"], Tally())
        tally.fatal = "DeadlineExceeded: Job was active longer than specified deadline"
        self.reconcile(job)

    def _count(self, job: Object, tally: Tally, pods: list[Object]) -> None:
        """Count each pod that has ended, once: it is let go then."""
        for pod in pods:
            if phase(pod) not in DONE or TRACKING not in pod["metadata"].get("finalizers", []):
                continue
            suspended = job["spec"].get("suspend") and "deletionTimestamp" in pod["metadata"]
            if phase(pod) == "Succeeded":
                tally.num_succeeded += 1
                tally.succeeded.add(index_of(pod))
            elif not suspended:
                _count_failure(job, tally, pod)
            metadata = pod["metadata"]
            self.store.change(PODS, metadata["namespace"], metadata["name"], _without_tracking)

    def _start_missing(self, job: Object, tally: Tally, pods: list[Object]) -> list[Object]:
        spec = job["spec"]
        # A pod that is being deleted keeps its index until it has ended, or gives it up at once, as the policy says.
        keeps = spec.get("podReplacementPolicy", "TerminatingOrFailed") == "Failed"
        active = [pod for pod in pods if keeps or "deletionTimestamp" not in pod["metadata"]]
        room = spec.get("parallelism", 1) - len(active)
        if not indexed(job):
            room = min(room, spec.get("completions", 1) - tally.num_succeeded - len(active))
            return self._started(job, tally, [0] * room)
        taken = tally.succeeded | tally.failed_indexes | {index_of(pod) for pod in active}
        free = (index for index in range(spec["completions"]) if index not in taken)
        return self._started(job, tally, [index for index, _ in zip(free, range(room), strict=False)])

    def _started(self, job: Object, tally: Tally, indexes: list[int]) -> list[Object]:
        """New pods, as far as the server lets them be created; what it refuses is reported of the Job."""
        pods: list[Object] = []
        for index in indexes:
            try:
                pods.append(self._start(job, tally, index))
            except Refusal as refusal:
                report(self.store, JOBS, job, "FailedCreate", f"Error creating: {refusal.message}")
                break
        return pods

    def _start(self, job: Object, tally: Tally, index: int) -> Object:
        metadata, template = job["metadata"], job["spec"]["template"]
        labels = {
            "batch.kubernetes.io/job-name": metadata["name"],
            "batch.kubernetes.io/controller-uid": metadata["uid"],
        }
        annotations = dict(template.get("metadata", {}).get("annotations", {}))
        spec = dict(template["spec"])
        name = metadata["name"]
        if indexed(job):
            name = f"{name}-{index}"
            labels[INDEX] = annotations[INDEX] = str(index)
            annotations["batch.kubernetes.io/job-index-failure-count"] = str(tally.failures[index])
            annotations["batch.kubernetes.io/job-index-ignored-failure-count"] = str(tally.ignored[index])
            spec["hostname"] = name
            field_path = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
            variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": field_path}
            spec["containers"] = [each | {"env": [*each.get("env", []), variable]} for each in spec["containers"]]
        owner = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
        pod = {
            "metadata": {
                "name": f"{name}-{random_suffix()}",
                "labels": template.get("metadata", {}).get("labels", {}) | labels,
                "annotations": annotations,
                "ownerReferences": [owner],
                "finalizers": [TRACKING],
            },
            "spec": spec,
            "status": {"phase": "Pending"},
        }
        return self.store.create(PODS, pod, metadata["namespace"])

    def _delete(self, pods: list[Object]) -> None:
        for pod in pods:
            if "deletionTimestamp" not in pod["metadata"]:
                self.store.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _write(self, job: Object, tally: Tally, pods: list[Object], change: tuple[str, str, str, str] | None) -> None:
        status: Object = dict(job.get("status", {}))
        status |= {
            "active": len(pods),
            "ready": sum(holds(pod, "Ready") for pod in pods),
            "succeeded": len(tally.succeeded) if indexed(job) else tally.num_succeeded,
            "failed": tally.num_failed,
        }
        if indexed(job):
            status["completedIndexes"] = ranges(tally.succeeded)
        if "backoffLimitPerIndex" in job["spec"]:
            status["failedIndexes"] = ranges(tally.failed_indexes)
        if not job["spec"].get("suspend"):
            status.setdefault("startTime", timestamp())
        if change:
            kind, value, reason, message = change
            status = with_condition(status, kind, value, reason, message, timestamp())
            if kind in ("Complete", "Failed"):
                status |= {"active": 0, "ready": 0, "completionTime": timestamp()}
        self.store.set_status(JOBS, job, status)


def finished(job: Object) -> bool:
    return holds(job, "Complete") or holds(job, "Failed")


def indexed(job: Object) -> bool:
    return job["spec"].get("completionMode") == "Indexed"


def phase(pod: Object) -> str:
    return pod.get("status", {}).get("phase", "Pending")


def index_of(pod: Object) -> int:
    return int(labels_of(pod).get(INDEX, 0))


def ranges(indexes: set[int]) -> str:
    """`0-2,5` of 0, 1, 2 and 5, as Kubernetes writes them."""
    groups: list[list[int]] = []
    for index in sorted(indexes):
        if groups and index == groups[-1][-1] + 1:
            groups[-1][1:] = [index]
        else:
            groups.append([index])
    return ",".join("-".join(map(str, group)) for group in groups)


def _count_failure(job: Object, tally: Tally, pod: Object) -> None:
    index = index_of(pod)
    action, why = _policy(job, pod)
    if action == "Ignore":
        tally.ignored[index] += 1
        return
    tally.num_failed += 1
    tally.failures[index] += 1
    if action == "FailJob":
        tally.fatal = tally.fatal or f"PodFailurePolicy: {why}"
    limit = job["spec"].get("backoffLimitPerIndex")
    if action == "FailIndex" or (limit is not None and tally.failures[index] > limit):
        tally.failed_indexes.add(index)


def _policy(job: Object, pod: Object) -> tuple[str, str]:
    """What the Job's podFailurePolicy says of a failed pod, and why: the first rule that matches."""
    place = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    for position, rule in enumerate(job["spec"].get("podFailurePolicy", {}).get("rules", [])):
        action = rule["action"]
        matching = f"matching {action} rule at index {position}"
        for pattern in rule.get("onPodConditions", []):
            found = condition(pod, pattern["type"])
            if found and found["status"] == pattern.get("status", "True"):
                return action, f"Pod {place} has condition {pattern['type']} {matching}"
        if container := _matching_container(pod, rule.get("onExitCodes")):
            code = container["state"]["terminated"]["exitCode"]
            return action, f"Container {container['name']} for pod {place} failed with exit code {code} {matching}"
    return "Count", ""


def _matching_container(pod: Object, pattern: Object | None) -> Object | None:
    for container in pod["status"].get("containerStatuses", []) if pattern else ():
        ended = container["state"].get("terminated")
        if not ended or not ended["exitCode"] or pattern.get("containerName", container["name"]) != container["name"]:
            continue
        if (ended["exitCode"] in pattern["values"]) == (pattern["operator"] == "In"):
            return container
    return None


def _failure(job: Object, tally: Tally) -> tuple[str, str] | None:
    """Reason and message of a Job that has failed."""
    spec = job["spec"]
    if tally.fatal:
        reason, _, message = tally.fatal.partition(": ")
        return reason, message
    if "backoffLimitPerIndex" in spec:
        if len(tally.failed_indexes) > spec.get("maxFailedIndexes", spec["completions"]):
            return "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
        if tally.failed_indexes and len(tally.succeeded | tally.failed_indexes) == spec["completions"]:
            return "FailedIndexes", "Job has failed indexes"
    elif tally.num_failed > spec.get("backoffLimit", 6):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    return None


def _complete(job: Object, tally: Tally) -> bool:
    wanted = job["spec"].get("completions", 1)
    rules = job["spec"].get("successPolicy", {}).get("rules", [])
    return (len(tally.succeeded) if indexed(job) else tally.num_succeeded) >= wanted or any(
        _rule_is_met(rule, tally.succeeded) for rule in rules
    )


def _rule_is_met(rule: Object, succeeded: set[int]) -> bool:
    wanted = _indexes(rule["succeededIndexes"]) if "succeededIndexes" in rule else succeeded
    return len(wanted & succeeded) >= rule.get("succeededCount", len(wanted)) and bool(wanted)


def _indexes(text: str) -> set[int]:
    parts = [part.partition("-") for part in text.split(",")]
    return {index for first, _, last in parts for index in range(int(first), int(last or first) + 1)}


def _without_tracking(pod: Object) -> Object:
    kept = [each for each in pod["metadata"]["finalizers"] if each != TRACKING]
    pod["metadata"]["finalizers"] = kept
    return pod
