"""Midtraining in a gang that gets a signal as an update begins."""

import os
import signal

from octo.job import Job
from octo.ml import midtraining
from octo.ml.engine import Engine, StepResult
from octo.processes import rank
from tests.wire.mortal_training import MortalMidtrainingSettings


def midtrain(job: Job[MortalMidtrainingSettings]) -> None:
    made = 0
    step = Engine.step

    def strike_and_step(self: Engine, *arguments: object, **keywords: object) -> StepResult:
        nonlocal made
        made += 1
        if made == job.settings.updates and rank() == 0:
            os.kill(os.getppid(), signal.Signals[job.settings.blow])
        return step(self, *arguments, **keywords)  # type: ignore[arg-type]

    Engine.step = strike_and_step  # type: ignore[method-assign,assignment]
    midtraining.midtrain(job)  # type: ignore[arg-type]
