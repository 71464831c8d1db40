"""A few updates of a small model on every rank: `python -m octo.ml.gang ... -m tests.unit.ml.engine_run FILE CASE...`.

A case is STAGE-PRECISION, perhaps with -cpu at its end, or -read where no rank has the whole model to begin with. Rank
0 writes what each case ended with as JSON.
"""

import json
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from octo.ml.engine import Engine, StepResult, partitioned
from octo.ml.tensor_files import StoredTensors, write_tensor_file
from octo.processes import rank, world_size
from octo.settings.midtraining import OptimizerSettings

VOCABULARY = 40
MICRO_BATCHES = 6


class Toy(torch.nn.Module):
    """A next-token model whose 3370 weights no number of ranks divides evenly."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.embedding = torch.nn.Embedding(VOCABULARY, 30)
        self.hidden = torch.nn.Linear(30, 30)
        self.output = torch.nn.Linear(30, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.output(torch.tanh(self.hidden(self.embedding(tokens))))
        return logits


def loss_of(model: torch.nn.Module, tokens: Tensor, num_predicted: int) -> Tensor:
    return cross_entropy(model(tokens)[:-1].float(), tokens[1:], reduction="sum") / num_predicted


def train(engine: Engine, steps: range) -> list[dict[str, float]]:
    results = []
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        # Of unequal length: a mean of the ranks' means would differ from the batch's mean.
        sequences = [torch.randint(0, VOCABULARY, (9 + 5 * i,), generator=generator) for i in range(MICRO_BATCHES)]
        num_predicted = sum(len(tokens) - 1 for tokens in sequences)
        losses = [partial(loss_of, tokens=tokens, num_predicted=num_predicted) for tokens in sequences]
        results.append(figures(engine.step(losses, learning_rate=1e-2)))
    return results


def figures(result: StepResult) -> dict[str, float]:
    return {"loss": result.loss, "gradient_norm": result.gradient_norm, "applied": result.applied}


def engine_of(case: str) -> Engine:
    stage, precision, *more = case.split("-")
    settings = OptimizerSettings.model_validate(
        {
            "reduction": "plain",
            "zero_stage": int(stage),
            "precision": precision,
            "offload_optimizer": "cpu" if "cpu" in more else "none",
        }
    )
    model: Any = Toy()
    if "read" in more:
        stored = model.state_dict() if rank() == 0 else {}
        model = partitioned(model.to("meta"), stored, settings=settings)
    return Engine(model, settings=settings, micro_batches=MICRO_BATCHES)


def run(case: str, folder: Path) -> dict[str, Any]:
    torch.set_num_threads(1)
    engine = engine_of(case)
    steps = train(engine, range(3))
    write_tensor_file(engine.partition().items(), folder / f"{case}.{rank()}")
    if rank() == 0:
        write_tensor_file(engine.weights(), folder / f"{case}.weights")
    else:
        assert list(engine.weights()) == []
    engine.exchange("written")
    steps += train(engine, range(3, 6))
    resumed = engine_of(case)
    train(resumed, range(1))
    weights = StoredTensors([folder / f"{case}.weights"])
    resumed.restore(weights, {rank(): StoredTensors([folder / f"{case}.{rank()}"])}, saved_by=world_size())
    resumed_steps = steps[:3] + train(resumed, range(3, 6))
    return {
        "straight": {"steps": steps, "weights": lists(engine.weights())},
        "resumed": {"steps": resumed_steps, "weights": lists(resumed.weights())},
    }


def lists(tensors: Iterable[tuple[str, Tensor]]) -> dict[str, list[float]]:
    return {name: tensor.float().flatten().tolist() for name, tensor in tensors}


if __name__ == "__main__":
    results = {case: run(case, Path(sys.argv[1]).parent) for case in sys.argv[2:]}
    if rank() == 0:
        Path(sys.argv[1]).write_text(json.dumps(results))
