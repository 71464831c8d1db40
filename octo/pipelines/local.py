"""A pipeline run on this machine: its stages as processes, side by side where the DAG allows."""

import logging
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import wait
from pathlib import Path

from octo.errors import (
    EXIT_PREEMPTED,
    EXIT_USAGE,
    PreemptedError,
    StageFailedError,
    StorageError,
    StoreUnreachableError,
    UsageError,
)
from octo.job import producer_of, stage_digest
from octo.pipelines.child import StageProcess, exit_text
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.display import Display
from octo.pipelines.state import StageState, Status
from octo.report.runs import record
from octo.scratch import scratch_folder
from octo.settings.base import JobSettings
from octo.settings.loading import secrets_of
from octo.storage.artifacts import Artifact, find_artifact
from octo.storage.session import Session
from octo.telemetry import Telemetry

POLL_SECONDS = 0.2
GRACE_SECONDS = 20.0
LAUNCHER_VARIABLES = frozenset({"RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"})

logger = logging.getLogger(__name__)


@dataclass
class LocalRun:
    """One attempt at a run. The store holds everything that the next attempt needs."""

    pipeline: Pipeline
    session: Session
    run_id: str
    resume: str
    """The command that goes on with this run."""
    parallel: int
    display: Display
    telemetry: Telemetry
    otlp_endpoint: str = ""
    debug: bool = False
    attempt: str = field(default_factory=lambda: secrets.token_hex(4))
    states: dict[str, StageState] = field(init=False)
    _children: dict[str, StageProcess] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Every stage waits."""
        self.states = {stage.name: StageState(stage.name, stage.settings.job) for stage in self.pipeline.stages}

    def run(self) -> None:
        """Bring every stage to a committed artifact.

        Raises:
            StageFailedError, UsageError, PreemptedError: a stage ended so; the others were stopped.
            StoreUnreachableError: the embedded server ended.
        """
        with scratch_folder("logs") as logs:
            try:
                while self._start_what_is_ready(logs) or self._children:
                    self._follow()
            except StorageError as error:
                if self.session.alive:
                    raise
                raise StoreUnreachableError(f"the embedded store stopped; resume with: {self.resume}") from error
            finally:
                try:
                    self._stop_children()
                finally:
                    self.display.close(list(self.states.values()))

    def _start_what_is_ready(self, logs: Path) -> bool:
        """Start stages whose inputs are committed; true when one turned out to be cached, so others may be ready."""
        found_cached = False
        for stage in self.pipeline.stages:
            state = self.states[stage.name]
            if state.status is not Status.WAITING or not all(self.states[name].finished for name in stage.awaits):
                continue
            has_slot = len(self._children) < self.parallel
            if state.digest and not has_slot:
                continue  # it was looked for when its inputs were there, and will be once more when its turn comes
            settings = self._settings_of(stage)
            state.digest = stage_digest(settings, self.session.store)
            artifact = find_artifact(self.session.store, stage.settings.job, state.digest)
            if artifact is not None:
                self._adopt(state, artifact)
                found_cached = True
            elif has_slot:
                self._start(state, settings, logs)
        return found_cached

    def _settings_of(self, stage: Stage) -> JobSettings:
        """The stage's settings with the addresses of its inputs and the run's own fields filled in."""
        return stage.reading({state.name: state.address for state in self.states.values()}).model_copy(
            update={
                "store": self.session.store.address,
                "s3": self.session.s3,
                "probe": False,
                "run_id": self.run_id,
                "stage": stage.name,
                "otlp_endpoint": self.otlp_endpoint,
                "progress": "json",
                "debug": self.debug,
                "grace_seconds": GRACE_SECONDS,
            }
        )

    def _adopt(self, state: StageState, artifact: Artifact) -> None:
        with self.telemetry.span("octo.cached", {"octo.stage": state.name}, (producer_of(artifact),)):
            state.status, state.address = Status.CACHED, artifact.address
            state.committed_at = artifact.manifest.committed_at
        self._changed(state)

    def _start(self, state: StageState, settings: JobSettings, logs: Path) -> None:
        environment = _environment(settings, self.telemetry.traceparent())
        state.attempt = self.attempt
        log = logs / f"{state.name}.log"
        self._children[state.name] = StageProcess(settings, environment=environment, log=log)
        state.status, state.started_at = Status.RUNNING, datetime.now(UTC)
        self.display.changed(state)

    def _follow(self) -> None:
        """Wait a moment for news of the running stages, and take note of it."""
        if not self.session.alive:
            raise StoreUnreachableError(f"the embedded store stopped; resume with: {self.resume}")
        wait([child.stdout.fileno() for child in self._children.values()], timeout=POLL_SECONDS)
        for name, child in list(self._children.items()):
            self._take_note(self.states[name], child)
        self.display.show(list(self.states.values()))

    def _take_note(self, state: StageState, child: StageProcess) -> None:
        code = child.exit_code()
        for message in child.messages():
            state.note(message)
        if code is None:
            return
        del self._children[state.name]
        state.ended_at = datetime.now(UTC)
        if code == 0:
            self._keep_log(state, child)
            self._finish(state)
            return
        # Who was killed had no last words: its log ends with whatever came before.
        said = child.last_words() if code > 0 else ""
        state.status, state.message = Status.FAILED, said or exit_text(code)
        self._try_keep(state, child)
        # A stage's own kind of failure is the run's: wrong settings stay a matter of usage.
        kind = {EXIT_USAGE: UsageError, EXIT_PREEMPTED: PreemptedError}.get(code, StageFailedError)
        raise kind(
            f"stage {state.name} failed ({exit_text(code)}): {state.message}\n"
            f"  log: {self.session.store.address}/{self._log_key(state)}\n"
            f"  once mended, resume with: {self.resume}"
        )

    def _finish(self, state: StageState) -> None:
        """Take over the artifact that the stage says it committed."""
        artifact = find_artifact(self.session.store, state.job, state.digest)
        if artifact is None:
            raise StageFailedError(f"stage {state.name} ended without its artifact; resume with: {self.resume}")
        state.status, state.address = Status.DONE, artifact.address
        state.committed_at = artifact.manifest.committed_at
        self._changed(state)

    def _changed(self, state: StageState) -> None:
        self.display.changed(state)
        self._record(state)

    def _record(self, state: StageState) -> None:
        record(self.session.store, self.run_id, state.name, state.record())

    def _keep_log(self, state: StageState, child: StageProcess) -> None:
        self.session.store.put(self._log_key(state), child.log.read_bytes(), content_type="text/plain; charset=utf-8")

    def _try_keep(self, state: StageState, child: StageProcess) -> None:
        """Keep the log and the record of a stage that did not end well: a store that cannot take them hides nothing."""
        self.display.changed(state)
        try:
            self._keep_log(state, child)
            self._record(state)
        except StorageError as error:
            logger.warning("stage %s is %s, and its log could not be kept: %s", state.name, state.status, error)

    def _log_key(self, state: StageState) -> str:
        return f"runs/{self.run_id}/logs/{state.name}-{state.attempt}.log"

    def _stop_children(self) -> None:
        """Stop what still runs, after a failure or when told to stop; each child commits or leaves nothing."""
        for child in self._children.values():
            child.stop()
        for name, child in self._children.items():
            child.wait(grace_seconds=GRACE_SECONDS if self.session.alive else 0.5)
            state = self.states[name]
            state.status, state.ended_at = Status.STOPPED, datetime.now(UTC)
            if not self.session.alive:
                continue
            self._try_keep(state, child)
        self._children.clear()


def _environment(settings: JobSettings, traceparent: str) -> dict[str, str]:
    """This process's environment, with the trace's parent and the store's secrets as the only OCTO_ variables."""
    environment = {
        name: value
        for name, value in os.environ.items()
        # A rank inherited from whatever started this would make a stage wait for peers that it has not.
        if not name.startswith("OCTO_") and name not in LAUNCHER_VARIABLES
    }
    environment["OCTO_TRACEPARENT"] = traceparent
    # Waiting threads that spin starve the stage beside them.
    environment["OMP_WAIT_POLICY"] = "passive"
    return environment | secrets_of(settings)
