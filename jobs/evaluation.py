"""Entry point of the evaluation job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.evaluation import EvaluationSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(EvaluationSettings, "octo.ml.evaluation.accuracy:evaluate", arguments)


if __name__ == "__main__":
    sys.exit(main())
