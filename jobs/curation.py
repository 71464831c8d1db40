"""Entry point of the curation job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.curation import CurationSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(CurationSettings, "octo.data.curation:curate", arguments)


if __name__ == "__main__":
    sys.exit(main())
