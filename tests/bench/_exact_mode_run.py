"""Steps in both modes on every rank: `python -m octo.ml.gang ... -m tests.bench._exact_mode_run`.

Two engines of a model take turns in one process. Rank 0 prints the CPU seconds of a step, of all ranks together, by
size and mode.
"""

import json
import statistics
import sys
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor

from octo.ml.attention import attend_by_documents
from octo.ml.batches import PackedBatch, language_model_loss
from octo.ml.engine import Engine
from octo.ml.models import new_model, use_threads
from octo.processes import rank
from octo.settings.midtraining import ModelShape, OptimizerSettings

ROUNDS = 7
MICRO_BATCHES, SEQUENCES, LENGTH = 4, 4, 128
MODES = ("plain", "fixed-order")
SIZES: dict[str, tuple[dict[str, int], int]] = {
    "1m": ({}, 512),
    "17m": ({"hidden_size": 384, "intermediate_size": 1024, "num_layers": 6}, 8_000),
}
"""Shapes, and the sizes of their vocabularies."""


def seconds_by_size() -> dict[str, dict[str, float]]:
    """The median of a step's CPU seconds, of all ranks together, by size and mode."""
    use_threads(1)
    return {size: _seconds(shape, vocabulary) for size, (shape, vocabulary) in SIZES.items()}


def _seconds(shape: dict[str, int], vocabulary: int) -> dict[str, float]:
    engines = {}
    for mode in MODES:
        model = new_model(ModelShape(**shape), vocabulary_size=vocabulary, context=LENGTH, seed=0)  # type: ignore[arg-type]
        attend_by_documents(model)
        settings = OptimizerSettings.model_validate({"reduction": mode})
        engines[mode] = Engine(model, settings=settings, micro_batches=MICRO_BATCHES)
        model.train()
    losses = [_loss(number, vocabulary) for number in range(MICRO_BATCHES)]
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    for round_number in range(ROUNDS + 1):
        for mode, engine in engines.items():
            engine.exchange("begin")
            start = time.process_time()
            engine.step(losses, learning_rate=1e-3)
            spent = engine.sum(time.process_time() - start)
            if round_number:  # the first round warms up
                seconds[mode].append(spent)
    return {mode: statistics.median(each) for mode, each in seconds.items()}


def _loss(number: int, vocabulary: int) -> Any:
    generator = torch.Generator().manual_seed(number)
    tokens_BS = torch.randint(vocabulary, (SEQUENCES, LENGTH), generator=generator)
    slices_BS = (torch.arange(LENGTH) // (LENGTH // 2)).expand(tokens_BS.shape)
    positions_BS = (torch.arange(LENGTH) % (LENGTH // 2)).expand(tokens_BS.shape)
    batch = PackedBatch(tokens_BS, positions_BS, slices_BS)
    return partial(_share, batch=batch, num_predicted=int(batch.predicted().sum()) * MICRO_BATCHES)


def _share(model: torch.nn.Module, *, batch: PackedBatch, num_predicted: int) -> Tensor:
    return language_model_loss(model, batch, num_predicted=num_predicted)


if __name__ == "__main__":
    found = seconds_by_size()
    if rank() == 0:
        sys.stdout.write(json.dumps(found) + "\n")
