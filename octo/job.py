"""A job: a function from committed artifacts to a committed artifact, run in this process."""

import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from importlib import metadata
from multiprocessing import active_children, get_context
from pathlib import Path
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

from octo import telemetry
from octo.errors import EXIT_DONE, InvariantError, StageFailedError, UsageError
from octo.outcome import TerminationLog, concluded
from octo.processes import die_with_parent, rank, stoppable, uncollected, world_size
from octo.progress import ProgressReport
from octo.scratch import scratch_folder
from octo.settings.base import JobSettings
from octo.settings.loading import inputs_of, load, result_settings
from octo.shown import show_logs
from octo.storage.addresses import parse
from octo.storage.artifacts import (
    Artifact,
    IndexResult,
    InputRef,
    Output,
    PendingArtifact,
    SpanId,
    digest_of,
    find_artifact,
    open_artifact,
)
from octo.storage.listing import digest_of_listing, list_objects
from octo.storage.probe import probe
from octo.storage.sections import SectionWriter, section_file
from octo.storage.session import check_shared, open_session
from octo.storage.store import Store, connect

S = TypeVar("S", bound=JobSettings)
Work = Callable[["Job[S]", int], IndexResult]
Making = Callable[["Job[S]", int, SectionWriter], None]
Act = Callable[["Job[S]", int], int]

TRACKED_PACKAGES = ("numpy", "pyarrow", "tokenizers", "torch", "transformers", "deepspeed", "safetensors")


@dataclass(frozen=True)
class Job(Generic[S]):
    """What a job's public function gets: its settings, its inputs, and where its output goes."""

    settings: S
    store: Store
    inputs: Mapping[str, tuple[Artifact, ...]]
    output: Output
    telemetry: telemetry.Telemetry
    progress: ProgressReport
    scratch: Path
    planned: set[int] = field(default_factory=set)
    """Indexes that the artifact will hold, whichever process does them; exactly these must be committed at the end."""
    training: int = 0
    """Which of several trainings this is the job of; see `octo.ml.trainings`."""
    started_at: datetime = field(default_factory=partial(datetime.now, UTC))

    @property
    def rank(self) -> int:
        """Which rank of its gang this process is. All of them do the work; rank 0 commits it."""
        return _rank(self.settings)

    def input(self, name: str) -> Artifact:
        """The one artifact given in that field."""
        artifacts = self.inputs[name]
        if len(artifacts) != 1:
            raise UsageError(f"--{name.replace('_', '-')} takes one artifact, got {len(artifacts)}")
        return artifacts[0]

    def pending(self, indexes: Iterable[int]) -> list[int]:
        """Those that are left for this process to do: of its shard group, and not committed yet."""
        own = [index for index in indexes if self.settings.shard_group.has(index)]
        committed = self.output.committed_indexes() if own else set()
        return [index for index in own if index not in committed]

    def shared(self, name: str, make: Callable[[], bytes]) -> bytes:
        """What `make` gives, which every process of the fleet would make alike; made anew only where none left it."""
        return make() if self.settings.shard_group.count == 1 else self.output.shared(name, make)

    def share_each(self, phase: str, make: "Making[S]", count: int, *, unit: str) -> None:
        """Leave so many files in sections in the store, in `workers` processes, beside the rest of the fleet.

        `make` is a module-level function that writes the sections of the file of an index, which depend on nothing but
        what the digest does. Each process begins with its own group's indexes, and then makes what nobody has left yet:
        when this returns, all files are there, and nobody has waited for anybody. The last may have been made twice.
        Progress is told in the unit.
        """
        group, left = self.settings.shard_group, self.output.sections.left(phase)
        missing = [index for index in range(count) if section_file(phase, index) not in left]
        missing.sort(key=lambda index: (index - group.first - group.index) % group.count)
        self.do_each(partial(_share, phase=phase, make=make), missing, count=count, process=phase, unit=unit)

    def do_each(self, act: "Act[S]", indexes: Sequence[int], *, count: int, process: str, unit: str) -> None:
        """Do something for each of these indexes in `workers` processes; what it leaves is its own business.

        `act` is a module-level function that gives the index back. Progress is told in the unit, out of `count`, of
        which those that are not among the indexes are done.
        """
        if min(self.settings.workers, len(indexes)) > 1:
            done = self._in_processes(act, indexes, process=process)
        else:
            done = (act(self, index) for index in indexes)
        for num_done, _ in enumerate(done, start=count - len(indexes) + 1):
            if count > 1:
                self.progress.advance(num_done, count, unit)

    def each(self, work: "Work[S]", indexes: Sequence[int], *, unit: str = "shards") -> None:
        """Do and commit every pending index of this process's shard group, side by side in `workers` processes.

        `work` is a module-level function from (job, index) to its result; the result must depend on nothing else. It is
        sent to a worker with every index: what it is bound to must not grow with their number. Progress is told in the
        unit; where that is empty, `work` tells of its own.
        """
        self.planned.update(indexes)
        pending = self.pending(indexes)
        num_own = sum(map(self.settings.shard_group.has, indexes))
        if min(self.settings.workers, len(pending)) > 1:
            finished = self._in_processes(partial(_commit, work=work), pending, process="shard")
        else:
            finished = (self.commit(work, index) for index in pending)
        for done, _ in enumerate(finished, start=num_own - len(pending) + 1):
            if len(indexes) > 1 and unit:
                self.progress.advance(done, num_own, unit)

    def commit(self, work: "Work[S]", index: int) -> int:
        """Do one index and commit its result, under a span of its own. Ranks above 0 leave the committing to rank 0."""
        with self.telemetry.span(f"octo.{self.settings.job}.shard", {"octo.index": index}):
            result = work(self, index)
            if self.rank == 0:
                with self.telemetry.span("octo.storage.commit", {"octo.index": index}):
                    self.output.commit(index, result)
        return index

    def _in_processes(self, act: "Act[S]", indexes: Sequence[int], *, process: str) -> Iterator[int]:
        # Spawned, not forked: threads of the telemetry and of the store do not survive a fork.
        output, parent = self.output, self.telemetry.traceparent()
        workers = min(self.settings.workers, len(indexes))
        with ProcessPoolExecutor(workers, get_context("spawn"), die_with_parent, (os.getpid(),)) as pool:
            try:
                at = _At(output.digest, output.attempt, parent, process)
                futures = [pool.submit(_act_in_worker, self.settings, at, act, index) for index in indexes]
                for future in as_completed(futures):
                    yield future.result()
            except BrokenProcessPool:
                raise StageFailedError(
                    f"a worker process of {self.settings.job} was killed (out of memory?): run again, it resumes"
                ) from None
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                # Not waited for here: the pool does, and never ends when somebody else has reaped a worker of its own.
                for worker in active_children():
                    worker.kill()
                raise


