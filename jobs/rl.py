"""Entry point of the reinforcement-learning job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.rl import RlSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(RlSettings, "octo.ml.rl.roles:play", arguments)


if __name__ == "__main__":
    sys.exit(main())
