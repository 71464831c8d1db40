"""Entry point of the classification job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.classification import ClassificationSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(ClassificationSettings, "octo.data.classification:classify", arguments)


if __name__ == "__main__":
    sys.exit(main())