def run_job(settings_class: type[S], function: str, arguments: Sequence[str] | None = None) -> int:
    """Run one job in this process; the exit code says how it ended (errors.py).

    Args:
        settings_class: the one description of the job.
        function: `module:name` of the job's verb, imported only when there is work to do.
        arguments: flags; None takes the process's own.
    """
    log = TerminationLog()

    def command(given: Sequence[str]) -> int:
        settings = load(settings_class, given, os.environ)
        log.path, log.shared = settings.termination_log, settings.pod_shape == "gang" and world_size() > 1
        with stoppable("what is committed stays: run again to resume"):
            address = _produce_in_its_store(settings, function)
        if _rank(settings) == 0:
            log.artifact(address)
            # A runner reads JSON, a person the address alone.
            print(json.dumps({"artifact": address}) if settings.progress == "json" else address, flush=True)
        return EXIT_DONE

    return concluded(command, sys.argv[1:] if arguments is None else arguments, on_error=log.error)


def produce(settings: S, function: str) -> Artifact | PendingArtifact:
    """The artifact that these settings determine: found, or made and committed now.

    A shard group commits its own indexes. One that then finds all of them committed commits the artifact; for the
    others, and for ranks above 0, it is pending.
    """
    settings.check_complete()
    _check_shard_group(settings)
    store = connect(settings.store, settings.s3)
    determining = determining_settings(settings, _listings(settings, store))
    digest = _digest(settings, determining)
    found = find_artifact(store, settings.job, digest)
    if found is not None:
        return found
    if settings.probe:
        # The race, which can take seconds, is left to the commands that begin a run.
        probe(store, rivals=0)
    attempt = secrets.token_hex(4)
    process = f"rank-{_rank(settings)}" if _rank(settings) else "main"
    with open_job(settings, digest, attempt, telemetry.environment_parent(), process=process) as job:
        links = [
            *telemetry.environment_links(),
            *(producer_of(artifact) for artifacts in job.inputs.values() for artifact in artifacts),
        ]
        with job.telemetry.span(f"octo.{settings.job}", {"octo.digest": digest}, links) as span:
            with uncollected():
                verb: Callable[[Job[S]], None] = resolve_name(function)
            verb(job)
            complete = job.rank == 0 and _is_complete(job)
            span.set_attribute("octo.cpu_seconds", time.process_time())
            if not complete:
                return PendingArtifact(job.output.address)
            return finished(job, job.output, job.planned, settings=determining, stage=settings.stage or settings.job)


