"""Steps of a training that are artifacts of their own: what later stages begin with, while it goes on or long after.

The first K updates of a training of N are a training of K with the schedule of N, to the last bit. So what a training
is after K of them is committed as that one's artifact: the stage that would make it finds it, and one that wants it
names its address. Each seed's training is an index of it, and it is there when all of them have come so far.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from octo.errors import UsageError
from octo.job import Job, determining_settings, finished, stage_digest
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import IndexResult, Output, find_artifact

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptSteps:
    """Where a job commits what its trainings are on their way; every rank has one, and rank 0 commits."""

    job: Job[MidtrainingSettings]
    outputs: Mapping[int, Output]
    """By the steps that are done then."""
    settings: Mapping[int, MidtrainingSettings]
    """Of the trainings that would end there."""

    def is_due(self, step: int, index: int) -> bool:
        """Whether the training of that index is to be committed after so many steps, and is not yet."""
        return step in self.outputs and not self.outputs[step].is_committed(index)

    def commit(self, step: int, index: int, result: IndexResult) -> None:
        """Commit what the training of that index is after so many steps."""
        self.outputs[step].commit(index, result)
        if not self._lacking(step):
            self._finish(step)

    def check(self, index: int, done: int) -> None:
        """UsageError where the training of that index, which has done so many steps, is past one that is not kept."""
        for step in self.outputs:
            if step < done and self.is_due(step, index):
                self._refuse(step, f"goes on after step {done}")

    def finish(self) -> None:
        """Commit the artifacts that a killed attempt has left without their manifests."""
        for step in self.outputs:
            if self._lacking(step):
                self._refuse(step, "is trained already")
            self._finish(step)

    def _lacking(self, step: int) -> set[int]:
        return set(range(self.job.settings.num_seeds)) - self.outputs[step].committed_indexes()

    def _finish(self, step: int) -> None:
        output, settings = self.outputs[step], self.settings[step]
        if find_artifact(self.job.store, output.job, output.digest) is None:
            stage = f"{settings.stage or settings.job}-step-{step}"
            indexes = range(settings.num_seeds)
            made = finished(self.job, output, indexes, settings=determining_settings(settings), stage=stage)
            logger.warning("step %d is kept: %s", step, made.address)

    def _refuse(self, step: int, state: str) -> None:
        settings = self.settings[step]
        raise UsageError(
            f"--keep-steps: step {step} was not kept, and the training {state}: leave it out, and make it by one of "
            f"--num-steps={settings.num_steps} --schedule-steps={settings.schedule_steps}"
        )


def kept_steps(job: Job[MidtrainingSettings], *, num_steps: int) -> KeptSteps:
    """Where this job keeps what it is to keep of trainings of so many steps.

    Raises:
        UsageError: of more steps than there are.
    """
    asked = job.settings.keep_steps
    if asked and asked[-1] >= num_steps:
        raise UsageError(f"--keep-steps: expected steps below {num_steps}, as many as there are, got {asked[-1]}")
    settings = {step: job.settings.ending_at(step, num_steps=num_steps) for step in asked}
    outputs = {
        step: Output(job.store, job=each.job, digest=stage_digest(each, job.store), attempt=job.output.attempt)
        for step, each in settings.items()
    }
    return KeptSteps(job, outputs, settings)
