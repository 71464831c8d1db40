"""`octo show`: an artifact or a run of the store, in words: what it is, made how, from what, and what it counted."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import yaml
from pydantic_settings import CliPositionalArg
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from octo.errors import EXIT_DONE
from octo.lineage import address_of, key_of
from octo.pipelines.settings import StoreSettings
from octo.processes import stoppable
from octo.report.behind import changed_settings
from octo.report.runs import described, recorded
from octo.report.text import MISSING, duration, flattened, megabytes
from octo.settings.base import Flag
from octo.settings.loading import load
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.session import open_session
from octo.storage.store import Store
from octo.terminal import Console


class ShowSettings(StoreSettings):
    """Show an artifact, or a run: what it is, how and when it was made, its parts, settings, counters and inputs."""

    target: CliPositionalArg[str]
    """An artifact's address, or JOB/DIGEST of which the first letters are enough; or the name of a run."""
    output: Annotated[Literal["text", "json", "yaml"], Flag(short="-o")] = "text"
    """How it is shown."""


def show_command(arguments: Sequence[str]) -> int:
    """Print what the store says of it."""
    settings = load(ShowSettings, arguments, os.environ)
    with stoppable("nothing was changed"), open_session(settings.store, settings.s3) as session:
        # A run's name has no slash.
        if "/" in settings.target:
            artifact = open_artifact(session.store, address_of(session.store, settings.target))
            facts, text = artifact.manifest.model_dump(mode="json"), _artifact_text(artifact)
            facts = {"address": artifact.address, **facts}
        else:
            facts = _run_facts(session.store, settings.target)
            text = _run_text(facts)
    console = Console()
    if settings.output == "json":
        console.out(json.dumps(facts, indent=2, ensure_ascii=False))
    elif settings.output == "yaml":
        console.out(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True).rstrip())
    else:
        for each in text:
            # An address goes over an end of line as it is: whoever marks it has it whole.
            console.print(each, soft_wrap=isinstance(each, Text))
    return EXIT_DONE


def _artifact_text(artifact: Artifact) -> list[RenderableType]:
    manifest = artifact.manifest
    seconds = (manifest.committed_at - manifest.started_at).total_seconds()
    facts = {
        "address": artifact.address,
        "stage": f"{manifest.stage}, of the job {manifest.job} (code version {manifest.code_version})",
        "made": f"{_day(manifest.committed_at)}, in {duration(seconds)}",
        "content": manifest.content,
        "trace": manifest.producer.trace_id,
    }
    inputs = [(field, key_of(each.address)) for field, given in manifest.inputs.items() for each in given]
    counters = [(name, f"{count:,}") for name, count in sorted(manifest.counters.items())]
    return [
        *_pairs(facts.items()),
        *_headed("parts", [_parts(artifact)]),
        *_headed("inputs", _pairs(inputs)),
        *_headed("counters", _pairs(counters)),
        *_headed("settings", _settings(manifest.job, manifest.settings)),
        *_headed("made by", _pairs(manifest.versions.items())),
    ]


def _parts(artifact: Artifact) -> Table:
    """By name, as an artifact may have ten thousand indexes."""
    table = _table("name", "parts", "rows", "size")
    by_name: dict[str, list[int]] = {}
    for part in artifact.parts():
        sums = by_name.setdefault(part.name, [0, 0, 0])
        for place, value in enumerate((1, part.rows, part.size)):
            sums[place] += value
    for name, (count, rows, size) in sorted(by_name.items()):
        table.add_row(name, f"{count:,}", f"{rows:,}" if rows else MISSING, megabytes(size))
    return table


def _settings(job: str, settings: Mapping[str, Any]) -> list[RenderableType]:
    """All that decided the result; those that are no defaults stand out."""
    changed = changed_settings(job, settings)
    lines = []
    for name, value in flattened(settings).items():
        is_changed = any(name == each or name.startswith(f"{each}.") for each in changed)
        shown = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
        lines.append((name, shown if is_changed else f"{shown}  (default)"))
    return _pairs(lines)


def _run_facts(store: Store, run_id: str) -> dict[str, Any]:
    found = dict(described(store, run_id))
    stages = [{**each, "record": dict(recorded(store, run_id, each["name"]))} for each in found.get("stages", ())]
    return {**found, "stages": stages}


def _run_text(run: Mapping[str, Any]) -> list[RenderableType]:
    table = _table("stage", "state", "artifact", "started", "took")
    for stage in run["stages"]:
        record = stage["record"]
        address = record.get("address") or stage.get("address") or ""
        started, ended = (_time(record.get(name)) for name in ("started_at", "ended_at"))
        took = duration((ended - started).total_seconds()) if started and ended else MISSING
        key = key_of(address) if address else ""
        job, _, digest = key.partition("/")
        table.add_row(
            stage["name"],
            str(record.get("state", "waiting")),
            f"{job}/{digest[:8]}" if key else MISSING,
            _day(started) if started else MISSING,
            took,
        )
    facts = {
        "run": str(run["run_id"]),
        "pipeline": " ".join(filter(None, (str(run.get("pipeline", "")), str(run.get("preset", ""))))),
        "created": _day(_time(run.get("created_at"))),
        "trace": str(run.get("trace_id", "")),
    }
    return [*_pairs((name, value) for name, value in facts.items() if value), *_headed("stages", [table])]


def _headed(heading: str, lines: Sequence[RenderableType]) -> list[RenderableType]:
    return [Text(), Text(heading, style="bold"), *lines] if lines else []


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[RenderableType]:
    """A line each, of which names take equal room."""
    found = list(pairs)
    width = max((len(name) for name, _ in found), default=0)
    return [Text.assemble((f"{name:{width}}", "dim"), f"  {value}") for name, value in found]


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right" if heading in ("parts", "rows", "size", "took") else "left")
    return table


def _time(written: object) -> datetime | None:
    return datetime.fromisoformat(written) if isinstance(written, str) and written else None


def _day(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z").strip() if moment else ""
