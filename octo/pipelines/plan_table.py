"""A plan as people read it: a table as wide as the terminal, and the sums below it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from octo.pipelines.dag import Pipeline
from octo.pipelines.plan import Estimate, StagePlan, critical_path
from octo.render.fitting import GIB, TOLERANCE
from octo.report.text import duration
from octo.terminal import Console

WIDE = 200
"""Columns of a table that no terminal limits."""


def plan_text(pipeline: Pipeline, plans: Sequence[StagePlan], *, width: int) -> RenderableType:
    """The plan as a table as wide as there is room for, with the sums below it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    columns = [each for each in COLUMNS if width >= each.least_width]
    for column in columns:
        table.add_column(column.heading, justify=column.justify, no_wrap=True)
    for each in plans:
        table.add_row(*(column.cell(each) for column in columns))
    return Group(table, Text(), *(Text(line) for line in _sums(pipeline, plans)))


def table_width(console: Console) -> int:
    """Columns that a table may have: the terminal's, and in a file as many as it takes."""
    return console.width if console.is_terminal or "COLUMNS" in os.environ else WIDE


def _sums(pipeline: Pipeline, plans: Sequence[StagePlan]) -> list[str]:
    running = [each for each in plans if each.runs]
    if not running:
        return [f"{pipeline.name}: everything is committed already; nothing would run"]
    pods, accelerators = (sum(getattr(each, name) for each in running) for name in ("pods", "accelerators"))
    counts = f"{len(running)} of {len(plans)} stages to run, {pods} pods"
    held = f" with {accelerators} accelerators" if accelerators else ", no accelerators"
    return [
        f"{pipeline.name}: {counts}{held}",
        *_notes(running),
        *_stored([each for each in plans if not each.cached]),
        *_times(plans, running),
    ]


def _notes(running: Sequence[StagePlan]) -> list[str]:
    """What the table leaves open, stage by stage; what follows from the stage before is not said again."""
    lines = [
        f"{each.stage.name}: whether it is committed is not known here: {each.unknown}"
        for each in running
        if each.unknown and not each.unknown.startswith("reads ")
    ]
    lines += [
        f"{each.stage.name}: what it holds in memory is not known: {each.memory_unknown}"
        for each in running
        if each.memory_unknown and not each.memory_unknown.startswith("the model of ")
    ]
    tight = [each.stage.name for each in running if any(memory.is_tight for memory in each.memory)]
    if tight:
        lines.append(f"tight: {', '.join(tight)}; the model of memory is right to {TOLERANCE:.0%}")
    if any(not each.address for each in running):
        lines.append("* runs, or is cached: which, is known when what it reads is committed")
    return lines


def _stored(made_anew: Sequence[StagePlan]) -> list[str]:
    """Bytes that the run leaves in the store, and has there meanwhile."""
    made = sum(each.artifact_bytes for each in made_anew)
    most = max((each.checkpoints_bytes for each in made_anew), default=0)
    if not made:
        return []
    checkpoints = f"; {_bytes_text(most)} of checkpoints while the largest training lasts" if most else ""
    return [f"models of {_bytes_text(made)} in all{checkpoints}"]


def _times(plans: Sequence[StagePlan], running: Sequence[StagePlan]) -> list[str]:
    total, unknown = critical_path(plans)
    if unknown == len(running):
        return ["how long it takes is not known: the store holds nothing that these jobs made before"]
    held = sum((each.estimate.middle * each.accelerators for each in running if each.estimate), 0.0) / 3600
    lines = [
        f"about {_estimate_text(total)} on the critical path, without waiting for pods"
        + (f"; {held:,.1f} accelerator-hours" if held else "")
        + (f"; {unknown} stages without a past are not counted" if unknown else "")
    ]
    counted = {
        role.placement.pool.name: role.placement.pool
        for each in running
        if each.estimate and not each.estimate.samples
        for role in each.roles[:1]
    }
    lines += [
        f"+ by its operations, at {pool.shares_of_peak[0]:.0%} to {pool.shares_of_peak[1]:.0%} "
        f"of the {pool.teraflops:g} TFLOP/s of an accelerator of {pool.name}"
        for pool in counted.values()
    ]
    return lines


