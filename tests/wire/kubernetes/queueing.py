"""Kueue, as far as JobSets see it: a Workload each, held back until its queue's quota has room."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count

from tests.wire.kubernetes.jobset_controller import over
from tests.wire.kubernetes.objects import Object, holds, labels_of, with_condition
from tests.wire.kubernetes.resources import CLUSTER_QUEUES, JOB_SETS, LOCAL_QUEUES, WORKLOADS, Resource
from tests.wire.kubernetes.store import Store, timestamp

QUEUE = "kueue.x-k8s.io/queue-name"
_SUFFIXES = {
    "m": Fraction(1, 1000),
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}


def suspended_when_queued(resource: Resource, manifest: Object) -> Object:
    """Kueue's webhook: what waits in a queue is created suspended."""
    if resource == JOB_SETS and QUEUE in labels_of(manifest):
        return manifest | {"spec": manifest["spec"] | {"suspend": True}}
    return manifest


@dataclass
class Queueing:
    store: Store
    _places: dict[str, int] = field(default_factory=dict)
    """By the uid of the JobSet: who came later has a higher one."""
    _next: Iterator[int] = field(default_factory=count)

    def reconcile(self) -> None:
        """Admit what fits, in the order of arrival; say of everything else why it waits."""
        used: dict[str, Counter[str]] = {}
        workloads = [(jobset, self._workload(jobset)) for jobset in self._queued()]
        for jobset, workload in workloads:
            if over(jobset):
                self._say(workload, ("Finished", "True", "Succeeded", "Job finished"))
            elif holds(workload, "Admitted"):
                name = workload["status"]["admission"]["clusterQueue"]
                used.setdefault(name, Counter()).update(_requests(jobset))
        for jobset, workload in workloads:
            if not over(jobset) and not holds(workload, "Admitted"):
                self._admit_if_it_fits(jobset, workload, used)

    def preempt(self, namespace: str, jobset_name: str) -> None:
        """Take an admitted JobSet's place away, as for one of a higher priority: it queues up again behind all."""
        with self.store.lock:
            self._preempt(self.store.read(JOB_SETS, namespace, jobset_name))

    def _queued(self) -> list[Object]:
        queued = [each for each in self.store.listed(JOB_SETS) if QUEUE in labels_of(each)]
        for jobset in sorted(queued, key=lambda each: int(each["metadata"]["resourceVersion"])):
            self._places.setdefault(jobset["metadata"]["uid"], next(self._next))
        return sorted(queued, key=lambda each: self._places[each["metadata"]["uid"]])

    def _preempt(self, jobset: Object) -> None:
        self._queued()
        self._places[jobset["metadata"]["uid"]] = next(self._next)
        workload = self._workload(jobset)
        message = "Preempted to accommodate a workload due to prioritization in the ClusterQueue"
        status = workload["status"]
        for change in (
            ("Evicted", "True", "Preempted", message),
            ("QuotaReserved", "False", "Pending", message),
            ("Admitted", "False", "NoReservation", "The workload has no reservation"),
        ):
            status = with_condition(status, *change, timestamp())
        status.pop("admission", None)
        self.store.set_status(WORKLOADS, workload, status)
        self._set_suspended(jobset, suspended=True)

    def _workload(self, jobset: Object) -> Object:
        metadata = jobset["metadata"]
        if found := self.store.dependents(metadata["uid"], WORKLOADS):
            return found[0]
        owner = {"apiVersion": JOB_SETS.api_version, "kind": "JobSet", "name": metadata["name"], "uid": metadata["uid"]}
        workload = {
            "metadata": {
                "name": f"jobset-{metadata['name']}-{metadata['uid'][:5]}",
                "labels": {"kueue.x-k8s.io/job-uid": metadata["uid"]},
                "ownerReferences": [owner | {"controller": True}],
            },
            "spec": {
                "active": True,
                "queueName": labels_of(jobset)[QUEUE],
                "podSets": [{"name": name, "count": number} for name, number, _ in _pod_sets(jobset)],
            },
            "status": {},
        }
        return self.store.create(WORKLOADS, workload, metadata["namespace"])

    def _admit_if_it_fits(self, jobset: Object, workload: Object, used: dict[str, Counter[str]]) -> None:
        name, reason, message = self._obstacle(jobset, workload, used)
        if message:
            self._say(workload, ("QuotaReserved", "False", reason, message))
            return
        used.setdefault(name, Counter()).update(_requests(jobset))
        status = workload["status"] | {"admission": {"clusterQueue": name, "podSetAssignments": []}}
        for change in (
            ("QuotaReserved", "True", "QuotaReserved", f"Quota reserved in ClusterQueue {name}"),
            ("Admitted", "True", "Admitted", "The workload is admitted"),
            *((("Evicted", "False", "Admitted", "Admitted again"),) if holds(workload, "Evicted") else ()),
        ):
            status = with_condition(status, *change, timestamp())
        self.store.set_status(WORKLOADS, workload, status)
        self._set_suspended(jobset, suspended=False)

    def _obstacle(self, jobset: Object, workload: Object, used: dict[str, Counter[str]]) -> tuple[str, str, str]:
        """ClusterQueue, and reason and message of what keeps the JobSet out of it."""
        wanted, namespace = workload["spec"]["queueName"], jobset["metadata"]["namespace"]
        local = next(
            (each for each in self.store.listed(LOCAL_QUEUES, namespace) if each["metadata"]["name"] == wanted), None
        )
        if local is None:
            return "", "Inadmissible", f"LocalQueue {wanted} doesn't exist"
        name = local["spec"]["clusterQueue"]
        queue = next((each for each in self.store.listed(CLUSTER_QUEUES) if each["metadata"]["name"] == name), None)
        if queue is None:
            return name, "Inadmissible", f"ClusterQueue {name} doesn't exist"
        if queue["spec"].get("stopPolicy", "None") != "None":
            return name, "Inadmissible", f"ClusterQueue {name} is inactive"
        quotas = _quotas(queue)
        for pod_set, _, _ in _pod_sets(jobset):
            for resource, amount in _requests(jobset).items():
                if resource in quotas and amount > quotas[resource]:
                    # The reason is the same as of what only waits.
                    message = (
                        f"couldn't assign flavors to pod set {pod_set}: insufficient quota for {resource} in flavor "
                        f"default, previously considered podsets requests (0) + current podset request "
                        f"({float(amount):g}) > maximum capacity ({float(quotas[resource]):g})"
                    )
                    return name, "Pending", message
                if resource in quotas and used.get(name, Counter())[resource] + amount > quotas[resource]:
                    more = used.get(name, Counter())[resource] + amount - quotas[resource]
                    return (
                        name,
                        "Pending",
                        (
                            f"couldn't assign flavors to pod set {pod_set}: insufficient unused quota for {resource} "
                            f"in flavor default, {float(more):g} more needed"
                        ),
                    )
        return name, "", ""

    def _say(self, workload: Object, change: tuple[str, str, str, str]) -> None:
        self.store.set_status(WORKLOADS, workload, with_condition(workload["status"], *change, timestamp()))

    def _set_suspended(self, jobset: Object, *, suspended: bool) -> None:
        place = (JOB_SETS, jobset["metadata"]["namespace"], jobset["metadata"]["name"])
        self.store.change(*place, lambda old: old | {"spec": old["spec"] | {"suspend": suspended}})


