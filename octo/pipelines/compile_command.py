"""`octo compile` and `octo upload`: a pipeline as Kubeflow takes it, in a file or in Kubeflow itself."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from octo import __version__
from octo.errors import EXIT_DONE, UsageError
from octo.pipelines.catalogue import choose_pipeline
from octo.pipelines.dag import Pipeline
from octo.pipelines.kubeflow import CONFIG_MAP, compile_pipeline
from octo.pipelines.kubeflow_upload import upload_version
from octo.pipelines.settings import PipelineSettings, check_writable
from octo.settings.base import Flag, ServiceUrl
from octo.settings.installation import InstalledSettings
from octo.settings.loading import load
from octo.streams import write_output
from octo.terminal import Console


class KubeflowSettings(PipelineSettings, InstalledSettings):
    """What decides how a pipeline is compiled."""

    config_map: str = CONFIG_MAP
    """ConfigMap in the namespace of the runs; its key installation.yaml is the settings file of every step."""


class CompileSettings(KubeflowSettings):
    """Write a pipeline as a file that Kubeflow Pipelines takes. What is --set is fixed; the rest, a run may change."""

    output: Annotated[Path, Flag(short="-o")]
    """File to write."""


class UploadSettings(KubeflowSettings):
    """Compile a pipeline and give it to Kubeflow Pipelines, as a new version if there is one of its name."""

    endpoint: ServiceUrl = Field(default="", validate_default=True)
    """URL of the Kubeflow Pipelines API, such as http://ml-pipeline.kubeflow:8888."""
    version: str = ""
    """Name of the version; empty makes one of octo's version and the pipeline's digest. One that exists is kept."""
    profile: str = ""
    """Namespace of the Kubeflow profile that the pipeline belongs to; empty shares it with everybody."""
    answer_seconds: float = Field(default=3, gt=0)
    """How long Kubeflow may take to begin its first answer."""
    token_file: Path | None = None
    """File with a token for the API, such as a service account's that is projected for pipelines.kubeflow.org."""

    @field_validator("endpoint")
    @classmethod
    def _names_kubeflow(cls, endpoint: str) -> str:
        if not endpoint:
            raise ValueError(
                "this gives a pipeline to Kubeflow Pipelines, and no one names its API: say where it is, as in "
                "http://ml-pipeline.kubeflow:8888 (from outside: kubectl port-forward -n kubeflow svc/ml-pipeline "
                "8888); a cluster without Kubeflow takes one job at a time, by octo submit JOB"
            )
        return endpoint

    def token(self) -> str:
        """What the token file holds; empty without one."""
        if self.token_file is None:
            return ""
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UsageError(f"--token-file: cannot read {self.token_file}: {error.strerror}") from None


def compile_command(arguments: Sequence[str]) -> int:
    """Write the compiled pipeline."""
    settings = load(CompileSettings, arguments, os.environ)
    check_writable(settings.output)
    write_output(settings.output, _compiled(settings, choose_pipeline(settings)))
    Console().print(f"wrote {settings.output}", soft_wrap=True)
    return EXIT_DONE


def upload_command(arguments: Sequence[str]) -> int:
    """Compile the pipeline and upload it, unless Kubeflow has that version."""
    settings = load(UploadSettings, arguments, os.environ)
    pipeline = choose_pipeline(settings)
    version, is_new = upload(pipeline, settings)
    said = "uploaded" if is_new else "Kubeflow has already"
    Console().print(f"{said} {pipeline.name}, version {version}", soft_wrap=True)
    return EXIT_DONE


def upload(pipeline: Pipeline, settings: UploadSettings) -> tuple[str, bool]:
    """The version of the compiled pipeline that Kubeflow has now, and whether it had not before."""
    compiled = _compiled(settings, pipeline)
    version = settings.version or f"{__version__}-{hashlib.sha256(compiled.encode()).hexdigest()[:8]}"
    is_new = upload_version(
        compiled,
        pipeline=pipeline.name,
        version=version,
        endpoint=settings.endpoint,
        description=pipeline.description,
        profile=settings.profile,
        token=settings.token(),
        answer_seconds=settings.answer_seconds,
    )
    return version, is_new


def _compiled(settings: KubeflowSettings, pipeline: Pipeline) -> str:
    return compile_pipeline(pipeline, settings.installation, config_map=settings.config_map)