def _estimate_text(estimate: Estimate | None) -> str:
    if estimate is None:
        return "not known"
    if estimate.low == estimate.high:
        return duration(estimate.middle)
    return f"{duration(estimate.middle)} ({duration(estimate.low)} to {duration(estimate.high)})"


def _time_cell(plan: StagePlan) -> str | Text:
    if plan.cached:
        return Text("cached", style="green")
    if plan.kept_by:
        return f"kept by {plan.kept_by}"
    counted = plan.estimate is not None and not plan.estimate.samples
    maybe = "" if plan.address else " *"
    return f"{_interval_text(plan.estimate)}{' +' if counted else ''}{maybe}"


def _interval_text(estimate: Estimate | None) -> str:
    """`36.3 h (29.1 to 48.4)`: all in the unit of the middle."""
    if estimate is None:
        return "not known"
    seconds, unit = next(each for each in _UNITS if estimate.middle >= each[0] or each[0] == 1)
    middle, low, high = (f"{each / seconds:.3g}" for each in (estimate.middle, estimate.low, estimate.high))
    return f"{middle} {unit}" if low == high else f"{middle} {unit} ({low} to {high})"


_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


def _memory_cell(plan: StagePlan) -> str | Text:
    """What a rank holds of what there is, of the role that has least room left."""
    if not (plan.runs and plan.memory):
        return "not known" if plan.memory_unknown and plan.runs else ""
    tightest = max(plan.memory, key=lambda each: each.footprint.total / (each.room or float("inf")))
    room = f" of {tightest.room / GIB:,.0f}" if tightest.room else ""
    text = f"{tightest.footprint.total / GIB:,.{1 if tightest.footprint.total < 10 * GIB else 0}f}{room} GiB"
    return Text(text, style="yellow") if tightest.is_tight else text


def _pod_memory_cell(plan: StagePlan) -> str:
    accelerated = [each for each in plan.memory if each.is_accelerated]
    if not (plan.runs and accelerated):
        return ""
    most = max(accelerated, key=lambda each: each.own)
    return f"{most.own / GIB:,.1f} of {most.role.need.memory_gib:g} GiB"


def _pools_cell(plan: StagePlan) -> str:
    return "" if not plan.runs else ", ".join(dict.fromkeys(role.placement.pool.name for role in plan.roles))


@dataclass(frozen=True)
class _Column:
    heading: str
    cell: Callable[[StagePlan], str | Text]
    least_width: int = 0
    justify: Literal["left", "right"] = "right"


COLUMNS = (
    _Column("stage", lambda plan: plan.stage.name, justify="left"),
    _Column("job", lambda plan: plan.stage.settings.job, 100, justify="left"),
    _Column("pods", lambda plan: "" if not plan.runs else str(plan.pods)),
    _Column("accel.", lambda plan: "" if not plan.runs else str(plan.accelerators or "")),
    _Column("pool", _pools_cell, 90, justify="left"),
    _Column("memory a rank", _memory_cell),
    _Column("a pod beside", _pod_memory_cell, 150),
    _Column("artifact", lambda plan: _bytes_text(plan.artifact_bytes), 120),
    _Column("checkpoint", lambda plan: "" if not plan.runs else _bytes_text(plan.checkpoint_bytes), 150),
    _Column("time", _time_cell, justify="left"),
)
"""What is shown of a stage, each from a width on."""


def _bytes_text(size: int) -> str:
    """In decimal units, as stores bill it."""
    if not size:
        return ""
    unit, name = next(
        each for each in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if size >= each[0] or each[0] == 1e3
    )
    return f"{size / unit:.3g} {name}"
