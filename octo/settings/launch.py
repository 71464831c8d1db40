"""Settings of launch: the launched job's own, the installation, and what a pipeline's step is told and asked for."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from octo.settings.base import JobSettings, Need, Neutral
from octo.settings.installation import InstalledSettings

STALE_SECONDS = 900
"""A followed JobSet is forgotten when nobody has said for so long that it is followed: longer than `launch` is patient
with an API server that is away, and than the next launcher takes to come when the one before is evicted."""


class Owner(BaseModel):
    """The Job whose end is the JobSet's end too: the launcher's own, which outlives any pod of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = ""
    """Name of the Job; empty for a JobSet that nobody owns, such as a Kubeflow step's."""
    uid: str = ""
    """The Job's uid."""


class Outputs(BaseModel):
    """Files that a step leaves for Kubeflow; an empty name leaves none."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    address: Path | None = None
    """File for the address of the artifact."""
    metrics: Path | None = None
    """File for the metrics, as a JSON object."""
    report: Path | None = None
    """File for the page of the run, of the report's step."""
    executor_input: str = ""
    """What Kubeflow tells a step of its outputs, a JSON object: it leads to the file that shows metrics."""


class LaunchSettings(JobSettings, InstalledSettings):
    """Create the JobSet of a job, or adopt the one there is, follow it, and end as it ends."""

    job: ClassVar[str] = "launch"
    code_version: ClassVar[int] = 1
    pod_shape = "single"
    image = "data"
    own_need: ClassVar[Need] = Need(cpus=0.1, memory_gib=0.5, scratch_gib=1)
    """What the pod that launches asks for; `need` is the launched job's."""

    owner: Annotated[Owner, Neutral()] = Owner()
    """The Job that the JobSet belongs to."""
    outputs: Annotated[Outputs, Neutral()] = Outputs()
    """Files for Kubeflow."""
    heartbeat_seconds: Annotated[float, Neutral(), Field(gt=0)] = 30
    """How often the JobSet is told that somebody follows it; the janitor stops one that is not told."""
    patience_seconds: Annotated[float, Neutral(), Field(gt=0)] = 600
    """How long the API server may be out of reach before following ends; the JobSet goes on meanwhile."""
