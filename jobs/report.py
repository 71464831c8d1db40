"""Entry point of the report job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.report import ReportSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(ReportSettings, "octo.report.job:report", arguments)


if __name__ == "__main__":
    sys.exit(main())