def finished(
    job: Job[S], output: Output, indexes: Iterable[int], *, settings: Mapping[str, object], stage: str
) -> Artifact:
    """Commit the manifest of what this job has made: its own artifact, or one on the way to it.

    Args:
        job: whose inputs they are, and whose open span is the producer.
        output: where all of the indexes are committed.
        indexes: that the artifact holds.
        settings: those that determine it; see `determining_settings`.
        stage: what made it.
    """
    span = job.telemetry.current_ref()
    # The spans go first: no manifest may name a span that was never stored.
    job.telemetry.flush()
    return output.finish(
        indexes,
        stage=stage,
        code_version=job.settings.code_version,
        settings=settings,
        inputs={name: [InputRef.of(artifact) for artifact in artifacts] for name, artifacts in job.inputs.items()},
        versions=_versions(),
        producer=SpanId(trace_id=span.trace_id, span_id=span.span_id),
        started_at=job.started_at,
    )


def _produce_in_its_store(settings: S, function: str) -> str:
    """The address of what these settings determine, in the store that they name; a directory is served meanwhile."""
    is_one_of_many = settings.shard_group.count > 1 or (settings.pod_shape == "gang" and world_size() > 1)
    is_a_pod = is_one_of_many or settings.termination_log is not None
    if is_a_pod:
        check_shared(settings.store)
    # A stage of a run does not ask: the run has.
    settings.check_complete()
    with open_session(settings.store, settings.s3, attended=settings.probe and not is_a_pod) as session:
        reached = settings.model_copy(update={"store": session.store.address, "s3": session.s3})
        return produce(reached, function).address


def stage_digest(
    settings: JobSettings, store: Store | None = None, *, listings: Mapping[str, str] | None = None
) -> str:
    """The digest of what determines the job's artifact: job, code version, settings, and its inputs' digests.

    Args:
        settings: of the job.
        store: by whose connection it is listed what others put where the job reads; else by one to the settings' own.
        listings: digests of such listings by their addresses, where they are known.
    """
    found = _listings(settings, store) if listings is None else listings
    return _digest(settings, determining_settings(settings, found))


def producer_of(artifact: Artifact) -> telemetry.SpanRef:
    """The span that wrote the artifact, to be linked to by whoever reads it."""
    producer = artifact.manifest.producer
    return telemetry.SpanRef(trace_id=producer.trace_id, span_id=producer.span_id)


def _digest(settings: JobSettings, determining: Mapping[str, object]) -> str:
    return digest_of(
        job=settings.job,
        code_version=settings.code_version,
        settings=determining,
        inputs={name: [_digest_in(address) for address in given] for name, given in inputs_of(settings).items()},
    )


def _digest_in(address: str) -> str:
    # Parsed first: a slash at the end must not make an input vanish from the digest.
    return parse(address).address.rpartition("/")[2]


@contextmanager
def open_job(settings: S, digest: str, attempt: str, parent: str | None, *, process: str = "main") -> Iterator[Job[S]]:
    """Connect a job: the store, the inputs, the trace and a scratch directory.

    `digest` is the stage's, computed once, as it may stand for hashing every source file. `process` tells the spans of
    one opening from those of the others of the same attempt.
    """
    store = connect(settings.store, settings.s3)
    stage = settings.stage or settings.job
    spans = f"runs/{settings.run_id or attempt}/spans/{stage}-{attempt}-{process}.jsonl"
    traced = telemetry.start(
        service=stage,
        run_id=settings.run_id or attempt,
        sink=lambda lines: store.put_sealed(spans, lines),
        otlp_endpoint=settings.otlp_endpoint,
        parent=parent,
    )
    try:
        with scratch_folder(stage) as scratch, _progress(settings, stage) as progress:
            yield Job(
                settings=settings,
                store=store,
                inputs={
                    name: tuple(open_artifact(store, address) for address in given)
                    for name, given in inputs_of(settings).items()
                },
                output=Output(store, job=settings.job, digest=digest, attempt=attempt),
                telemetry=traced,
                progress=progress,
                scratch=scratch,
            )
    finally:
        traced.shutdown()


