"""One measurement of token_memory in a process of its own: `python -m tests.bench._token_memory_run WHAT JSON`.

Prints the process's peak of resident memory in MiB, its CPU seconds, and the address of what it made.
"""

import json
import sys
import time
from pathlib import Path

from octo.job import produce
from octo.settings.midtraining import MidtrainingSettings, ModelShape
from octo.settings.tokenization import TokenizationSettings


def main(what: str, given: str) -> None:
    """Do it, and say what it took."""
    place = {**json.loads(given), "probe": False, "progress": "json"}
    reads = place.pop("reads")
    if what == "tokenize":
        settings = TokenizationSettings(**place, corpus=(reads,), sequence_length=1024, vocabulary_size=512)
        made = produce(settings, "octo.data.tokenization:tokenize")
    else:
        shape = ModelShape(hidden_size=32, intermediate_size=64, num_layers=1, num_heads=2, num_key_value_heads=2)
        # With so small a cache, no size fits it: tokens are read by ranges.
        settings = MidtrainingSettings(
            **place, tokens=(reads,), shape=shape, num_steps=1, batch_size=4, micro_batch_size=4, cache_gib=0.001
        )
        made = produce(settings, "octo.ml.midtraining:midtrain")
    print(json.dumps({"mib": peak_mib(), "cpu_seconds": time.process_time(), "address": made.address}))


def peak_mib() -> float:
    """Peak of this program's resident memory; rusage would count what the parent had when it forked."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("this kernel does not tell a process's peak memory")


if __name__ == "__main__":
    main(*sys.argv[1:])
