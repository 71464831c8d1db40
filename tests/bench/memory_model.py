"""What the model of memory counts, beside the most that a training step was measured to hold, for twelve shapes.

A step is measured as tests/bench/training_memory.py does it, in a process of its own on processors, with malloc told
to give back what is freed: what is measured is what is held, and not what an allocator keeps. By glibc's own choice
stage 1 peaked at 1,624 MiB in its first step and at 1,802 in its fourth; giving back whatever has 2 MiB took 1,435
and a fifth more time, for each mapping is faulted in and zeroed anew. No accelerator is measured.

`ratio` is counted over measured, of the whole process; `ratio_above` of what comes on top of the libraries, where what
is fixed flatters nobody.
"""

import json
import os
import subprocess
import sys

from octo.memory_model import Training, footprint
from octo.settings.midtraining import OptimizerSettings
from octo.transformer_shape import shape_of

MIB = 1 << 20
MIDDLE = {
    "layers": 4,
    "width": 512,
    "intermediate": 1536,
    "heads": 8,
    "key-value-heads": 2,
    "vocabulary": 32_000,
    "length": 2048,
}
DEEP = {"architecture": "llama", "layers": 12, "width": 384, "intermediate": 1024, "heads": 6, "vocabulary": 16_000}
WIDE = {"layers": 2, "width": 896, "intermediate": 4864, "heads": 14, "key-value-heads": 2, "vocabulary": 151_936}
SHAPES: dict[str, dict[str, str | int]] = {
    "stage_0": {**MIDDLE, "zero": 0},
    "stage_1": {**MIDDLE, "zero": 1},
    "stage_2_two_micro_batches": {**MIDDLE, "zero": 2, "micro-batches": 2},
    "stage_3": {**MIDDLE, "zero": 3},
    "stage_1_bfloat16": {**MIDDLE, "zero": 1, "precision": "bfloat16"},
    "stage_2_bfloat16": {**MIDDLE, "zero": 2, "precision": "bfloat16"},
    "stage_3_bfloat16": {**MIDDLE, "zero": 3, "precision": "bfloat16"},
    "long_and_checkpointed": {**MIDDLE, "zero": 1, "length": 8192, "checkpointing": 1},
    "deep": {**DEEP, "zero": 1, "length": 4096},
    "wide_vocabulary": {**WIDE, "zero": 1, "length": 4096},
    "two_ranks": {**MIDDLE, "zero": 1, "ranks": 2},
    "two_ranks_bfloat16": {**MIDDLE, "zero": 2, "precision": "bfloat16", "ranks": 2},
}


def measure() -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, shape in SHAPES.items():
        found = _measured(shape)
        counted, process = _counted(shape)
        figures |= {
            f"{name}.measured_mib": found["peak_mib"],
            f"{name}.counted_mib": counted / MIB,
            f"{name}.ratio": counted / MIB / found["peak_mib"],
            f"{name}.ratio_above": (counted - process) / MIB / (found["peak_mib"] - found["imported_mib"]),
        }
    ratios = [value for name, value in figures.items() if name.endswith(".ratio")]
    return figures | {"farthest_off": max(abs(ratio - 1) for ratio in ratios)}


def _measured(shape: dict[str, str | int]) -> dict[str, float]:
    flags = [
        f"--{name}" if name == "checkpointing" else f"--{name}={value}"
        for name, value in shape.items()
        if name != "ranks"
    ]
    ranks = ["octo.ml.gang", f"--nproc-per-node={shape['ranks']}", "-m"] if "ranks" in shape else []
    ended = subprocess.run(
        [sys.executable, "-m", *ranks, "tests.bench.training_memory", *flags],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(2 << 20)},
    )
    lines = [line[line.index("{") :] for line in ended.stdout.splitlines() if "peak_mib" in line]
    found: dict[str, float] = json.loads(lines[-1])
    return found


def _counted(shape: dict[str, str | int]) -> tuple[int, int]:
    """Bytes of a rank, and those of them that its process has before there is a model."""
    sizes = {name: int(value) for name, value in shape.items() if isinstance(value, int)}
    config = {
        "model_type": shape.get("architecture", "qwen2"),
        "vocab_size": sizes["vocabulary"],
        "hidden_size": sizes["width"],
        "intermediate_size": sizes["intermediate"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes.get("key-value-heads", sizes["heads"]),
        "tie_word_embeddings": False,
    }
    optimizer = OptimizerSettings.model_validate(
        {
            "zero_stage": sizes["zero"],
            "precision": shape.get("precision", "float32"),
            "gradient_checkpointing": "checkpointing" in shape,
        }
    )
    found = footprint(
        shape_of(config),
        Training(
            num_tokens=sizes["length"],
            num_predicted=sizes["length"],
            num_micro_batches=sizes.get("micro-batches", 1),
            ranks=sizes.get("ranks", 1),
            optimizer=optimizer,
            on_accelerator=False,
        ),
    )
    return found.total, found.process