@contextmanager
def _progress(settings: JobSettings, label: str) -> Iterator[ProgressReport]:
    """How far the job is, as rank 0 says it; what the others say goes nowhere."""
    with Path(os.devnull).open("w") if _rank(settings) else nullcontext(sys.stdout) as stream:
        report = ProgressReport(settings.progress, label, stream)
        try:
            yield report
        finally:
            report.close()


class _At(NamedTuple):
    """What a worker opens a job with, beside its settings."""

    digest: str
    attempt: str
    traceparent: str
    process: str


def _act_in_worker(settings: S, at: _At, act: "Act[S]", index: int) -> int:
    show_logs()
    with open_job(settings, at.digest, at.attempt, at.traceparent, process=f"{at.process}-{index}") as job:
        return act(job, index)


def _commit(job: Job[S], index: int, *, work: "Work[S]") -> int:
    return job.commit(work, index)


def _share(job: Job[S], index: int, *, phase: str, make: "Making[S]") -> int:
    name = section_file(phase, index)
    if not job.output.sections.has(name):
        with (
            job.telemetry.span(f"octo.{job.settings.job}.{phase}", {"octo.index": index}),
            job.output.sections.writing(name, job.scratch) as writer,
        ):
            make(job, index, writer)
    return index


def _is_complete(job: Job[S]) -> bool:
    """Whether all planned indexes are committed. InvariantError when they are not those that should be by now.

    Every process looks after its last commit. So whichever looks last, all have committed before, and the last to look
    sees everything. One that is killed before it looks has failed, and the next attempt at its group finds nothing to
    do and looks. When several see everything, one manifest wins.

    A listing may lack what is there. What it lacks is asked for by its key: all of this process's own, of the others'
    as far as the first that is not there, which mostly is the first.
    """
    listed, own = job.output.committed_indexes(), job.settings.shard_group
    unlisted, unexpected = job.planned - listed, listed - job.planned
    missing = [index for index in sorted(filter(own.has, unlisted)) if not job.output.is_committed(index)]
    if missing or unexpected:
        raise InvariantError(
            f"{job.settings.job} planned {len(job.planned)} indexes and committed {len(job.planned) - len(unlisted)}: "
            f"missing {missing[:5]}, unexpected {sorted(unexpected)[:5]}"
        )
    return all(map(job.output.is_committed, sorted(index for index in unlisted if not own.has(index))))


def _check_shard_group(settings: JobSettings) -> None:
    count = settings.shard_group.count
    if count > 1 and settings.pod_shape != "fleet":
        raise UsageError(
            f"{settings.job} cannot be dealt to {count} shard groups, as it is a {settings.pod_shape} and not a fleet: "
            "leave --shard-group.count at 1"
        )


def _rank(settings: JobSettings) -> int:
    # Elsewhere a variable RANK is somebody else's, and must not throw results away.
    return rank() if settings.pod_shape == "gang" else 0


def determining_settings(
    settings: JobSettings, listings: Mapping[str, str] = MappingProxyType({})
) -> dict[str, object]:
    """What of settings, and of the facts that they name, determines the artifact; `listings` of what lies where."""
    return {**result_settings(settings), **settings.determinants(), **listings}


def _listings(settings: JobSettings, store: Store | None) -> dict[str, str]:
    """Digests of what lies where the job reads what others put there."""
    prefixes = settings.prefixes()
    if not prefixes:
        return {}
    service = store or connect(settings.store, settings.s3)
    return {address: digest_of_listing(list_objects(service, address)) for address in prefixes}


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "octo": metadata.version("octo"),
        **_tracked_versions(),
        **_machines(),
    }


@cache
def _machines() -> dict[str, str]:
    """What the kernel calls the processor and the accelerator here: two of one kind may round otherwise."""
    graphics = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    named = {
        "processor": _said(Path("/proc/cpuinfo"), "model name"),
        "accelerator": _said(graphics[0], "Model") if graphics else "",
    }
    return {kind: name for kind, name in named.items() if name}


def _said(path: Path, key: str) -> str:
    """The value that a file of the kernel's has for a key, first; empty where there is none."""
    with suppress(OSError):
        for line in path.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    return ""


@cache
def _tracked_versions() -> dict[str, str]:
    # One by one: to list what is installed takes as long as a small job does.
    versions = {}
    for name in TRACKED_PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions
