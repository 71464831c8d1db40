"""What a process computes does not depend on what it has trained before."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from octo.ml.engine import Engine
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.engine_run import MICRO_BATCHES, Toy, train

PLACES: tuple[Any, ...] = (
    torch,
    torch.nn.functional,
    torch.Tensor,
    torch.nn.Module,
    torch.nn.Linear,
    torch.nn.Embedding,
    torch.nn.LayerNorm,
    torch.autograd,
    torch.autograd.Function,
    torch.optim.Optimizer,
    torch.utils.checkpoint,
    torch.backends.mkl,
    torch.backends.mkldnn,
)
FOUND_LATER = {"_dynamo", "_inductor", "_export", "compiler", "onnx"}
"""Modules of torch that it takes in when they are asked for."""


def functions() -> Iterator[tuple[str, object]]:
    """What a process computes with, by name."""
    for place in PLACES:
        for name, each in vars(place).items():
            if callable(each) and name not in FOUND_LATER:
                yield f"{place.__name__}.{name}", each


def switches() -> dict[str, object]:
    smallest = torch.tensor([1e-40, 1e-310], dtype=torch.float64)
    return {
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "products": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "mkldnn": torch.backends.mkldnn.enabled,
        "denormals": (float((smallest * 0.5)[1]), float(smallest.float()[0] * 0.5)),
        "hooks of modules": [
            len(each)
            for name, each in vars(torch.nn.modules.module).items()
            if "_global_" in name and isinstance(each, dict)
        ],
    }


def made_by_products() -> list[Tensor]:
    """Products of bfloat16 and their gradients, as a model makes them."""
    torch.manual_seed(1)
    made = []
    for rows, has_bias in product((1, 3, 17), (False, True)):
        layer = torch.nn.Linear(48, 40, bias=has_bias, dtype=torch.bfloat16)
        states = torch.randn(2, rows, 48, dtype=torch.bfloat16, requires_grad=True)
        found = layer(states)
        found.float().square().sum().backward()
        made += [found, states.grad, *(each.grad for each in layer.parameters())]
    return made


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("reduction", ["plain", "fixed-order"])
def test_an_engine_leaves_torch_as_it_was(reduction: str, stage: int) -> None:
    torch.set_num_threads(1)
    # What it takes in is taken in before.
    Engine(Toy(), settings=OptimizerSettings(reduction="plain"), micro_batches=1)
    before, functions_before, products_before = switches(), dict(functions()), made_by_products()
    for precision in ("float32",) if (reduction, stage) == ("plain", 0) else ("float32", "bfloat16"):
        settings = OptimizerSettings.model_validate(
            {"reduction": reduction, "zero_stage": stage, "precision": precision}
        )
        train(Engine(Toy(), settings=settings, micro_batches=MICRO_BATCHES), range(2))
    assert switches() == before
    after = dict(functions())
    assert [name for name, each in after.items() if functions_before.get(name) is not each] == []
    assert all(
        torch.equal(found, expected) for found, expected in zip(made_by_products(), products_before, strict=True)
    )
