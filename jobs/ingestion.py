"""Entry point of the ingestion job."""

import sys
from collections.abc import Sequence

from octo.job import run_job
from octo.settings.ingestion import IngestionSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job in this process."""
    return run_job(IngestionSettings, "octo.data.ingestion:ingest", arguments)


if __name__ == "__main__":
    sys.exit(main())
