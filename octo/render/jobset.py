"""One JobSet for a job, whatever its shape: what `kubectl create -f`, the launcher, the chart and a pipeline run.

A fleet is an Indexed Job, an index for each shard group, which fails and is retried alone. A gang is an Indexed Job of
ranks that start and restart together, and find each other by the JobSet's headless service.
"""

import hashlib
import json
import re
from collections.abc import Mapping

from octo.errors import EXIT_PREEMPTED, EXIT_USAGE
from octo.render.api_names import check_installation
from octo.render.even import refuse_uneven
from octo.render.fitting import least_known, memory_of, refuse_misfit
from octo.render.pods import CONTAINER, Object, pod_template
from octo.render.roles import Role, roles
from octo.settings.base import JobSettings
from octo.settings.installation import Installation
from octo.settings.launch import LaunchSettings, Owner
from octo.storage.session import check_shared

API_VERSION = "jobset.x-k8s.io/v1alpha2"
SPEC_DIGEST = "octo.dev/spec"
RUN = "octo.dev/run"
MOST_NAME_CHARACTERS = 31
"""Of a JobSet: its pods' names add a role, a pool and two indexes, and have 63 in all."""


def jobset(
    settings: JobSettings,
    installation: Installation,
    *,
    name: str = "",
    owner: Owner | None = None,
    traceparent: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """The JobSet that runs a job with these settings on that installation.

    Args:
        settings: of the job, any of JOBS.
        installation: what the cluster has.
        name: of the JobSet; empty lets Kubernetes make one up from the job's.
        owner: a Job that it belongs to: deleted with it, and not with any pod of it.
        traceparent: the span that starts it.
        labels: more labels of the JobSet.
        annotations: more annotations of the JobSet.

    Raises:
        UsageError: no pool fits what the job needs, a new model cannot fit into memory, ranks cannot share the
            micro-batches of a step, the settings contradict the job's shape, the store is a directory, or the API
            would refuse a name of the installation.
    """
    check_installation(installation)
    settings = installed(settings, installation)
    if settings.store:
        check_shared(settings.store)
    known = least_known(settings)
    if known is not None:
        refuse_misfit(settings, known, memory_of(settings, known, roles(settings, installation)))
    refuse_uneven(settings)
    spec = _spec(settings, installation, "")
    metadata: Object = {
        **({"name": name} if name else {"generateName": f"{settings.job}-"}),
        **({"namespace": installation.namespace} if installation.namespace else {}),
        "labels": {**_labels(settings, installation), **_queue(installation), **(labels or {})},
        "annotations": {
            **({RUN: settings.run_id} if settings.run_id else {}),
            # Of what is run, not of who traces it: a step that is tried again adopts what the first one created.
            SPEC_DIGEST: hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest(),
            **(annotations or {}),
        },
    }
    if owner is not None and owner.name:
        metadata["ownerReferences"] = [{"apiVersion": "batch/v1", "kind": "Job", "name": owner.name, "uid": owner.uid}]
    spec = _spec(settings, installation, traceparent) if traceparent else spec
    return {"apiVersion": API_VERSION, "kind": "JobSet", "metadata": metadata, "spec": spec}


def installed(settings: JobSettings, installation: Installation) -> JobSettings:
    """The settings with the installation's store and collector where they name none."""
    store, s3 = installation.reached(settings.store, settings.s3)
    endpoint = settings.otlp_endpoint or installation.otlp_endpoint
    return settings.model_copy(update={"store": store, "s3": s3, "otlp_endpoint": endpoint})


def jobset_name(stage: str, key: str) -> str:
    """The one name of a stage's JobSet under that key, such as a run's id: a valid one, whatever they are called."""
    digest = hashlib.sha256(f"{stage}\0{key}".encode()).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9]+", "-", stage.lower()).strip("-")
    named = readable if readable[:1].isalpha() else f"octo-{readable}"
    return f"{named[: MOST_NAME_CHARACTERS - 9].strip('-')}-{digest}"


