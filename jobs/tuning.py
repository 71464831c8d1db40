"""Entry point of the tuning job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.tuning import TuningSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(TuningSettings, "octo.ml.tuning:tune", arguments)


if __name__ == "__main__":
    sys.exit(main())
