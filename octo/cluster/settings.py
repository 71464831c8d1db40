"""Settings of the commands that look at a cluster, with kubectl's flags."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import CliPositionalArg

from octo.settings.base import Flag
from octo.settings.cluster import ClusterSettings, PromptSettings
from octo.settings.launch import STALE_SECONDS

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class PsSettings(PromptSettings):
    """List the jobs of octo on a cluster."""

    all_namespaces: Annotated[bool, Flag(short="-A")] = False
    """List those of every namespace."""
    selector: Annotated[str, Flag(short="-l")] = ""
    """Labels that they must have, such as octo.dev/run=r1."""
    output: Annotated[Literal["table", "wide", "json", "yaml", "name"], Flag(short="-o")] = "table"
    """How they are shown."""


class LogsSettings(PromptSettings):
    """Show what the pods of a run or of one JobSet write."""

    name: CliPositionalArg[str]
    """The run, or the JobSet."""
    role: str = ""
    """Only the pods of this replicated job, such as learner."""
    rank: int | None = Field(default=None, ge=0)
    """Only the pod of this index, without its name before each line."""
    follow: Annotated[bool, Flag(short="-f")] = False
    """Go on until all of them have ended."""
    since: str = ""
    """Only what is newer than this, such as 30s, 5m, 2h or 1d."""
    tail: int | None = Field(default=None, ge=0)
    """Only so many of the last lines of each."""

    @field_validator("since")
    @classmethod
    def _since_is_a_duration(cls, since: str) -> str:
        if since and not re.fullmatch(r"\d+[smhd]", since):
            raise ValueError(f"expected a number and s, m, h or d, got {since!r}")
        return since

    def since_seconds(self) -> int | None:
        """What `--since` says."""
        return int(self.since[:-1]) * _SECONDS[self.since[-1]] if self.since else None


class StatusSettings(PromptSettings):
    """Show how far the stages of a run are on a cluster, and why one waits."""

    name: CliPositionalArg[str]
    """The run, or the JobSet."""
    output: Annotated[Literal["table", "json"], Flag(short="-o")] = "table"
    """How it is shown."""


class CancelSettings(PromptSettings):
    """Stop a run or one JobSet on a cluster. What it committed stays."""

    name: CliPositionalArg[str]
    """The run, or the JobSet."""
    yes: Annotated[bool, Flag(short="-y")] = False
    """Do not ask."""


class JanitorSettings(ClusterSettings):
    """Delete JobSets that nobody follows any more, though they were started to be followed."""

    stale_seconds: float = Field(default=STALE_SECONDS, gt=0)
    """How long one may go without a heartbeat."""
    dry_run: bool = False
    """Only say what would be deleted."""
