"""Entry point of the grading job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.grading import GradingSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(GradingSettings, "octo.data.grading:grade", arguments)


if __name__ == "__main__":
    sys.exit(main())
