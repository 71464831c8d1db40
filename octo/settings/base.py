"""What every job's settings share: the store, the run, and how a field is marked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from octo.errors import UsageError


class Neutral:
    """Marks a field that cannot change a result: it is left out of the artifact's digest."""


class Input:
    """Marks a field that holds addresses of artifacts: a stage's input, one edge of the DAG each."""


class Verbatim:
    """Marks a tuple whose items may hold commas: each flag is one item, taken as it is."""


@dataclass(frozen=True)
class Flag:
    """Marks a field whose flag is not its name, because the name is taken in Python, or has a short form too."""

    name: str = ""
    short: str = ""
    """Such as -o."""


Precision = Literal["float32", "bfloat16"]
"""Numbers of weights and activations."""
Address = Annotated[str, Input()]
"""`s3://bucket/prefix/artifacts/<job>/<digest>` of a committed artifact; empty when not given."""


def _without_password(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        # The value is not shown once more.
        raise ValueError("expected a URL of a scheme and a host alone, got one with a password, which all would see")
    return url


def check_reason(reason: str) -> str:
    """A reason that somebody gave in words, or none; ValueError where what was given has no word."""
    if reason and not any(map(str.isalpha, reason)):
        raise ValueError(f"expected a reason in words, got {reason!r}")
    return reason


def check_divides(micro_batch_size: int, total: int, *, what: str) -> None:
    """ValueError unless an update can be made of whole micro-batches."""
    if total % micro_batch_size:
        raise ValueError(f"expected a micro_batch_size that divides {what}, got {micro_batch_size} of {total}")


Stops = tuple[Annotated[str, Field(min_length=1)], ...]
"""Strings that end a completion."""
ServiceUrl = Annotated[str, AfterValidator(_without_password)]
"""URL of a service; empty for none. Secrets have settings and variables of their own."""


class S3Settings(BaseModel):
    """How to reach the store. Secrets come from the environment or a file, never from a flag."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    endpoint: ServiceUrl = ""
    """URL of the S3 service; empty means the cloud's own."""
    region: str = "us-east-1"
    """Region that requests are signed for."""
    access_key: SecretStr | None = None
    """Access key; without it, boto3's usual chain is asked (profile, workload identity)."""
    secret_key: SecretStr | None = None
    """Secret key that belongs to the access key."""
    secret: str = ""
    """Kubernetes Secret that a pod has the keys from: what is named when they are missing."""
    answer_seconds: float = Field(default=3, gt=0)
    """How long the store may take to begin its first answer, where a person waits for it."""


class Settings(BaseSettings):
    """What a command can be told. Its constructor takes arguments alone; `load` reads the other sources."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="OCTO_", env_nested_delimiter="__", use_attribute_docstrings=True
    )

    debug: Annotated[bool, Neutral()] = False
    """Show tracebacks."""
    settings_file: Annotated[Path | None, Neutral()] = None
    """JSON, YAML or TOML file with settings; flags and the environment go before it."""

    @classmethod
    def verb(cls) -> str:
        """The word after `octo` that takes these settings."""
        return cls.__name__.removesuffix("Settings").lower()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the environment is given to `load`
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing but the arguments of the constructor."""
        return (init_settings,)


class Need(BaseModel):
    """What each pod of a job asks of a cluster. Nothing of it changes a result.

    But where a model is computed with, for accelerators round otherwise than processors; a laptop ignores the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pods: int = Field(default=1, ge=1)
    """Pods: the shard groups of a fleet, the nodes of a gang."""
    cpus: float = Field(default=1, gt=0)
    """Processor cores of a pod."""
    memory_gib: float = Field(default=2, gt=0)
    """Memory of a pod, without its shared memory, in GiB; over it, the pod is killed."""
    scratch_gib: float = Field(default=10, gt=0)
    """Local disk of a pod for temporary files and caches, in GiB."""
    shared_memory_gib: float = Field(default=0.0625, gt=0)
    """Shared memory of a pod, which counts as memory too, in GiB."""
    accelerators: int = Field(default=0, ge=0)
    """Accelerators of a pod; a gang has a rank for each."""
    accelerator_memory_gib: float = Field(default=0, ge=0)
    """Memory that an accelerator must have at least, in GiB."""
    interconnect: str = ""
    """A link between accelerators that the pool must name, such as nvlink or rdma; empty takes any."""
    spot: bool = True
    """May run on nodes that can be taken away."""
    deadline_seconds: int = Field(default=86_400, gt=0)
    """The job fails when it has run for longer; waiting in a queue does not count."""
    retries: int = Field(default=3, ge=0)
    """Failures forgiven: of each index of a fleet, where a lost node does not count, or of a gang as a whole."""

    @property
    def device(self) -> Literal["accelerator", "processor"]:
        """What computes in it: either rounds otherwise than the other, see `octo.ml.placement`."""
        return "accelerator" if self.accelerators else "processor"


class ShardGroup(BaseModel):
    """Which of a job's indexes a process does: index i where i % count == first + index."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    count: int = Field(default=1, ge=1)
    """Groups that the indexes are dealt to, one after another."""
    first: int = Field(default=0, ge=0)
    """Group of the first pod of its pool."""
    index: int = Field(default=0, ge=0)
    """Which pod of its pool this is."""

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if self.first + self.index >= self.count:
            raise ValueError(f"expected a group below {self.count}, got {self.first} + {self.index}")
        return self

    def has(self, index: int) -> bool:
        """Whether this process does that index."""
        return index % self.count == self.first + self.index


Image = Literal["data", "train", "inference"]
"""A set of dependencies, and the container image that holds it."""


@dataclass(frozen=True)
class ServingRole:
    """Pods that serve a gang or a fleet for as long as it works."""

    name: str
    need: Need
    image: Image
    port: int
    settings: "JobSettings"
    """What each of them runs with."""


class SecretVariable(NamedTuple):
    """A variable of a pod that is a key of a Kubernetes Secret, where there is one."""

    variable: str
    secret: str
    key: str


class JobSettings(Settings):
    """Fields of every job. A subclass adds the job's own; docstrings become help and schema."""

    job: ClassVar[str]
    """Name of the job: of its settings module, its entry point and its artifacts."""
    code_version: ClassVar[int]
    """Raised when the job's code changes what it makes of the same settings and inputs."""
    pod_shape: ClassVar[Literal["single", "fleet", "gang"]] = "single"
    """How it is spread over pods: one, a group of indexes each, or ranks that work in step."""
    main_role: ClassVar[str] = ""
    """What the pods of a gang are called; empty calls them nodes."""
    image: ClassVar[Image] = "data"
    """Which set of dependencies it runs with."""
    speaks_within: ClassVar[bool] = False
    """Whether its pods speak to each other, as those of a gang do."""

    store: Annotated[str, Neutral()] = ""
    """Where artifacts live: s3://bucket/prefix, or a directory for an embedded store; empty means .octo."""
    s3: Annotated[S3Settings, Neutral()] = S3Settings()
    """Connection to the store."""
    probe: Annotated[bool, Neutral()] = True
    """Prove first that the store honours conditional writes; a run has done so for all of its stages."""
    run_id: Annotated[str, Neutral()] = ""
    """The run that this job belongs to; empty makes one up."""
    stage: Annotated[str, Neutral()] = ""
    """Name of the pipeline's stage; empty means the job's name."""
    workers: Annotated[int, Neutral(), Field(ge=1)] = 1
    """Processes that work on indexes side by side."""
    otlp_endpoint: Annotated[ServiceUrl, Neutral()] = ""
    """OTLP/HTTP collector that spans are also sent to, with OTEL_EXPORTER_OTLP_HEADERS; empty sends none."""
    need: Annotated[Need, Neutral()] = Need()
    """What each of its pods asks of a cluster."""
    shard_group: Annotated[ShardGroup, Neutral()] = ShardGroup()
    """Which indexes of a fleet this process does: all of them, unless it is a pod among pods."""
    grace_seconds: Annotated[float, Neutral(), Field(ge=0)] = 0
    """How long it has to save its work when it is told to stop: a checkpoint that takes longer is not begun. 0 is as
    long as it takes. A pod has what its cluster gives it, whatever is said here."""
    termination_log: Annotated[Path | None, Neutral()] = None
    """File for one JSON line when the process ends: the artifact's address, or the error."""
    progress: Annotated[Literal["auto", "json"], Neutral()] = "auto"
    """auto: a bar on a terminal, a line a minute in a log; json: one object a line on stdout."""
    seed: int = 0
    """Key of everything random."""

    @classmethod
    def verb(cls) -> str:
        """The job's name."""
        return cls.job

    def lacking(self) -> str:
        """What it was not given and cannot start without, as a sentence; empty when there is nothing."""
        return ""

    def check_complete(self) -> None:
        """UsageError for settings that no job could start with."""
        if lacking := self.lacking():
            raise UsageError(lacking)

    def determinants(self) -> dict[str, JsonValue]:
        """Facts outside the settings that determine the result, such as versions of installed packages."""
        return {}

    def prefixes(self) -> tuple[str, ...]:
        """Addresses in the store's service below which the job reads what others put there, and rests on it."""
        return ()

    def secret_variables(self) -> tuple[SecretVariable, ...]:
        """Variables that its pods have from Secrets, beside those of the store."""
        return ()

    def serving_role(self) -> ServingRole | None:
        """The pods that serve this job's gang or fleet; None where it does everything itself."""
        return None

    def served_by(self, urls: tuple[str, ...]) -> Self:  # noqa: ARG002 - for the jobs that have a serving role
        """The settings of a job whose serving pods are found at those URLs."""
        return self
