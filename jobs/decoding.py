"""Entry point of the decoding job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.decoding import DecodingSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(DecodingSettings, "octo.ml.decoding:decode", arguments)


if __name__ == "__main__":
    sys.exit(main())
