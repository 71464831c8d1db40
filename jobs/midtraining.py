"""Entry point of the mid-training job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.midtraining import MidtrainingSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(MidtrainingSettings, "octo.ml.midtraining:midtrain", arguments)


if __name__ == "__main__":
    sys.exit(main())
