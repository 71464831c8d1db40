"""Several trainings of one job, alike but for their seeds: indexes of one artifact, each read like one of its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from octo.errors import UsageError
from octo.job import Job
from octo.model_files import CONFIGURATION
from octo.settings.base import JobSettings
from octo.settings.midtraining import MidtrainingSettings
from octo.settings.rl import RlSettings
from octo.storage.artifacts import Artifact, IndexResult
from octo.storage.checkpoints import discard

S = TypeVar("S", bound=JobSettings)
Seeded = TypeVar("Seeded", bound=MidtrainingSettings | RlSettings)


def train_each(job: Job[Seeded], train: Callable[[Job[Seeded], int], IndexResult]) -> None:
    """Do and commit a training for each seed, one after another; what was kept of them meanwhile is deleted."""
    job.each(train, range(job.settings.num_seeds), unit="")
    if job.rank == 0:
        for index in range(job.settings.num_seeds):
            discard(job.store, name_of(replace(job, training=index)))


def models_of(artifact: Artifact) -> tuple[Artifact, ...]:
    """The models that an artifact holds, in the order of their seeds; itself where it holds one."""
    held = [part.index for part in artifact.parts(CONFIGURATION)]
    return (artifact,) if len(held) < 2 else tuple(artifact.alone(index) for index in held)


def training_of(job: Job[S], index: int) -> Job[S]:
    """The job of one of its trainings: that of the settings with a seed so much greater.

    It starts from the model of its own place where the artifact given holds several, and from the one model otherwise.

    Raises:
        UsageError: there are several models, and fewer than trainings.
    """
    inputs = dict(job.inputs)
    if given := inputs.get("model", ()):
        models = models_of(given[0])
        if 1 < len(models) <= index:
            raise UsageError(
                f"--model {given[0].address} holds {len(models)} trainings, and this is to start from number "
                f"{index + 1} of them: give --num-seeds {len(models)} at most"
            )
        inputs["model"] = (models[min(index, len(models) - 1)], *given[1:])
    seeded = job.settings.model_copy(update={"seed": job.settings.seed + index})
    return replace(job, settings=seeded, inputs=inputs, training=index)


def name_of(job: Job[S]) -> str:
    """What is kept of a training while it lasts goes by this name: of the first of several, the artifact's digest."""
    return f"{job.output.digest}/training-{job.training}" if job.training else job.output.digest
