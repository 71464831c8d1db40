"""JobSets to Jobs, as the JobSet controller does it: suspension, restarts, success and failure policies."""

import hashlib
import re
from dataclasses import dataclass

from tests.wire.kubernetes.events import report
from tests.wire.kubernetes.job_controller import finished
from tests.wire.kubernetes.objects import Object, Refusal, condition, holds, labels_of, with_condition
from tests.wire.kubernetes.resources import JOB_SETS, JOBS
from tests.wire.kubernetes.store import Store, timestamp

PREFIX = "jobset.sigs.k8s.io"
ATTEMPT = f"{PREFIX}/restart-attempt"
REPLICATED_JOB = f"{PREFIX}/replicatedjob-name"


@dataclass
class JobSetController:
    store: Store

    def reconcile(self, jobset: Object) -> None:
        if "deletionTimestamp" in jobset["metadata"]:
            return
        jobs = self.store.dependents(jobset["metadata"]["uid"], JOBS)
        if over(jobset):
            self._delete(job for job in jobs if not finished(job))
            return
        restarts = jobset.get("status", {}).get("restarts", 0)
        current = [job for job in jobs if int(labels_of(job)[ATTEMPT]) == restarts]
        # Before its successor, as they have one name.
        self._delete(job for job in jobs if job not in current)
        failed = [job for job in current if holds(job, "Failed")]
        if failed:
            self._fail_or_restart(jobset, current, min(failed, key=_failed_at))
        elif _succeeded(jobset, current):
            self._write(jobset, current, ("Completed", "True", "AllJobsCompleted", "jobset completed successfully"))
        else:
            self._suspend_or_resume(jobset, current)
            self._create_missing(jobset, current, restarts)

    def _fail_or_restart(self, jobset: Object, jobs: list[Object], first: Object) -> None:
        policy = jobset["spec"].get("failurePolicy")
        because = f"(first failed job: {first['metadata']['name']})"
        if policy is None:
            message = f"jobset failed due to one or more job failures {because}"
            self._write(jobset, jobs, ("Failed", "True", "FailedJobs", message))
            return
        action = _action(policy, first)
        counted = jobset.get("status", {}).get("restartsCountTowardsMax", 0)
        if action == "FailJobSet":
            message = f"jobset failed due to FailJobSet failure policy action {because}"
            self._write(jobset, jobs, ("Failed", "True", "FailJobSetFailurePolicyAction", message))
        elif action == "RestartJobSet" and counted >= policy.get("maxRestarts", 0):
            message = f"jobset failed due to reaching max number of restarts {because}"
            self._write(jobset, jobs, ("Failed", "True", "ReachedMaxRestarts", message))
        else:
            status = jobset.get("status", {})
            more = {"restarts": status.get("restarts", 0) + 1}
            more["restartsCountTowardsMax"] = counted + (action == "RestartJobSet")
            self.store.set_status(JOB_SETS, jobset, status | more)

    def _suspend_or_resume(self, jobset: Object, jobs: list[Object]) -> None:
        suspended = bool(jobset["spec"].get("suspend"))
        for job in jobs:
            if bool(job["spec"].get("suspend")) != suspended:
                place = (JOBS, job["metadata"]["namespace"], job["metadata"]["name"])
                self.store.change(*place, lambda old: old | {"spec": old["spec"] | {"suspend": suspended}})
        if suspended:
            self._write(jobset, jobs, ("Suspended", "True", "SuspendedJobs", "jobset is suspended"))
        elif condition(jobset, "Suspended"):
            self._write(jobset, jobs, ("Suspended", "False", "ResumeJobs", "jobset is resumed"))
        else:
            self._write(jobset, jobs, None)

    def _create_missing(self, jobset: Object, jobs: list[Object], restarts: int) -> None:
        there = {job["metadata"]["name"] for job in self.store.dependents(jobset["metadata"]["uid"], JOBS)}
        for replicated in jobset["spec"]["replicatedJobs"]:
            if not all(_dependency_is_met(each, jobs) for each in replicated.get("dependsOn", [])):
                continue
            for number in range(replicated.get("replicas", 1)):
                job = _job(jobset, replicated, number, restarts)
                if job["metadata"]["name"] not in there:
                    self._create(jobset, job)

    def _create(self, jobset: Object, job: Object) -> None:
        """Create a Job, or report that it cannot be: nothing else of the JobSet says so."""
        try:
            self.store.create(JOBS, job, jobset["metadata"]["namespace"])
        except Refusal as refusal:
            message = f'job "{job["metadata"]["name"]}" creation failed with error: {refusal.message}'
            report(self.store, JOB_SETS, jobset, "JobCreationFailed", message)

    def _delete(self, jobs) -> None:
        for job in jobs:
            if "deletionTimestamp" not in job["metadata"]:
                self.store.delete(JOBS, job["metadata"]["namespace"], job["metadata"]["name"], "Foreground")

    def _write(self, jobset: Object, jobs: list[Object], change: tuple[str, str, str, str] | None) -> None:
        status = {"restarts": 0, "restartsCountTowardsMax": 0} | jobset.get("status", {})
        status["replicatedJobsStatus"] = [
            _counts(replicated, [job for job in jobs if labels_of(job)[REPLICATED_JOB] == replicated["name"]])
            for replicated in jobset["spec"]["replicatedJobs"]
        ]
        if change:
            kind, value, reason, message = change
            status = with_condition(status, kind, value, reason, message, timestamp())
            if kind in ("Completed", "Failed"):
                status["terminalState"] = kind
        self.store.set_status(JOB_SETS, jobset, status)


