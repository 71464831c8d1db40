"""What it costs to ask octo anything: CPU of `octo --help`, beside an interpreter that does nothing."""

import os
import subprocess
import sys
from statistics import median

ROUNDS = 7


def measure() -> dict[str, float]:
    """CPU seconds of whole processes, user and system: medians of rounds that take turns."""
    rounds = [(_cpu_seconds("-m", "octo.cli", "--help"), _cpu_seconds("-c", "pass")) for _ in range(ROUNDS + 1)][1:]
    octo_help, bare = (median(column) for column in zip(*rounds, strict=True))
    return {"help_cpu_seconds": octo_help, "python_cpu_seconds": bare, "ratio": octo_help / bare}


def _cpu_seconds(*arguments: str) -> float:
    before = os.times()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True, timeout=60)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
