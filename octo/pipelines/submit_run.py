"""`octo submit PIPELINE`: a run of a pipeline on Kubeflow, once its plan is agreed to."""

import json
import os
from collections.abc import Sequence
from typing import Annotated

from octo.confirmation import confirm
from octo.errors import EXIT_DONE
from octo.pipelines.catalogue import choose_pipeline
from octo.pipelines.compile_command import UploadSettings, upload
from octo.pipelines.kubeflow_upload import start_run
from octo.pipelines.plan_command import planned
from octo.pipelines.plan_table import plan_text, table_width
from octo.pipelines.settings import StoreSettings
from octo.processes import stoppable
from octo.settings.base import Flag
from octo.settings.loading import load
from octo.terminal import Console


class SubmitPipelineSettings(UploadSettings, StoreSettings):
    """Show what a pipeline would run, ask, upload it, and start a run of it on Kubeflow."""

    yes: Annotated[bool, Flag(short="-y")] = False
    """Do not ask."""
    run_name: str = ""
    """What the run is called in the UI; empty calls it like the pipeline and its version."""
    service_account: str = ""
    """Of the steps' pods, which must be allowed to launch; empty takes Kubeflow's own choice."""
    json_output: Annotated[bool, Flag("json")] = False
    """Print one JSON object, and no plan."""

    @classmethod
    def verb(cls) -> str:
        """The word after `octo`."""
        return "submit"


def submit_pipeline(arguments: Sequence[str]) -> int:
    """Start a run of a pipeline on Kubeflow."""
    settings = load(SubmitPipelineSettings, arguments, os.environ)
    pipeline = choose_pipeline(settings)
    console = Console(stderr=settings.json_output)
    with stoppable("no run was started"):
        plans = planned(pipeline, settings.installation, settings)
        if not settings.json_output:
            console.print(plan_text(pipeline, plans, width=table_width(console)), soft_wrap=True)
        confirm(f"Start {pipeline.name} on {settings.endpoint}?", yes=settings.yes)
        version, _ = upload(pipeline, settings)
        run_id = start_run(
            pipeline=pipeline.name,
            version=version,
            endpoint=settings.endpoint,
            name=settings.run_name or f"{pipeline.name} {version}",
            service_account=settings.service_account,
            profile=settings.profile,
            token=settings.token(),
            answer_seconds=settings.answer_seconds,
        )
    if settings.json_output:
        Console().print_json(json.dumps({"run_id": run_id, "pipeline": pipeline.name, "version": version}))
    else:
        console.print(f"started run {run_id} of {pipeline.name}, version {version}", soft_wrap=True)
        console.print(f"  octo status {run_id}\n  octo trace {run_id}", soft_wrap=True)
    return EXIT_DONE
