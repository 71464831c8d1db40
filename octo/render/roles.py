"""The roles of a job on a cluster: which pods there are, where they go, and what each of them runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from octo.errors import UsageError
from octo.render.pods import TERMINATION_LOG, Object, Process, field_variable, literally, owner_variables
from octo.render.pools import Placement, place, spread
from octo.settings.base import JobSettings, Need, S3Settings, ServingRole
from octo.settings.installation import Installation
from octo.settings.launch import LaunchSettings
from octo.settings.loading import arguments_of

RENDEZVOUS_PORT = 29500

_INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
_JOBSET = "metadata.labels['jobset.sigs.k8s.io/jobset-name']"
_NAME_VARIABLE = field_variable("JOBSET_NAME", _JOBSET)
_GANG_VARIABLES = (_NAME_VARIABLE, field_variable("NODE_RANK", _INDEX))
_EXPANDED = ("--rollout.servers", "--endpoint.servers")
"""Flags in which Kubernetes fills in variables: where serving pods are."""


@dataclass(frozen=True)
class Role:
    """The pods of one kind in a JobSet: one replicated job."""

    name: str
    placement: Placement
    need: Need
    process: Process

    @property
    def pods(self) -> int:
        """How many there are."""
        return self.placement.pods

    @property
    def accelerators(self) -> int:
        """How many they hold in all."""
        return self.pods * self.need.accelerators


def roles(settings: JobSettings, installation: Installation, *, environment: Sequence[Object] = ()) -> list[Role]:
    """Every role of a job, the one that does its work first.

    Raises UsageError when no pool fits, or a job that is no fleet or gang is to have several pods.
    """
    image = getattr(installation.images, settings.image)
    environment = [*environment, *_secrets(settings)]
    if not settings.run_id:
        # One trace and one place for the spans of all of its pods, whatever Kubernetes calls it.
        environment = [*environment, field_variable("OCTO_RUN_ID", _JOBSET)]
    if settings.pod_shape == "fleet":
        return _fleet(settings, installation, image, environment)
    if settings.pod_shape == "gang":
        return _gang(settings, installation, image, environment)
    return [_single(settings, installation, image, environment)]


def _single(settings: JobSettings, installation: Installation, image: str, environment: Sequence[Object]) -> Role:
    launches = isinstance(settings, LaunchSettings)
    need = LaunchSettings.own_need if launches else settings.need
    if need.pods != 1:
        raise UsageError(f"--need.pods {need.pods}: {settings.job} runs in one pod")
    variables = [*environment, *(owner_variables() if launches else ())]
    process = Process(image, f"jobs.{settings.job}", _arguments(settings), variables)
    return Role("main", place(need, installation.pools), need, process)


def _fleet(settings: JobSettings, installation: Installation, image: str, environment: Sequence[Object]) -> list[Role]:
    need = settings.need
    placements = spread(need, installation.pools)
    serving = settings.serving_role()
    named = [_NAME_VARIABLE] if serving else []
    variables = [*environment, field_variable("OCTO_SHARD_GROUP__INDEX", _INDEX), *named]
    served = settings.served_by(tuple(_urls(serving))) if serving else settings
    found, first = [], 0
    for placement in placements:
        name = "shards" if len(placements) == 1 else f"shards-{placement.pool.name}"
        group = settings.shard_group.model_copy(update={"count": need.pods, "first": first})
        arguments = _flags(served.model_copy(update={"shard_group": group}), expanded=_EXPANDED if serving else ())
        found.append(Role(name, placement, need, Process(image, f"jobs.{settings.job}", arguments, variables)))
        first += placement.pods
    return [*found, _serving(serving, installation, environment)] if serving else found


def _gang(settings: JobSettings, installation: Installation, image: str, environment: Sequence[Object]) -> list[Role]:
    name = settings.main_role or "node"
    serving = settings.serving_role()
    served = settings.served_by(tuple(_urls(serving))) if serving else settings
    # Of the installation alone, which the pod's own grace is of too.
    served = served.model_copy(update={"grace_seconds": float(installation.grace_seconds)})
    process = Process(image, "octo.ml.gang", _ranks(served, name), [*environment, *_GANG_VARIABLES])
    gang = Role(name, place(settings.need, installation.pools), settings.need, process)
    return [gang, _serving(serving, installation, environment)] if serving else [gang]


def _serving(serving: ServingRole, installation: Installation, environment: Sequence[Object]) -> Role:
    image = getattr(installation.images, serving.image)
    process = Process(image, f"jobs.{serving.settings.job}", _arguments(serving.settings), environment)
    return Role(serving.name, place(serving.need, installation.pools), serving.need, process)


def _urls(serving: ServingRole) -> list[str]:
    """Where the JobSet's headless service finds each serving pod; the name is filled in by Kubernetes."""
    return [
        f"http://$(JOBSET_NAME)-{serving.name}-0-{index}.$(JOBSET_NAME):{serving.port}"
        for index in range(serving.need.pods)
    ]


def _secrets(settings: JobSettings) -> list[Object]:
    """Variables from Secrets. Optional, each: a service may ask for no key."""
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}
        for name, secret, key in settings.secret_variables()
    ]


def _arguments(settings: JobSettings) -> list[str]:
    about = [settings.about] if isinstance(settings, LaunchSettings) else []
    return [*about, *_flags(settings)]


def _ranks(settings: JobSettings, role: str) -> list[str]:
    """Arguments of the launcher of a node's ranks, which all run the job."""
    return [
        f"--nnodes={settings.need.pods}",
        f"--nproc-per-node={max(1, settings.need.accelerators)}",
        "--node-rank=$(NODE_RANK)",
        f"--master-addr=$(JOBSET_NAME)-{role}-0-0.$(JOBSET_NAME)",
        f"--master-port={RENDEZVOUS_PORT}",
        *("-m", f"jobs.{settings.job}"),
        *_flags(settings, expanded=_EXPANDED),
    ]


def _flags(settings: JobSettings, *, expanded: Sequence[str] = ()) -> list[str]:
    """Flags that say the settings again; in those called `expanded`, Kubernetes fills in variables."""
    # The name of the secret is a variable of the pod, beside what is in it.
    # Nor does anybody wait for what a pod is answered.
    s3 = settings.s3.model_copy(update={"secret": "", "answer_seconds": S3Settings().answer_seconds})
    told = settings.model_copy(update={"termination_log": Path(TERMINATION_LOG), "s3": s3})
    return [flag if flag.partition("=")[0] in expanded else literally(flag) for flag in arguments_of(told)]
