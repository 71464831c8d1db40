"""Tokens per CPU second in mid-training, beside transformers' Trainer and lean torch loops, in one process.

Models of 1, 25 and 57 million weights are trained, in float32 and in bfloat16, on four sequences of 512 tokens that are
packed with documents of 16 to 512 tokens (their median is 134), on one thread. Of one size alone, and in fewer rounds:
`python -m tests.bench.training_rate 57m bfloat16 3`. Four loops take turns:

    octo     mid-training's own step: losses of packed documents, DeepSpeed or the exact engine as a job has it
    trainer  transformers' Trainer on the same documents; what it is told is in _trainer_turns.py
    lean     transformers' model, a mask made once, cross entropy, and torch's fused AdamW; float32 masters of bfloat16
    inner    that lean loop around octo's model and loss: what octo's step takes beyond it is `own_ms`, octo's own cost

`floor_share` is what layers and head must at least multiply, at the rate at which this machine does a product of the
model's width in the same numbers, over octo's time.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from octo.data.packed import PackedSequences, RecordFormat
from octo.ml.batches import PackedBatch, language_model_loss, num_predicted, packed_batch
from octo.ml.engine import Engine
from octo.ml.loading import make_ready
from octo.ml.loop import Step
from octo.ml.midtraining import train_step
from octo.ml.models import new_model, use_threads
from octo.ml.products import product
from octo.settings.base import Precision
from octo.settings.midtraining import MidtrainingSettings, ModelShape, OptimizerSettings
from tests.bench._trainer_turns import TrainerTurns

ROUNDS = 5
SEQUENCES, LENGTH = 4, 512
CPU = torch.device("cpu")
SIZES: dict[str, tuple[ModelShape, int, int]] = {
    "1m": (
        ModelShape(hidden_size=128, intermediate_size=352, num_layers=4, num_heads=4, num_key_value_heads=4),
        1024,
        8,
    ),
    "25m": (
        ModelShape(hidden_size=384, intermediate_size=1024, num_layers=8, num_heads=6, num_key_value_heads=2),
        16_384,
        1,
    ),
    "57m": (
        ModelShape(hidden_size=512, intermediate_size=1536, num_layers=8, num_heads=8, num_key_value_heads=2),
        32_000,
        1,
    ),
}
"""Shapes, vocabularies, and the steps of a loop's turn."""


def measure() -> dict[str, float]:
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    return {
        f"{size}.{precision}.{name}": value
        for size in SIZES
        for precision in precisions
        for name, value in _apart(size, precision).items()
    }


def _apart(size: str, precision: Precision) -> dict[str, float]:
    """The figures of one size, of a process of its own: a Trainer that finds a group of ranks trains otherwise."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench.training_rate", size, precision],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


def measured(size: str, precision: Precision, *, rounds: int = ROUNDS) -> dict[str, float]:
    """The figures of one size, in this process."""
    use_threads(1)
    shape, vocabulary, steps = SIZES[size]
    packed = _packed(vocabulary)
    batch = packed_batch(packed)
    new = partial(new_model, shape, vocabulary_size=vocabulary, context=LENGTH, seed=0)
    with TemporaryDirectory() as folder:
        trainer = TrainerTurns(new(), batch, bfloat16=precision == "bfloat16", folder=Path(folder))
        seconds = _turns(
            {
                "octo": _octo(new(), shape, packed, precision),
                "trainer": trainer.step,
                "lean": _lean(new(), batch, precision),
                "inner": _inner(new(), packed, precision),
            },
            rounds=rounds,
            steps=steps,
        )
    octo = seconds["octo"]
    return {
        "tokens_per_cpu_second": SEQUENCES * LENGTH / octo,
        "ratio_to_trainer": seconds["trainer"] / octo,
        "ratio_to_lean": seconds["lean"] / octo,
        "own_ms": 1000 * (octo - seconds["inner"]),
        "own_share": 1 - seconds["inner"] / octo,
        "floor_share": _floor(shape, vocabulary, num_predicted(packed), precision) / octo,
    }


def _turns(loops: dict[str, Callable[[], object]], *, rounds: int, steps: int) -> dict[str, float]:
    """The median of each loop's seconds a step."""
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for number in range(rounds + 1):
        for name, loop in loops.items():
            start = time.process_time()
            for _ in range(steps):
                loop()
            if number:  # the first round warms up
                seconds[name].append((time.process_time() - start) / steps)
    return {name: statistics.median(each) for name, each in seconds.items()}


def _octo(
    model: PreTrainedModel, shape: ModelShape, packed: PackedSequences, precision: Precision
) -> Callable[[], object]:
    settings = MidtrainingSettings(
        batch_size=SEQUENCES,
        micro_batch_size=SEQUENCES,
        shape=shape,
        optimizer=OptimizerSettings(precision=precision),
    )
    make_ready(model)
    engine = Engine(model, settings=settings.optimizer, micro_batches=1)
    return lambda: train_step(engine, {range(SEQUENCES): packed}, settings, step=Step(0, 1e-4)).results[0].loss


def _lean(model: PreTrainedModel, batch: PackedBatch, precision: Precision) -> Callable[[], object]:
    model.set_attn_implementation("sdpa")
    mask = (batch.slices_BS[:, :, None] == batch.slices_BS[:, None, :]).tril()[:, None]
    targets = torch.where(batch.predicted(), batch.tokens_BS[:, 1:], -100).flatten()
    trained: Callable[..., Tensor] = model

    def loss() -> Tensor:
        logits_BSV = trained(
            input_ids=batch.tokens_BS, attention_mask=mask, position_ids=batch.positions_BS, use_cache=False
        ).logits
        return cross_entropy(logits_BSV[:, :-1].flatten(0, 1).float(), targets)

    return _optimized(model, loss, precision)


def _inner(model: PreTrainedModel, packed: PackedSequences, precision: Precision) -> Callable[[], object]:
    make_ready(model)

    def loss() -> Tensor:
        return language_model_loss(model, packed_batch(packed), num_predicted=num_predicted(packed))

    return _optimized(model, loss, precision)


def _optimized(model: PreTrainedModel, loss: Callable[[], Tensor], precision: Precision) -> Callable[[], object]:
    """A step of a plain loop, in bfloat16 with copies of the weights in float32."""
    weights = list(model.parameters())
    masters = weights
    if precision == "bfloat16":
        masters = [torch.nn.Parameter(each.detach().clone()) for each in weights]
        for each in weights:
            each.data = each.data.bfloat16()
    optimizer = torch.optim.AdamW(masters, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)

    def step() -> float:
        found = loss()
        found.backward()
        for master, weight in zip(masters, weights, strict=True):
            if master is not weight:
                master.grad, weight.grad = weight.grad.float() if weight.grad is not None else None, None
        torch.nn.utils.clip_grad_norm_(masters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            for master, weight in zip(masters, weights, strict=True):
                if master is not weight:
                    weight.copy_(master)
        return found.item()

    return step


def _floor(shape: ModelShape, vocabulary: int, num_asked: int, precision: Precision) -> float:
    """Seconds of the products that a step cannot do without, forwards and twice backwards."""
    width = shape.hidden_size
    keys = width // shape.num_heads * shape.num_key_value_heads
    layer = 2 * width * (width + keys) + 3 * width * shape.intermediate_size
    products = 3 * (SEQUENCES * LENGTH * shape.num_layers * layer + num_asked * vocabulary * width)
    states = torch.randn(SEQUENCES * LENGTH, width, dtype=getattr(torch, precision))
    weight = torch.randn(3 * width, width, dtype=states.dtype)
    seconds = []
    for _ in range(9):
        start = time.process_time()
        product(states, weight.t())
        seconds.append(time.process_time() - start)
    return products * min(seconds) / (len(states) * weight.numel())


def _packed(vocabulary: int) -> PackedSequences:
    """Documents of lengths as they come, cut where a sequence ends."""
    random = np.random.default_rng(0)
    written = RecordFormat(LENGTH, "uint16")
    records = []
    for row in range(SEQUENCES):
        tokens_S = random.integers(2, vocabulary, LENGTH).astype(np.uint16)
        slices = []
        while len(tokens_S):
            length = max(16, int(random.lognormal(4.9, 0.8)))
            slices.append(tokens_S[:length])
            tokens_S = tokens_S[length:]
        records.append(written.encode(slices, padding=1, key="", row=row))
    return written.decode(b"".join(records))


if __name__ == "__main__":
    name, numbers, *rounds_told = sys.argv[1:]
    found = measured(name, cast("Precision", numbers), rounds=int(*rounds_told or [ROUNDS]))
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    # A Trainer waits for its turn in a thread of its own, and would do so forever.
    os._exit(0)
