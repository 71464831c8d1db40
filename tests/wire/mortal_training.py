"""The midtraining job, struck down where a test says: `python -m octo.ml.gang ... -m tests.wire.mortal_training ...`.

As small as jobs/midtraining.py: processes that verify checkpoints import it once more.
"""

import sys
from typing import Annotated

from octo.job import run_job
from octo.settings.base import Neutral
from octo.settings.midtraining import MidtrainingSettings


class MortalMidtrainingSettings(MidtrainingSettings):
    """Midtraining that ends early."""

    updates: Annotated[int, Neutral()] = 0
    """Updates that a process makes before it is struck; 0 spares it."""
    blow: Annotated[str, Neutral()] = "SIGKILL"
    """The signal that its gang gets."""


if __name__ == "__main__":
    sys.exit(run_job(MortalMidtrainingSettings, "tests.wire.striking:midtrain"))
