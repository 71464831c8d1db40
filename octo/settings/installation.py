"""An installation of octo on a cluster: images, queue, pools, store. What a job's settings are rendered with."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from octo import __version__
from octo.settings.base import Neutral, S3Settings, ServiceUrl, Settings


class Toleration(BaseModel):
    """A taint that pods of a pool put up with, in Kubernetes' words."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    key: str = ""
    """The taint's key; empty with Exists matches every taint."""
    operator: Literal["Exists", "Equal"] = "Exists"
    """Equal compares the value too."""
    value: str = ""
    """The taint's value, with Equal."""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    """The taint's effect; empty matches all."""


class Pool(BaseModel):
    """Nodes of one kind: how to choose them, and what a pod on one of them can have."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$")
    """At most 16 lower-case letters, digits and dashes: it becomes part of Kubernetes' names."""
    node_selector: dict[str, str] = {}
    """Labels of the pool's nodes."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of the pool's nodes."""
    accelerator: str = "nvidia.com/gpu"
    """Resource that its accelerators are counted as."""
    accelerators: int = Field(default=0, ge=0)
    """Accelerators of a node."""
    accelerator_memory_gib: float = Field(default=0, ge=0)
    """Memory of an accelerator, in GiB."""
    teraflops: float = Field(default=0, ge=0)
    """Products of bfloat16 numbers that an accelerator makes at its peak, in 10^12 operations a second, without
    sparsity; 0 says nothing about it."""
    shares_of_peak: tuple[float, float] = (0.3, 0.5)
    """How much of the peak trainings reach, from and to: what estimates without a past rest on."""
    cpus: float = Field(default=0, ge=0)
    """Cores that a pod can have; 0 says nothing about it."""
    memory_gib: float = Field(default=0, ge=0)
    """Memory that a pod can have, in GiB; 0 says nothing about it."""
    interconnect: tuple[str, ...] = ()
    """Links between its accelerators, such as nvlink or rdma."""
    spot: bool = False
    """Whether its nodes can be taken away."""
    share: float = Field(default=1, gt=0)
    """How much of a fleet it takes, in proportion to the other pools that fit."""

    @field_validator("shares_of_peak")
    @classmethod
    def _shares_rise(cls, shares: tuple[float, float]) -> tuple[float, float]:
        if not 0 < shares[0] <= shares[1] <= 1:
            raise ValueError(f"expected two shares of the peak above 0, the smaller first, got {shares}")
        return shares


class Images(BaseModel):
    """Where container images come from: one for each set of dependencies."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: str = f"octo-data:{__version__}"
    """Image of the data jobs and of the control plane."""
    train: str = f"octo-train:{__version__}"
    """Image of the jobs that train or evaluate."""
    inference: str = f"octo-inference:{__version__}"
    """Image of rollouts by vLLM."""
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When nodes fetch an image."""
    pull_secrets: tuple[str, ...] = ()
    """Names of secrets for the registry."""


class Installation(BaseModel):
    """How jobs run on a cluster. The chart writes one; flags and a settings file can say one too."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    namespace: str = ""
    """Namespace of the jobs; empty takes the current one."""
    images: Images = Images()
    """Container images."""
    queue: str = ""
    """Kueue LocalQueue that jobs wait in; empty starts them without a queue."""
    queue_priority: str = ""
    """Kueue WorkloadPriorityClass of the jobs."""
    priority_class: str = ""
    """PriorityClass of the pods."""
    topology: str = ""
    """Node label that a gang must have in common, such as a rack's: Kueue places it so; empty places it anywhere."""
    pools: tuple[Pool, ...] = (Pool(name="default"),)
    """Pools of nodes, in the order of preference."""
    store: str = ""
    """Where artifacts live, s3://bucket/prefix, for jobs whose settings do not say."""
    s3_endpoint: ServiceUrl = ""
    """URL of the S3 service; empty means the secret's `endpoint`, or the cloud's own."""
    s3_region: str = ""
    """Region that requests are signed for."""
    s3_secret: str = "octo-s3"  # noqa: S105 - its name alone
    """Secret with access_key, secret_key and perhaps endpoint; one that is missing leaves it to workload identity."""
    otlp_endpoint: ServiceUrl = ""
    """OTLP/HTTP collector that spans are also sent to."""
    service_account: str = ""
    """Service account of the jobs, for workload identity; its token is not mounted. Empty takes the namespace's own."""
    launch_service_account: str = "octo-launch"
    """Service account of launch, which may create, follow and delete JobSets."""
    labels: dict[str, str] = {}
    """More labels of every object."""
    annotations: dict[str, str] = {}
    """More annotations of every pod."""
    grace_seconds: int = Field(default=120, gt=0)
    """Time that a pod has to save its work when it is told to stop."""
    ttl_seconds: int = Field(default=7 * 86_400, ge=0)
    """A finished JobSet is deleted after this time; what it committed stays."""
    settings: dict[str, dict[str, Any]] = {}
    """Settings of jobs on this installation, by job and setting, where nobody says otherwise."""

    @model_validator(mode="after")
    def _pools_have_names_of_their_own(self) -> "Installation":
        names = [pool.name for pool in self.pools]
        if not names:
            raise ValueError("expected at least one pool")
        if len(names) != len(set(names)):
            raise ValueError(f"expected pools with names of their own, got {', '.join(names)}")
        return self

    def reached(self, store: str, s3: S3Settings) -> tuple[str, S3Settings]:
        """The store and the connection to it: a command's or a job's own where it names them, else these."""
        own = {"endpoint": s3.endpoint or self.s3_endpoint, "region": self.s3_region or s3.region}
        return store or self.store, s3.model_copy(update=own)


class InstalledSettings(Settings):
    """What every command is told that renders a job."""

    about: ClassVar[str] = ""
    """The job that it renders: the first argument of the command."""

    installation: Annotated[Installation, Neutral()] = Installation()
    """What the cluster has."""
