"""Settings of the commands that work on runs."""

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import CliPositionalArg

from octo.errors import UsageError
from octo.settings.base import Flag, S3Settings, ServiceUrl, Settings, Verbatim

DEFAULT_PRESET = "toy"


class StoreSettings(Settings):
    """What every command needs that reads or writes a store."""

    store: str = ""
    """Where artifacts live: s3://bucket/prefix, or a directory for an embedded store; empty means .octo."""
    s3: S3Settings = S3Settings()
    """Connection to the store."""


class ReportPageSettings(StoreSettings):
    """Write the page of a run: what came out of it, and from what."""

    run_id: CliPositionalArg[str]
    """Which run; its name was printed when it started."""
    output: Annotated[Path, Flag(short="-o")] = Path("report.html")
    """File to write."""

    @classmethod
    def verb(cls) -> str:
        """The word after `octo`."""
        return "report"


class TraceSettings(StoreSettings):
    """Show what a run spent its time on."""

    run_id: CliPositionalArg[str]
    """Which run; its name was printed when it started."""
    critical_path: bool = False
    """Show the chain of spans that decided when the run ended, instead of the tree."""
    json_output: Annotated[bool, Flag("json")] = False
    """Print the spans as OTLP JSON lines."""


class PipelineSettings(Settings):
    """Which pipeline a command is about, and how it differs from the preset's."""

    pipeline: CliPositionalArg[str]
    """Which pipeline, such as octothinker."""
    preset: str = DEFAULT_PRESET
    """The pipeline's settings to start from."""
    set: Annotated[tuple[str, ...], Verbatim()] = ()
    """STAGE.FIELD=VALUE: another value for one setting of one stage."""
    only: str = ""
    """Take this stage and what it needs, and nothing else."""
    data_prefix: str = ""
    """s3://bucket/prefix below which the data and the models are that a preset of a paper's size names: what it says as
    s3://octo-data is taken from there."""

    @field_validator("set")
    @classmethod
    def _set_names_a_stage_and_a_field(cls, changes: tuple[str, ...]) -> tuple[str, ...]:
        for change in changes:
            target, has_value, _ = change.partition("=")
            stage, has_field, field = target.partition(".")
            if not (has_value and has_field and stage and field):
                raise ValueError(f"expected STAGE.FIELD=VALUE, got {change!r}")
        return changes

    def changes(self) -> dict[str, dict[str, str]]:
        """What `--set` says: texts by stage and key."""
        changes: dict[str, dict[str, str]] = {}
        for change in self.set:
            target, _, text = change.partition("=")
            stage, _, key = target.partition(".")
            changes.setdefault(stage, {})[key] = text
        return changes


class RunSettings(StoreSettings, PipelineSettings):
    """Run a pipeline as processes of this machine. What is committed already is not run again."""

    run_id: str = ""
    """Name of a run, which is resumed; empty begins one and makes its name up."""
    new: bool = False
    """Begin a run by the name of --run-id, which no other may have."""
    parallel: int = Field(default=0, ge=0)
    """Stages that may run side by side; 0 means as many as the machine has cores for."""
    otlp_endpoint: ServiceUrl = ""
    """OTLP/HTTP collector that spans are also sent to, with OTEL_EXPORTER_OTLP_HEADERS; empty sends none."""
    output: Annotated[Path, Flag(short="-o")] = Path("report.html")
    """Where the report is written to; it is kept in the store as well."""
    json_output: Annotated[bool, Flag("json")] = False
    """Print one JSON object, and no display."""

    @field_validator("run_id")
    @classmethod
    def _run_id_is_a_name(cls, run_id: str) -> str:
        if run_id and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id):
            raise ValueError(f"expected letters, digits, dots, dashes and underscores, got {run_id!r}")
        return run_id


def check_writable(output: Path) -> None:
    """Refuse a file that cannot be written, before the work that it is to hold."""
    place = output if output.exists() else output.parent
    if output.is_dir() or not os.access(place, os.W_OK):
        raise UsageError(f"cannot write {output}: give --output a file in a directory that exists and can be written")