def amount(quantity: object) -> Fraction:
    """`1500m` is 1.5, `2Gi` is 2**31."""
    text = str(quantity)
    suffix = next((each for each in sorted(_SUFFIXES, key=len, reverse=True) if text.endswith(each)), "")
    return Fraction(text.removesuffix(suffix)) * (_SUFFIXES[suffix] if suffix else 1)


def _pod_sets(jobset: Object) -> list[tuple[str, int, Object]]:
    sets = []
    for each in jobset["spec"]["replicatedJobs"]:
        job = each["template"]["spec"]
        number = each.get("replicas", 1) * min(job.get("parallelism", 1), job.get("completions", 1))
        sets.append((each["name"], number, job["template"]["spec"]))
    return sets


def _requests(jobset: Object) -> Counter[str]:
    total: Counter[str] = Counter()
    for _, number, pod in _pod_sets(jobset):
        total["pods"] += number
        for container in pod["containers"]:
            resources = container.get("resources", {})
            for name, quantity in (resources.get("limits", {}) | resources.get("requests", {})).items():
                total[name] += number * amount(quantity)
    return total


def _quotas(queue: Object) -> dict[str, Fraction]:
    return {
        resource["name"]: amount(resource["nominalQuota"])
        for group in queue["spec"].get("resourceGroups", [])
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }
