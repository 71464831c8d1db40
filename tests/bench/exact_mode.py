"""What a result that is the same on every number of ranks costs: CPU seconds of a step over those of the plain mode.

Both modes take turns in one process, of one rank and of two. A step has four micro-batches of 512 tokens: the fewer
tokens, the more an update weighs.
"""

import json
import subprocess
import sys

from tests.bench._exact_mode_run import SIZES
from tests.ranks import run_ranks

MOST = 1.15
"""Times as many CPU seconds as the plain mode, at most."""


def measure() -> dict[str, float]:
    figures: dict[str, float] = {}
    for ranks in (1, 2):
        found = _run(ranks)
        for size in SIZES:
            figures[f"ranks_{ranks}.{size}.plain_cpu_seconds"] = found[size]["plain"]
            figures[f"ranks_{ranks}.{size}.times_plain"] = found[size]["fixed-order"] / found[size]["plain"]
    ratios = {name: value for name, value in figures.items() if name.endswith("times_plain")}
    for name, value in ratios.items():
        if value > MOST:
            sys.stderr.write(f"{name} is {value:.2f}, above {MOST}\n")
    return figures | {"most_times_plain": max(ratios.values())}


def _run(ranks: int) -> dict[str, dict[str, float]]:
    ended: subprocess.CompletedProcess[str] = run_ranks(ranks, "tests.bench._exact_mode_run")
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    found: dict[str, dict[str, float]] = json.loads([line for line in ended.stdout.splitlines() if line[:1] == "{"][-1])
    return found
