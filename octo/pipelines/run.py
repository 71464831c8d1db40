"""`octo run`: a pipeline on this machine, from settings to a report."""

import json
import logging
import os
import secrets
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rich.text import Text

from octo import telemetry
from octo.errors import EXIT_DONE, StorageError, UsageError
from octo.pipelines.catalogue import choose_pipeline
from octo.pipelines.dag import Pipeline
from octo.pipelines.display import LineDisplay, choose_display
from octo.pipelines.local import LocalRun
from octo.pipelines.settings import RunSettings, TraceSettings, check_writable
from octo.pipelines.state import Status
from octo.processes import num_cores, stoppable
from octo.settings.loading import arguments_of, load, result_settings
from octo.storage.session import Session, open_session
from octo.storage.store import Store
from octo.streams import write_output
from octo.terminal import Console

logger = logging.getLogger(__name__)

REMEMBERED = ("preset", "only", "data_prefix")
"""What a run that is resumed keeps of the command that began it, beside its changes."""


class Identity(NamedTuple):
    """Which run this is an attempt at."""

    run_id: str
    created_at: str
    resume: str
    """The command that goes on with it."""


def run_command(arguments: Sequence[str]) -> int:
    """Run or resume a pipeline; prints what came out of it and where the report is."""
    given = load(RunSettings, arguments, os.environ)
    # What is misspelt or cannot be written is said before anything is started.
    choose_pipeline(given)
    check_writable(given.output)
    console = Console(stderr=given.json_output)
    with (
        stoppable("what is committed stays: run again to resume"),
        open_session(given.store, given.s3, probed=True) as session,
    ):
        saved = _saved(session.store, given)
        settings = _resumed(given, saved)
        pipeline = choose_pipeline(settings)
        run_id = settings.run_id or _new_run_id(settings.pipeline)
        resume = _resume_command(settings, run_id)
        _say_where(console, run_id, session, settings)
        run = _run(pipeline, settings, session, Identity(run_id, _created_at(saved), resume), console)
        with _resumable(resume):
            outcome = _finish(run, settings)
    if settings.json_output:
        Console().print_json(json.dumps(outcome))
    else:
        _say_outcome(console, outcome)
    return EXIT_DONE


def _run(pipeline: Pipeline, settings: RunSettings, session: Session, identity: Identity, console: Console) -> LocalRun:
    store, run_id = session.store, identity.run_id
    with _traced(store, run_id, settings) as traced, traced.span("octo.run", {"octo.pipeline": pipeline.name}):
        # The run's own span goes first: no stage may have a parent that was never stored.
        traced.flush()
        run = LocalRun(
            pipeline=pipeline,
            session=session,
            run_id=run_id,
            resume=identity.resume,
            parallel=settings.parallel or num_cores(),
            display=LineDisplay(console) if settings.json_output else choose_display(console),
            telemetry=traced,
            otlp_endpoint=settings.otlp_endpoint,
            debug=settings.debug,
        )
        _write_run(store, run, settings, identity)
        # Only from here on is there a run to resume.
        with _resumable(identity.resume):
            try:
                run.run()
            finally:
                if session.alive:
                    _try_write_run(store, run, settings, identity)
    return run


def _resumable(command: str) -> AbstractContextManager[None]:
    return stoppable(f"every committed stage stays, resume with: {command}")


@contextmanager
def _traced(store: Store, run_id: str, settings: RunSettings) -> Iterator[telemetry.Telemetry]:
    key = f"runs/{run_id}/spans/run-{secrets.token_hex(4)}.jsonl"
    traced = telemetry.start(
        service="run",
        run_id=run_id,
        sink=lambda lines: store.put_sealed(key, lines),
        otlp_endpoint=settings.otlp_endpoint,
        # The trace is the run's own, whatever started it: its id follows from the run's.
        parent=None,
    )
    try:
        yield traced
    finally:
        traced.shutdown()


def _saved(store: Store, given: RunSettings) -> dict[str, Any] | None:
    """What an earlier attempt wrote of this run; None when it is a new one.

    A name that was mistyped must not begin a run with the settings of nobody's choice.
    """
    key = f"runs/{given.run_id}/run.json"
    if not given.run_id:
        if given.new:
            raise UsageError("--new begins a run by a name of your choice: give it with --run-id, or leave --new out")
        return None
    if store.head(key) is None:
        if not given.new:
            raise UsageError(
                f"there is no run {given.run_id} in {given.store or '.octo'}: give --new to begin one by that name, or "
                "leave --run-id out to have a name made up"
            )
        return None
    if given.new:
        raise UsageError(f"there is a run {given.run_id} already: leave --new out to resume it, or give another name")
    saved: dict[str, Any] = store.get_record(key)
    if saved["pipeline"] != given.pipeline:
        raise UsageError(
            f"run {given.run_id} is of pipeline {saved['pipeline']}, not {given.pipeline}: "
            f"octo run {saved['pipeline']} --run-id {given.run_id}"
        )
    return saved


