"""`octo plan`: what a pipeline or a job would run, before anything is created."""

import json
import os
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from octo.errors import EXIT_DONE, UsageError
from octo.pipelines.catalogue import PIPELINES, choose_pipeline
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.plan import Estimate, StagePlan, critical_path, plan
from octo.pipelines.settings import PipelineSettings, StoreSettings
from octo.processes import stoppable
from octo.report.text import duration
from octo.settings import JOBS
from octo.settings.base import Flag, JobSettings
from octo.settings.combined import load_with_job, of_job
from octo.settings.installation import Installation, InstalledSettings
from octo.settings.launch import LaunchSettings
from octo.settings.loading import load
from octo.storage.session import open_session


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


def plan_text(pipeline: Pipeline, plans: Sequence[StagePlan]) -> RenderableType:
    """The plan as a table, with the sums below it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("stage", "job", "pods", "accelerators", "pool", "", "estimate"):
        table.add_column(heading, justify="right" if heading in ("pods", "accelerators") else "left")
    for each in plans:
        table.add_row(
            each.stage.name,
            each.stage.settings.job,
            "" if each.cached else str(each.pods),
            "" if each.cached else str(each.accelerators or ""),
            "" if each.cached else ", ".join(dict.fromkeys(role.placement.pool.name for role in each.roles)),
            Text("cached", style="green") if each.cached else "runs" if each.address else "runs, or is cached",
            "" if each.cached else _estimate_text(each.estimate),
        )
    return Group(table, Text(), *(Text(line) for line in _sums(pipeline, plans)))


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
        console.print(plan_text(pipeline, plans), soft_wrap=True)
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
                "seconds": each.estimate._asdict() if each.estimate else None,
            }
            for each in plans
        ],
        "pods": sum(each.pods for each in plans),
        "accelerators": sum(each.accelerators for each in plans),
        "seconds": total._asdict(),
        "stages_without_a_past": unknown,
    }


def _sums(pipeline: Pipeline, plans: Sequence[StagePlan]) -> list[str]:
    running = [each for each in plans if not each.cached]
    if not running:
        return [f"{pipeline.name}: everything is committed already; nothing would run"]
    pods, accelerators = (sum(getattr(each, name) for each in running) for name in ("pods", "accelerators"))
    lines = [
        f"{pipeline.name}: {len(running)} of {len(plans)} stages to run, {pods} pods"
        + (f" with {accelerators} accelerators" if accelerators else ", no accelerators")
    ]
    lines += [
        f"{each.stage.name}: whether it is committed is not known here: {each.unknown}"
        for each in running
        if each.unknown and not each.unknown.startswith("reads ")
    ]
    total, unknown = critical_path(plans)
    if unknown == len(running):
        return [*lines, "how long it takes is not known: the store holds nothing that these jobs made before"]
    held = sum((each.estimate.middle * each.accelerators for each in running if each.estimate), 0.0) / 3600
    lines.append(
        f"about {_estimate_text(total)} on the critical path, without waiting for pods"
        + (f"; {held:.1f} accelerator-hours" if accelerators else "")
        + (f"; {unknown} stages without a past are not counted" if unknown else "")
    )
    return lines


def _estimate_text(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not known"
    if estimate.low == estimate.high:
        return duration(estimate.middle)
    return f"{duration(estimate.middle)} ({duration(estimate.low)} to {duration(estimate.high)})"
