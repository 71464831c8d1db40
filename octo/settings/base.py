"""What every job's settings share: the store, the run, and how a field is marked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


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


Address = Annotated[str, Input()]
"""`s3://bucket/prefix/artifacts/<job>/<digest>` of a committed artifact; empty when not given."""


def _without_password(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        # The value is not shown once more.
        raise ValueError("expected a URL of a scheme and a host alone, got one with a password, which all would see")
    return url


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


class JobSettings(Settings):
    """Fields of every job. A subclass adds the job's own; docstrings become help and schema."""

    job: ClassVar[str]
    """Name of the job: of its settings module, its entry point and its artifacts."""
    code_version: ClassVar[int]
    """Raised when the job's code changes what it makes of the same settings and inputs."""

    store: Annotated[str, Neutral()] = ""
    """Where artifacts live: s3://bucket/prefix."""
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
    progress: Annotated[Literal["auto", "json"], Neutral()] = "auto"
    """auto: a bar on a terminal, a line a minute in a log; json: one object a line on stdout."""
    seed: int = 0
    """Key of everything random."""

    @classmethod
    def verb(cls) -> str:
        """The job's name."""
        return cls.job

    def determinants(self) -> dict[str, JsonValue]:
        """Facts outside the settings that determine the result, such as versions of installed packages."""
        return {}
