"""Entry point of the refinement job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.refinement import RefinementSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(RefinementSettings, "octo.data.refinement:refine", arguments)


if __name__ == "__main__":
    sys.exit(main())
