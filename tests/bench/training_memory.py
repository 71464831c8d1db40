"""The most memory that a training step holds, of shapes given as flags: `python -m tests.bench.training_memory --help`.

Each shape is measured in a process of its own, as the high-water mark of its resident memory. A first step on a few
tokens makes AdamW's means, so that the step that is measured holds everything a step in the middle of a training does.
As a benchmark it measures one step at lengths from 1,024 to 8,192, and one at the vocabulary of Qwen2.5-0.5B.

A weight, its gradient and AdamW's two means take 16 bytes in float32, which is the floor of a step on one rank: 2,532
MiB of two layers of Qwen2.5-0.5B with their tied head (166 million weights), 4,610 MiB with head and embedding apart
(302 million). Beside it are 430 MiB of libraries. What the layers keep of S = 8,192, 1,680 MiB, is there before there
are gradients: with head and embedding apart the most is held at the head, 12 bytes a weight and all activations,
6,456 MiB; with `--checkpointing` the model of memory counts 5,475 MiB.

On several ranks: `python -m octo.ml.gang --nproc-per-node=2 -m tests.bench.training_memory ...`; rank 0 tells its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from octo.ml.attention import attend_by_documents
from octo.ml.batches import PackedBatch, language_model_loss
from octo.ml.engine import Engine
from octo.ml.midtraining import midtrain
from octo.ml.models import new_model, use_threads
from octo.processes import rank, world_size
from octo.settings.base import Precision
from octo.settings.midtraining import ModelShape, OptimizerSettings

WARMING_LENGTH = 16
JOB = midtrain
"""Whose process this stands for: what it takes in is taken in here, and counted among the libraries."""
OF_HALF_A_BILLION = {
    "layers": 2,
    "width": 896,
    "intermediate": 4864,
    "heads": 14,
    "key-value-heads": 2,
    "vocabulary": 151_936,
    "length": 8192,
    "tied": 1,
    "zero": 0,
}
"""Qwen2.5-0.5B's widths and tied head, two of its layers."""


def measure() -> dict[str, float]:
    lengths = {f"mib_at_{length}": measured(length=length)["step_mib"] for length in (1024, 2048, 4096, 8192)}
    whole = measured(**OF_HALF_A_BILLION)
    return {
        **lengths,
        "growth_from_1024_to_8192": lengths["mib_at_8192"] / lengths["mib_at_1024"],
        "mib_of_two_layers_at_8192_and_151936": whole["peak_mib"],
        "floor_mib_of_two_layers": 16 * whole["parameters"] / 2**20,
        "cpu_seconds_of_two_layers_at_8192_and_151936": whole["cpu_seconds"],
    }


def measured(**flags: int) -> dict[str, float]:
    """What a process of its own tells of a shape."""
    command = [sys.executable, "-m", "tests.bench.training_memory", *(f"--{name}={flags[name]}" for name in flags)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def main(arguments: list[str]) -> None:
    """Measure the shape that the flags tell, here, and print what was found as JSON."""
    flags = _flags(arguments)
    use_threads(1)
    shape = ModelShape(
        architecture=flags.architecture,
        hidden_size=flags.width,
        intermediate_size=flags.intermediate or 4 * flags.width,
        num_layers=flags.layers,
        num_heads=flags.heads,
        num_key_value_heads=flags.key_value_heads or flags.heads,
    )
    optimizer = OptimizerSettings(
        zero_stage=flags.zero, precision=flags.precision, gradient_checkpointing=flags.checkpointing
    )
    imported = _resident("VmRSS")
    model = new_model(shape, vocabulary_size=flags.vocabulary, context=flags.length, seed=0)
    if flags.tied:
        model.config.tie_word_embeddings = True
        model.tie_weights()
    attend_by_documents(model)
    parameters = sum(each.numel() for each in model.parameters())
    engine = Engine(model, settings=optimizer, micro_batches=flags.micro_batches * world_size())
    model.train()
    _step(engine, flags, length=WARMING_LENGTH)
    held = _resident("VmRSS")
    start_peak = _resident("VmHWM")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.process_time()
    _step(engine, flags, length=flags.length)
    if rank() == 0:
        figures = {
            "parameters": parameters,
            "imported_mib": imported,
            "start_peak_mib": start_peak,
            "held_mib": held,
            "peak_mib": _resident("VmHWM"),
            "step_mib": _resident("VmHWM") - held,
            "cpu_seconds": time.process_time() - start,
        }
        sys.stdout.write(json.dumps({**vars(flags), **figures}) + "\n")


def _step(engine: Engine, flags: argparse.Namespace, *, length: int) -> None:
    shape = (flags.micro_batch, length)
    tokens_BS = torch.randint(flags.vocabulary, shape, generator=torch.Generator().manual_seed(0))
    slices_BS = (torch.arange(length) * flags.documents // length).expand(shape)
    positions_BS = torch.cat([torch.arange(int(each)) for each in slices_BS[0].bincount()]).expand(shape)
    batch = PackedBatch(
        *(each.to(engine.device) for each in (tokens_BS, positions_BS, slices_BS)),
    )
    whole = int(batch.predicted().sum()) * engine.micro_batches
    loss = partial(language_model_loss, batch=batch, num_predicted=whole)
    engine.step([loss] * engine.micro_batches, learning_rate=1e-4)


def _resident(name: str) -> float:
    """A line of this process's status, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def _flags(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.training_memory", allow_abbrev=False)
    parser.add_argument("--architecture", default="qwen2", choices=["llama", "qwen2"])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--intermediate", type=int, default=0, help="four times the width where it is 0")
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--key-value-heads", type=int, default=0, help="as many as heads where it is 0")
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--tied", type=int, default=0, choices=[0, 1], help="whether the head is the embedding")
    parser.add_argument("--length", type=int, default=1024, help="positions of a sequence")
    parser.add_argument("--documents", type=int, default=2, help="of equal length, in a sequence")
    parser.add_argument("--micro-batch", type=int, default=1, help="sequences of a micro-batch")
    parser.add_argument("--micro-batches", type=int, default=1, help="of a rank in a step")
    parser.add_argument("--zero", type=int, default=1, choices=range(4), help="stage")
    parser.add_argument("--precision", default="float32", choices=get_args(Precision))
    parser.add_argument("--checkpointing", action="store_true", help="of activations")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
