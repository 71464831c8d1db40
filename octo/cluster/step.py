"""What a launched job leaves for others: its record among the run's, and the files that Kubeflow reads."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from octo.cluster.outputs import executor_output, executor_output_file
from octo.errors import OctoError, OutputError, PreemptedError
from octo.pipelines.state import StageState, Status
from octo.processes import Stopped
from octo.report.metrics import metrics_of
from octo.report.runs import record
from octo.settings.base import JobSettings
from octo.settings.launch import Outputs
from octo.settings.loading import inputs_of, result_settings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from octo.streams import write_output


@dataclass
class Step:
    """Where a stage of a run on a cluster stands, written down whenever that changes.

    Each step says what its stage is too: nobody else on a cluster could describe the run.
    """

    store: Store
    settings: JobSettings
    run_id: str
    state: StageState

    def committed(self, artifact: Artifact) -> None:
        """Take note of the stage's artifact."""
        manifest = artifact.manifest
        self.state.address, self.state.digest = artifact.address, manifest.digest
        self.state.committed_at = manifest.committed_at
        if self.state.started_at and manifest.committed_at < self.state.started_at:
            # It was there before: none of this run's time went into it.
            self.state.status, self.state.started_at = Status.CACHED, None
        else:
            self.state.status = Status.DONE

    def write(self) -> None:
        """Write the record."""
        facts = {
            **self.state.record(),
            "settings": result_settings(self.settings),
            "inputs": {field: list(addresses) for field, addresses in inputs_of(self.settings).items()},
        }
        record(self.store, self.run_id, self.state.name, facts)


@contextmanager
def recorded_step(store: Store, settings: JobSettings, run_id: str) -> Iterator[Step]:
    """A stage that runs while the block lasts; how the block ends is how it ended."""
    name = settings.stage or settings.job
    state = StageState(name, settings.job, Status.RUNNING, started_at=datetime.now(UTC), attempt=secrets.token_hex(4))
    step = Step(store, settings, run_id, state)
    step.write()
    try:
        yield step
    except (OctoError, Stopped) as error:
        stopped = isinstance(error, Stopped | PreemptedError)
        state.status, state.message = Status.STOPPED if stopped else Status.FAILED, str(error)
        raise
    finally:
        state.ended_at = datetime.now(UTC) if state.started_at else None
        step.write()


def write_outputs(outputs: Outputs, artifact: Artifact, page: str | None) -> None:
    """The files that a step is asked for.

    Args:
        outputs: their names.
        artifact: whose address and numbers go into them.
        page: of the run; None where there is none to show yet.
    """
    metrics: Mapping[str, float] = metrics_of(artifact)
    if outputs.address is not None:
        _write(outputs.address, artifact.address)
    if outputs.metrics is not None:
        _write(outputs.metrics, json.dumps(metrics, indent=1))
    if outputs.report is not None and page is not None:
        _write(outputs.report, page)
    if outputs.executor_input:
        _write(executor_output_file(outputs.executor_input), json.dumps(executor_output(metrics)))


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{file.parent} cannot be made: {error.strerror}; what is committed stays") from None
    write_output(file, text)
