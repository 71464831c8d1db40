"""Pods that pass Pod Security `restricted`, with scratch for everything that a process may write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from octo.settings.base import Need
from octo.settings.installation import Installation, Pool, Toleration

CONTAINER = "octo"
USER = 10001
SCRATCH = "/scratch"
TERMINATION_LOG = "/dev/termination-log"
HEARTBEAT = "octo.dev/heartbeat"
SECRET_KEYS = {
    "access_key": "OCTO_S3__ACCESS_KEY",
    "secret_key": "OCTO_S3__SECRET_KEY",
    "endpoint": "OCTO_S3__ENDPOINT",
}
"""Keys of the store's secret, and the variables that they become."""
SECRET_NAME = "OCTO_S3__SECRET"  # noqa: S105 - the variable that its name is in

Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as its YAML would be read."""


@dataclass(frozen=True)
class Process:
    """What runs in a pod's one container."""

    image: str
    module: str
    """What `python -m` runs."""
    arguments: Sequence[str]
    """`$(NAME)` in them stands for a variable of the container."""
    environment: Sequence[Object] = ()
    """Variables beside those of every pod, in Kubernetes' words."""


def pod_template(
    process: Process,
    need: Need,
    installation: Installation,
    *,
    pool: Pool,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    service_account: str,
    with_token: bool = False,
) -> Object:
    """The template of a Job's pods.

    Args:
        process: what the container runs.
        need: what it asks for.
        installation: secrets, priority, grace.
        pool: where it is placed.
        labels: of the pod.
        annotations: of the pod.
        service_account: empty for the namespace's own.
        with_token: whether the pod may speak to the API server as that account.
    """
    spec: Object = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": installation.grace_seconds,
        "automountServiceAccountToken": with_token,
        # A Service called octo would put OCTO_ variables into every pod, one called master torch's MASTER_PORT.
        "enableServiceLinks": False,
        "securityContext": pod_security(),
        "containers": [_container(process, need, installation, pool)],
        "volumes": volumes(need),
    }
    optional: Object = {
        "serviceAccountName": service_account,
        "priorityClassName": installation.priority_class,
        "imagePullSecrets": [{"name": name} for name in installation.images.pull_secrets],
        "nodeSelector": dict(pool.node_selector),
        "tolerations": [_toleration(toleration) for toleration in pool.tolerations],
    }
    spec |= {name: value for name, value in optional.items() if value}
    metadata: Object = {"labels": dict(labels)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"metadata": metadata, "spec": spec}


def pod_security() -> Object:
    """The securityContext of a pod."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Object:
    """The securityContext of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def volumes(need: Need) -> list[Object]:
    """Scratch on the node's disk and shared memory: all that a pod can write to."""
    return [
        {"name": "scratch", "emptyDir": {"sizeLimit": gibibytes(need.scratch_gib)}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": gibibytes(need.shared_memory_gib)}},
    ]


def volume_mounts() -> list[Object]:
    """Where the volumes are."""
    return [{"name": "scratch", "mountPath": SCRATCH}, {"name": "shm", "mountPath": "/dev/shm"}]  # noqa: S108 - a path of the pod


def scratch_variables() -> list[Object]:
    """Variables that send every cache and temporary file to scratch: of torch, Triton, vLLM and Hugging Face too."""
    return [
        {"name": "HOME", "value": SCRATCH},
        {"name": "TMPDIR", "value": SCRATCH},
        {"name": "XDG_CACHE_HOME", "value": f"{SCRATCH}/cache"},
    ]


def secret_variables(secret: str) -> list[Object]:
    """The store's credentials. Optional, each: without a secret, boto3 asks the pod's workload identity."""
    return [
        {"name": SECRET_NAME, "value": secret},
        *(
            {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}
            for key, name in SECRET_KEYS.items()
        ),
    ]


def field_variable(name: str, field: str) -> Object:
    """A variable that holds a field of the pod's own object."""
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}


def owner_variables() -> list[Object]:
    """The Job that a launcher's pod belongs to, as its settings read it.

    The pod itself owns nothing: a drained node or an eviction takes it away, and the garbage collector what it owns.
    """
    return [
        field_variable("OCTO_OWNER__NAME", "metadata.labels['batch.kubernetes.io/job-name']"),
        field_variable("OCTO_OWNER__UID", "metadata.labels['batch.kubernetes.io/controller-uid']"),
    ]


def literally(argument: str) -> str:
    """An argument in which Kubernetes expands nothing: `$(NAME)` stays as it is."""
    return argument.replace("$(", "$$(")


def gibibytes(amount: float) -> str:
    """`4Gi` or `512Mi`."""
    return f"{amount:.0f}Gi" if float(amount).is_integer() else f"{round(amount * 1024)}Mi"


def cores(amount: float) -> str:
    """`2` or `500m`."""
    return f"{amount:.0f}" if float(amount).is_integer() else f"{round(amount * 1000)}m"


def _container(process: Process, need: Need, installation: Installation, pool: Pool) -> Object:
    secrets = secret_variables(installation.s3_secret) if installation.s3_secret else []
    return {
        "name": CONTAINER,
        "image": process.image,
        "imagePullPolicy": installation.images.pull_policy,
        "command": ["python", "-m", process.module],
        "args": list(process.arguments),
        "env": [*scratch_variables(), *secrets, *process.environment],
        "resources": _resources(need, pool),
        "securityContext": container_security(),
        "terminationMessagePath": TERMINATION_LOG,
        # What the process says of its end goes before the log's last lines, which stand in for it after a crash.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": volume_mounts(),
    }


def _resources(need: Need, pool: Pool) -> Object:
    """Requests and limits. Cores have no limit: a pod may use what its node has left over."""
    # What is written to /dev/shm is charged to the pod.
    memory = gibibytes(need.memory_gib + need.shared_memory_gib)
    limits: Object = {"memory": memory, "ephemeral-storage": gibibytes(need.scratch_gib)}
    if need.accelerators:
        limits[pool.accelerator] = str(need.accelerators)
    return {"requests": {"cpu": cores(need.cpus), **limits}, "limits": limits}


def _toleration(toleration: Toleration) -> Object:
    return {name: value for name, value in toleration.model_dump().items() if value}
