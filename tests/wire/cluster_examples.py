"""JobSets of the shapes that octo renders, as small as they can be."""

from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.resources import CLUSTER_QUEUES, LOCAL_QUEUES

COMPLETE = {"documents": "s3://bucket/p/artifacts/ingestion/5f2e", "without_benchmarks": "it is never run"}
"""What curation cannot start without."""
RULES = (
    {"action": "FailJob", "onExitCodes": {"containerName": "octo", "operator": "In", "values": [2]}},
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    {"action": "Count", "onExitCodes": {"containerName": "octo", "operator": "In", "values": [75]}},
)


def fleet(pods: int = 2, *, name: str = "curation", retries: int = 1, command: list[str] | None = None) -> Object:
    job = _job(pods, command or ["true"]) | {
        "backoffLimitPerIndex": retries,
        "podFailurePolicy": {"rules": list(RULES)},
    }
    return _jobset(name, "shards", job, {"maxRestarts": 0})


def gang(nodes: int = 2, *, name: str = "training", restarts: int = 1) -> Object:
    job = _job(nodes, ["true"]) | {"backoffLimit": 0, "podFailurePolicy": {"rules": [RULES[0], RULES[2]]}}
    rule = {"name": "noRestartHelps", "action": "FailJobSet", "onJobFailureReasons": ["PodFailurePolicy"]}
    return _jobset(name, "node", job, {"maxRestarts": restarts, "rules": [rule]})


def queued(jobset: Object, *, queue: str = "team", gpus: int = 8) -> Object:
    jobset["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = queue
    for replicated in jobset["spec"]["replicatedJobs"]:
        pod = replicated["template"]["spec"]["template"]["spec"]
        pod["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": str(gpus)}}
    return jobset


def create_queue(api: FakeCluster, gpus: int, *, stop_policy: str = "None") -> None:
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": str(gpus)}]
    groups = [{"coveredResources": ["nvidia.com/gpu"], "flavors": [{"name": "default", "resources": resources}]}]
    spec = {"resourceGroups": groups, "stopPolicy": stop_policy}
    api.store.create(CLUSTER_QUEUES, {"metadata": {"name": "all"}, "spec": spec})
    api.store.create(LOCAL_QUEUES, {"metadata": {"name": "team"}, "spec": {"clusterQueue": "all"}})


def _job(pods: int, command: list[str]) -> Object:
    container = {"name": "octo", "image": "octo-data:1", "command": command}
    return {
        "completionMode": "Indexed",
        "completions": pods,
        "parallelism": pods,
        "podReplacementPolicy": "Failed",
        "activeDeadlineSeconds": 86400,
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
    }


def _jobset(name: str, role: str, job: Object, failure_policy: Object) -> Object:
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {
            "name": name,
            "labels": {
                "app.kubernetes.io/name": "octo",
                "octo.dev/job": name,
                "octo.dev/stage": name,
                "octo.dev/run": "first-run",
            },
            "annotations": {"octo.dev/spec": f"digest of {name}", "octo.dev/run": "first-run"},
        },
        "spec": {
            "failurePolicy": failure_policy,
            "replicatedJobs": [{"name": role, "replicas": 1, "template": {"spec": job}}],
        },
    }
