"""`octo plan`: what a pipeline or a job would run, before anything is created."""

import json
import os
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

from octo.errors import EXIT_DONE, UsageError
from octo.memory_model import PARTS
from octo.pipelines.catalogue import PIPELINES, choose_pipeline
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.plan import StagePlan, critical_path, plan
from octo.pipelines.plan_table import plan_text, table_width
from octo.pipelines.settings import PipelineSettings, StoreSettings
from octo.processes import stoppable
from octo.settings import JOBS
from octo.settings.base import Flag, JobSettings
from octo.settings.combined import load_with_job, of_job
from octo.settings.installation import Installation, InstalledSettings
from octo.settings.launch import LaunchSettings
from octo.settings.loading import load
from octo.storage.session import open_session
from octo.terminal import Console


class PlanSettings(InstalledSettings):
    """Say what would run: pods, pools, what is committed already, and how long it may take."""

    json_output: Annotated[bool, Flag("json")] = False
    """Print one JSON object."""


class PlanPipelineSettings(PlanSettings, StoreSettings, PipelineSettings):
    """Say what a pipeline would run: pods, pools, what is committed already, and how long it may take."""

    @classmethod
    def verb(cls) -> str:
        """The word after `octo`."""
        return "plan"


def plan_command(arguments: Sequence[str]) -> int:
    """Print the plan of a pipeline, or of one job."""
    name = next(iter(arguments), "")
    if name in JOBS:
        own, job = load_with_job(PlanSettings, arguments, os.environ, without=(LaunchSettings.job,))
        settings = of_job(own, job)
        settings.check_complete()
        return _show(one_stage(settings), own.installation, settings, as_json=own.json_output)
    if name and not name.startswith("-") and name not in PIPELINES:
        near = get_close_matches(name, [*PIPELINES, *JOBS], n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join([*PIPELINES, *JOBS])}"
        raise UsageError(f"there is neither a pipeline nor a job {name!r} to plan: {hint}")
    given = load(PlanPipelineSettings, arguments, os.environ)
    return _show(choose_pipeline(given), given.installation, given, as_json=given.json_output)


def one_stage(settings: JobSettings) -> Pipeline:
    """A job by itself, as a pipeline of one stage."""
    return Pipeline(settings.job, (Stage(settings.stage or settings.job, settings),))


def planned(pipeline: Pipeline, installation: Installation, settings: StoreSettings | JobSettings) -> list[StagePlan]:
    """The plan on the store that the settings name, or else the installation."""
    with open_session(*installation.reached(settings.store, settings.s3)) as session:
        return plan(pipeline, installation, session.store)


def _show(
    pipeline: Pipeline, installation: Installation, settings: StoreSettings | JobSettings, *, as_json: bool
) -> int:
    with stoppable("nothing was changed"):
        plans = planned(pipeline, installation, settings)
    console = Console()
    if as_json:
        console.print_json(json.dumps(plan_object(pipeline, plans)))
    else:
        console.print(plan_text(pipeline, plans, width=table_width(console)), soft_wrap=True)
    return EXIT_DONE


def plan_object(pipeline: Pipeline, plans: Sequence[StagePlan]) -> dict[str, object]:
    """The plan as `--json` prints it."""
    total, unknown = critical_path(plans)
    return {
        "name": pipeline.name,
        "stages": [
            {
                "name": each.stage.name,
                "job": each.stage.settings.job,
                "cached": each.cached if each.address else None,
                "kept_by": each.kept_by,
                "address": each.address,
                "roles": [
                    {
                        "name": role.name,
                        "pool": role.placement.pool.name,
                        "pods": role.pods,
                        "accelerators": role.accelerators,
                    }
                    for role in each.roles
                ],
                "memory": [
                    {
                        "role": memory.role.name,
                        "rank_bytes": memory.footprint.total,
                        "rank_room_bytes": memory.room,
                        "moment": memory.footprint.moment,
                        "parts": {name: getattr(memory.footprint, name) for name in PARTS},
                        "pod_bytes": memory.own,
                        "tight": memory.is_tight,
                    }
                    for memory in each.memory
                ],
                "memory_unknown": each.memory_unknown,
                "artifact_bytes": each.artifact_bytes or None,
                "checkpoint_bytes": each.checkpoint_bytes or None,
                "seconds": each.estimate._asdict() if each.estimate else None,
            }
            for each in plans
        ],
        "pods": sum(each.pods for each in plans),
        "accelerators": sum(each.accelerators for each in plans),
        "seconds": total._asdict(),
        "stages_without_a_past": unknown,
    }