def over(jobset: Object) -> bool:
    return holds(jobset, "Completed") or holds(jobset, "Failed")


def _counts(replicated: Object, jobs: list[Object]) -> Object:
    return {
        "name": replicated["name"],
        "ready": sum(_is_ready(job) for job in jobs),
        "succeeded": sum(holds(job, "Complete") for job in jobs),
        "failed": sum(holds(job, "Failed") for job in jobs),
        "active": sum(job.get("status", {}).get("active", 0) > 0 for job in jobs),
        "suspended": sum(holds(job, "Suspended") for job in jobs),
    }


def _is_ready(job: Object) -> bool:
    status = job.get("status", {})
    return status.get("ready", 0) + status.get("succeeded", 0) >= job["spec"].get("parallelism", 1)


def _succeeded(jobset: Object, jobs: list[Object]) -> bool:
    policy = jobset["spec"].get("successPolicy", {})
    names = policy.get("targetReplicatedJobs") or [each["name"] for each in jobset["spec"]["replicatedJobs"]]
    wanted = sum(each.get("replicas", 1) for each in jobset["spec"]["replicatedJobs"] if each["name"] in names)
    complete = sum(holds(job, "Complete") for job in jobs if labels_of(job)[REPLICATED_JOB] in names)
    return complete > 0 if policy.get("operator") == "Any" else complete >= wanted > 0


def _action(policy: Object, job: Object) -> str:
    failure = condition(job, "Failed")
    for rule in policy.get("rules", []):
        targets, reasons = rule.get("targetReplicatedJobs", []), rule.get("onJobFailureReasons", [])
        patterns = rule.get("onJobFailureMessagePatterns", [])
        if (
            (not targets or labels_of(job)[REPLICATED_JOB] in targets)
            and (not reasons or failure["reason"] in reasons)
            and (not patterns or any(re.search(pattern, failure["message"]) for pattern in patterns))
        ):
            return rule["action"]
    return "RestartJobSet"


def _failed_at(job: Object) -> tuple[str, str]:
    return condition(job, "Failed")["lastTransitionTime"], job["metadata"]["name"]


def _dependency_is_met(dependency: Object, jobs: list[Object]) -> bool:
    others = [job for job in jobs if labels_of(job)[REPLICATED_JOB] == dependency["name"]]
    met = _is_ready if dependency["status"] == "Ready" else (lambda job: holds(job, "Complete"))
    return bool(others) and all(met(job) for job in others)


def _job(jobset: Object, replicated: Object, number: int, restarts: int) -> Object:
    metadata = jobset["metadata"]
    name = f"{metadata['name']}-{replicated['name']}-{number}"
    marks = {
        f"{PREFIX}/jobset-name": metadata["name"],
        f"{PREFIX}/jobset-uid": metadata["uid"],
        REPLICATED_JOB: replicated["name"],
        f"{PREFIX}/replicatedjob-replicas": str(replicated.get("replicas", 1)),
        f"{PREFIX}/job-index": str(number),
        f"{PREFIX}/job-key": hashlib.sha256(f"{metadata['namespace']}/{name}".encode()).hexdigest()[:40],
        ATTEMPT: str(restarts),
    }
    template = replicated["template"]
    spec = dict(template["spec"])
    pod = dict(spec["template"])
    pod_metadata = pod.get("metadata", {})
    pod["metadata"] = pod_metadata | {
        "labels": pod_metadata.get("labels", {}) | marks,
        "annotations": pod_metadata.get("annotations", {}) | marks,
    }
    network = jobset["spec"].get("network", {})
    if network.get("enableDNSHostnames", True):
        pod["spec"] = pod["spec"] | {"subdomain": network.get("subdomain", metadata["name"])}
    owner = {"apiVersion": JOB_SETS.api_version, "kind": "JobSet", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "metadata": {
            "name": name,
            "labels": template.get("metadata", {}).get("labels", {}) | marks,
            "annotations": template.get("metadata", {}).get("annotations", {}) | marks,
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
        "spec": spec | {"template": pod, "suspend": bool(jobset["spec"].get("suspend"))},
    }