def label_value(text: str) -> str:
    """The text as the value of a label: at most 63 characters, and neither end a dot, a dash or an underscore."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:63].strip("._-")


def _labels(settings: JobSettings, installation: Installation) -> Mapping[str, str]:
    labels = {
        "app.kubernetes.io/name": "octo",
        "app.kubernetes.io/component": settings.job,
        "app.kubernetes.io/managed-by": "octo",
        "octo.dev/job": settings.job,
        "octo.dev/stage": label_value(settings.stage or settings.job),
        RUN: label_value(settings.run_id),
    }
    return {name: value for name, value in labels.items() if value} | installation.labels


def _queue(installation: Installation) -> Mapping[str, str]:
    """What Kueue reads, of the JobSet alone: it queues the whole and not its Jobs or pods."""
    labels = {
        "kueue.x-k8s.io/queue-name": installation.queue,
        "kueue.x-k8s.io/priority-class": installation.queue_priority,
    }
    return {name: value for name, value in labels.items() if value}


def _spec(settings: JobSettings, installation: Installation, traceparent: str) -> Object:
    trace = [{"name": "OCTO_TRACEPARENT", "value": traceparent}] if traceparent else []
    parts = roles(settings, installation, environment=trace)
    gang = settings.pod_shape == "gang"
    serving = settings.serving_role()
    working = [role.name for role in parts if serving is None or role.name != serving.name]
    spec: Object = {
        "ttlSecondsAfterFinished": installation.ttl_seconds,
        "failurePolicy": _failure_policy(settings),
        "replicatedJobs": [
            {
                "name": role.name,
                "replicas": 1,
                "template": {
                    "metadata": {"labels": _labels(settings, installation)},
                    "spec": _job(role, settings, installation, serves=role.name not in working),
                },
            }
            for role in parts
        ],
    }
    if gang or serving:
        spec["network"] = {"enableDNSHostnames": True, "publishNotReadyAddresses": True}
        # Serving pods serve for as long as they are let: the job is done when its ranks, or its shards, are.
        spec["successPolicy"] = {"operator": "All", "targetReplicatedJobs": working}
    return spec


def _failure_policy(settings: JobSettings) -> Object:
    """A gang is restarted as a whole, from its last checkpoint; of a fleet each index is retried by its own Job."""
    if settings.pod_shape != "gang":
        return {"maxRestarts": 0}
    return {
        "maxRestarts": settings.need.retries,
        "rules": [
            {
                "name": "noRestartHelps",
                "action": "FailJobSet",
                # Wrong settings stay wrong, and time that is up is up.
                "onJobFailureReasons": ["PodFailurePolicy", "DeadlineExceeded"],
            }
        ],
    }


def _job(role: Role, settings: JobSettings, installation: Installation, *, serves: bool) -> Object:
    ranks = settings.pod_shape == "gang" and not serves
    # A rank that is lost takes its gang with it: one pod alone is never started again.
    retries: Object = {"backoffLimit": 0} if ranks else {"backoffLimitPerIndex": settings.need.retries}
    return {
        "completionMode": "Indexed",
        "completions": role.pods,
        "parallelism": role.pods,
        **retries,
        "activeDeadlineSeconds": settings.need.deadline_seconds,
        # No pod takes over an index before the one that had it is gone.
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": _pod_failure_rules(disruptions_are_free=not ranks)},
        "template": _pod_template(role, settings, installation, serves=serves),
    }


def _pod_failure_rules(*, disruptions_are_free: bool) -> list[Object]:
    def on_exit(code: int) -> Object:
        return {"containerName": CONTAINER, "operator": "In", "values": [code]}

    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    return [
        {"action": "FailJob", "onExitCodes": on_exit(EXIT_USAGE)},
        *([disrupted] if disruptions_are_free else []),
        {"action": "Count", "onExitCodes": on_exit(EXIT_PREEMPTED)},
    ]


def _pod_template(role: Role, settings: JobSettings, installation: Installation, *, serves: bool) -> Object:
    launches = isinstance(settings, LaunchSettings)
    annotations = dict(installation.annotations)
    if installation.topology and not serves and settings.pod_shape == "gang":
        annotations["kueue.x-k8s.io/podset-required-topology"] = installation.topology
    return pod_template(
        role.process,
        role.need,
        installation,
        pool=role.placement.pool,
        labels=_labels(settings, installation),
        annotations=annotations,
        service_account=installation.launch_service_account if launches else installation.service_account,
        with_token=launches,
    )
