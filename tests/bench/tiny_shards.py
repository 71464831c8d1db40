"""What 80 tiny shards cost a job in processor time, with one worker and with two.

The shards do nothing, so it is the price of a process, of its workers, and of a shard itself: commit, inputs, spans.
It is counted in the job's process and its workers, not in the store's.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from octo.settings.loading import arguments_of, secrets_of
from octo.storage.embedded import embedded_store
from tests.wire.toy_job import FUNCTION, SquaresSettings

SHARDS = 80


def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory, embedded_store(Path(directory)) as server:
        figures = {}
        for workers in (1, 2):
            settings = SquaresSettings(
                store=f"{server.address}/{workers}", s3=server.s3, count=SHARDS, workers=workers, run_id="bench"
            )
            figures[f"cpu_seconds_with_{workers}"] = seconds(settings)
    return figures


def seconds(settings: SquaresSettings) -> float:
    """Processor seconds of the job as a process, and of its workers."""
    code = (
        "import sys; from octo.job import run_job; from tests.wire.toy_job import SquaresSettings; "
        f"sys.exit(run_job(SquaresSettings, {FUNCTION!r}, {arguments_of(settings)!r}))"
    )
    before = used()
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={"PATH": os.defpath, **secrets_of(settings)},
        stdout=subprocess.DEVNULL,
    )
    return used() - before


def used() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