def _resumed(given: RunSettings, saved: dict[str, Any] | None) -> RunSettings:
    """The settings of the earlier attempt, where this call does not say otherwise."""
    if saved is None:
        return given
    command = saved["command"]
    kept = {
        name: command[name]
        for name in ("preset", "only", "data_prefix")
        if name in command and name not in given.model_fields_set
    }
    # Later changes win, so the earlier attempt's come first.
    return given.model_copy(update={**kept, "set": (*command["set"], *given.set)})


def _created_at(saved: dict[str, Any] | None) -> str:
    return saved["created_at"] if saved else datetime.now(UTC).isoformat()


def _resume_command(settings: RunSettings, run_id: str) -> str:
    # What the run keeps by itself is left out: the preset, the changes, and which stages.
    forgotten = {name: type(settings).model_fields[name].default for name in (*REMEMBERED, "set", "new")}
    kept = settings.model_copy(update={"run_id": run_id, **forgotten})
    return shlex.join(["octo", "run", *arguments_of(kept)])


def _new_run_id(pipeline: str) -> str:
    return f"{pipeline}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _write_run(store: Store, run: LocalRun, settings: RunSettings, identity: Identity) -> None:
    """runs/<run-id>/run.json: what this run is of, with every stage's settings; never a secret."""
    description = {
        "run_id": run.run_id,
        "created_at": identity.created_at,
        "pipeline": run.pipeline.name,
        "preset": settings.preset,
        "command": {"set": settings.set, **{name: getattr(settings, name) for name in REMEMBERED}},
        "trace_id": telemetry.trace_id_of(run.run_id),
        "stages": [
            {
                "name": stage.name,
                "job": stage.settings.job,
                "inputs": {field: list(names) for field, names in stage.inputs.items()},
                "settings": result_settings(stage.settings),
                "digest": run.states[stage.name].digest,
                "address": run.states[stage.name].address,
            }
            for stage in run.pipeline.stages
        ],
    }
    store.put_record(f"runs/{run.run_id}/run.json", description)


def _try_write_run(store: Store, run: LocalRun, settings: RunSettings, identity: Identity) -> None:
    """The same at the end of an attempt, where a failure to write must not hide how the attempt ended."""
    try:
        _write_run(store, run, settings, identity)
    except StorageError as error:
        logger.warning("the description of run %s could not be brought up to date: %s", run.run_id, error)


def _finish(run: LocalRun, settings: RunSettings) -> dict[str, object]:
    """Render the report, and gather what the command says of the run."""
    store, run_id = run.session.store, run.run_id
    states = run.states.values()
    shown = TraceSettings(run_id=run_id, store=settings.store, s3=settings.s3)
    outcome: dict[str, object] = {
        "run_id": run_id,
        "pipeline": run.pipeline.name,
        "store": settings.store or store.address,
        "trace_id": telemetry.trace_id_of(run_id),
        "trace": shlex.join(["octo", "trace", *arguments_of(shown)]),
        "stages": {state.name: {"state": str(state.status), "address": state.address} for state in states},
        "cached": sum(state.status is Status.CACHED for state in states),
    }
    if any(state.job == "report" for state in states):
        # Costs half a second of drawing library, which a run without a report has no use for, nor one that is refused.
        from octo.report.page import headline, render_page  # noqa: PLC0415

        page = render_page(store, run_id)
        store.put(f"runs/{run_id}/report.html", page.encode(), content_type="text/html; charset=utf-8")
        write_output(settings.output, page)
        outcome |= {"report": str(settings.output.resolve()), "headline": headline(store, run_id)}
    return outcome


def _say_where(console: Console, run_id: str, session: Session, settings: RunSettings) -> None:
    place = session.store.address if session.embedded is None else f"{settings.store or '.octo'} (embedded S3 store)"
    console.print(Text.assemble("run ", (run_id, "bold"), f"  store {place}"))


def _say_outcome(console: Console, outcome: dict[str, object]) -> None:
    stages = outcome["stages"]
    total = len(stages) if isinstance(stages, dict) else 0
    console.print(f"\n{total} stages committed, {outcome['cached']} of them cached")
    if "headline" in outcome:
        console.print(f"\n{outcome['headline']}\n")
        console.print(f"report  {outcome['report']}", soft_wrap=True)
    console.print(f"trace   {outcome['trace']}", soft_wrap=True)
