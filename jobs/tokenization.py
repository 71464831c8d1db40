"""Entry point of the tokenization job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.tokenization import TokenizationSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(TokenizationSettings, "octo.data.tokenization:tokenize", arguments)


if __name__ == "__main__":
    sys.exit(main())
