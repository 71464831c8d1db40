"""Peak memory of a rank that learns from a sequence of 8,192 tokens, whole or as one of two that compute it together.

Of Qwen2.5-0.5B's widths, two layers and a small vocabulary, in float32: what is measured is what two steps add to a
process that has its model, its optimizer and its libraries. Beside it stand the CPU seconds of the second step, of all
ranks.
"""

import json
import subprocess

from tests.ranks import run_ranks


def measure() -> dict[str, float]:
    whole, parts = (_run(ranks) for ranks in (1, 2))
    return {
        "whole_mib": whole["mib"],
        "part_mib": parts["mib"],
        "share": parts["mib"] / whole["mib"],
        "whole_cpu_seconds": whole["cpu_seconds"],
        "parts_cpu_seconds": parts["cpu_seconds"],
    }


def _run(ranks: int) -> dict[str, float]:
    ended: subprocess.CompletedProcess[str] = run_ranks(ranks, "tests.bench._sequence_memory_run")
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    found: dict[str, float] = json.loads([line for line in ended.stdout.splitlines() if line[:1] == "{"][-1])
    return found
