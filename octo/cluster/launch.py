"""`octo launch JOB`: create the JobSet of a job or adopt the one there is, follow it, and end as it ends.

What a step of a pipeline runs, and what the chart runs for a job of its values.
"""

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from octo import telemetry
from octo.cluster.client import Cluster, connect
from octo.cluster.endings import Outcome
from octo.cluster.following import Following, following
from octo.cluster.heartbeat import now_text
from octo.cluster.rehearsal import rehearse
from octo.cluster.step import recorded_step, write_outputs
from octo.cluster.submission import create_or_adopt
from octo.errors import EXIT_DONE, EXIT_PREEMPTED, EXIT_USAGE, OctoError, PreemptedError, StageFailedError, UsageError
from octo.outcome import TerminationLog, concluded
from octo.processes import stoppable
from octo.render.jobset import installed
from octo.render.launched import launched, launched_name
from octo.render.pods import HEARTBEAT, Object
from octo.settings.base import JobSettings
from octo.settings.combined import load_with_job, of_job
from octo.settings.launch import LaunchSettings
from octo.storage.artifacts import open_artifact
from octo.storage.store import Store
from octo.storage.store import connect as connect_store
from octo.terminal import Console

_CONSOLE = Console()


def launch(arguments: Sequence[str] | None = None) -> int:
    """Run the command in this process; the exit code is the job's (errors.py)."""
    log = TerminationLog()

    def command(given: Sequence[str]) -> int:
        settings, job = load_with_job(LaunchSettings, given, os.environ, without=(LaunchSettings.job,))
        log.path = settings.termination_log
        with stoppable("the JobSet goes on until the janitor finds that nobody follows it; launch again to adopt it"):
            address = launch_job(settings, of_job(settings, job))
        log.artifact(address)
        return EXIT_DONE

    return concluded(command, sys.argv[1:] if arguments is None else arguments, on_error=log.error)


def launch_job(settings: LaunchSettings, job: JobSettings) -> str:
    """Bring a job to its end on the cluster; the address of its artifact.

    Raises:
        UsageError, StageFailedError, PreemptedError: the job ended so; the sentence is its own.
        ClusterError: the cluster refused, or was away for too long.
        StorageError: the store is out of reach, where the artifact is read from.
    """
    job = installed(job, settings.installation)
    if not job.store:
        raise UsageError(
            "no store is named, and pods share no directory: give --store s3://bucket/prefix, or let the installation "
            "name one (in a pipeline, by the chart's ConfigMap in the namespace of the run)"
        )
    job.check_complete()
    cluster = connect(settings.installation.namespace, patience=settings.patience_seconds, attended=False)
    store = connect_store(job.store, job.s3)
    name = launched_name(job, settings.installation)
    run_id = job.run_id or name
    with recorded_step(store, job, run_id) as step:
        with _traced(store, job, run_id) as traced, traced.span("octo.launch", {"octo.job": job.job}):
            outcome = _brought_to_its_end(cluster, settings, job, traced.traceparent())
        if not outcome.succeeded:
            raise failure(outcome, name)
        artifact = open_artifact(store, outcome.artifact)
        step.committed(artifact)
    write_outputs(settings.outputs, artifact, _page(store, run_id) if settings.outputs.report else None)
    return artifact.address


def _brought_to_its_end(cluster: Cluster, settings: LaunchSettings, job: JobSettings, traceparent: str) -> Outcome:
    # An owner in another namespace is none, and Kubernetes deletes what has such a one.
    at_home = settings.installation.namespace in ("", connect().namespace)
    jobset: Object = launched(
        job,
        settings.installation,
        owner=settings.owner if at_home else None,
        traceparent=traceparent,
        followed=True,
        # Followed from its first moment: the janitor takes a JobSet without a heartbeat for forgotten.
        annotations={HEARTBEAT: now_text()},
    )
    name = jobset["metadata"]["name"]
    rehearse(cluster, jobset)
    _, created = create_or_adopt(cluster, jobset)
    _say(f"{'created' if created else 'adopted'} JobSet {name} in namespace {cluster.namespace}")
    beat, patience = settings.heartbeat_seconds, settings.patience_seconds
    with following(cluster, name, heartbeat_seconds=beat, patience=patience) as followed:
        relay(followed)
    if followed.outcome is None:  # pragma: no cover - an iteration that ends leaves one
        raise StageFailedError(f"JobSet {name} was followed, and how it ended was not seen: launch again to adopt it")
    return followed.outcome


def relay(followed: Following) -> None:
    """Print what happens, to the end: the log of the first rank as it is, the rest as sentences of octo's own."""
    for event in followed:
        if event.kind in ("log", "progress"):
            _CONSOLE.out(event.text)
        else:
            _say(event.text)


def failure(outcome: Outcome, name: str) -> OctoError:
    """What a failed job raises where it was launched: its own kind, so that wrong settings stay a matter of usage."""
    kind = {EXIT_USAGE: UsageError, EXIT_PREEMPTED: PreemptedError}.get(outcome.exit_code, StageFailedError)
    said = outcome.message or outcome.reason or "it does not say why"
    return kind(f"JobSet {name} failed: {said}\n  once mended: octo cancel {name}, and start it again")


def _page(store: Store, run_id: str) -> str:
    # The library that draws takes a second to load, which no other step has a use for.
    from octo.report.page import render_page  # noqa: PLC0415

    return render_page(store, run_id)


@contextmanager
def _traced(store: Store, job: JobSettings, run_id: str) -> Iterator[telemetry.Telemetry]:
    stage = job.stage or job.job
    key = f"runs/{run_id}/spans/launch-{stage}-{secrets.token_hex(4)}.jsonl"
    traced = telemetry.start(
        service=f"launch-{stage}",
        run_id=run_id,
        sink=lambda lines: store.put_sealed(key, lines),
        otlp_endpoint=job.otlp_endpoint,
        # A run's trace is its own: its id follows from the run's, and every step of the run knows it.
        parent=None,
    )
    try:
        yield traced
    finally:
        traced.shutdown()


def _say(sentence: str) -> None:
    _CONSOLE.out(f"launch: {sentence}")
