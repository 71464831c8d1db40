"""Entry point of the pretrained job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.pretrained import PretrainedSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(PretrainedSettings, "octo.ml.pretrained:take_in", arguments)


if __name__ == "__main__":
    sys.exit(main())
