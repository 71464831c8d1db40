"""Updates by scores on every rank: `python -m octo.ml.gang ... -m tests.unit.ml.diffusion.scores_run FILE CASE...`.

A case is STAGE-PRECISION. Rank 0 writes the loss, the gradient's norm and the weights that each ends with, as JSON.
"""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.scores import Written, draw_passes, scores, written
from octo.ml.engine import Engine
from octo.processes import rank
from octo.randomness import generator
from octo.settings.coupling import CouplingSettings
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.diffusion.models import END_ID, MASK_ID, PAD_ID, small_model
from tests.unit.ml.engine_run import figures

KIND = Kind(MASK_ID, PAD_ID, "bidirectional")
LENGTH = 8
MICRO_BATCHES = [(3,), (1, 1, 1), (2, 1), (1, 2)]
"""Groups of each: as many completions, and not as many canvases, states or tokens."""


def micro_batch(number: int) -> tuple[Written, list[tuple[int, ...]]]:
    prompts, completions, keys = [], [], []
    for group, size in enumerate(MICRO_BATCHES[number]):
        random = generator(0, "prompts", number, group)
        prompt = random.integers(20, 80, size=3 + group + number).tolist()
        for place in range(size):
            prompts.append(prompt)
            completion = random.integers(20, 80, size=LENGTH).tolist()
            completions.append([*completion[: 2 + number + place], END_ID])
            keys.append((number, group, place))
    return written(prompts, completions, length=LENGTH, ends=(END_ID,), pad_id=PAD_ID, device=torch.device("cpu")), keys


def loss_of(model: torch.nn.Module, *, number: int, step: int) -> Tensor:
    batch, keys = micro_batch(number)
    drawn = draw_passes(batch, keys, settings=CouplingSettings(), seed=0, occasion=(step, 0))
    with torch.no_grad():
        before_CL = scores(model, batch, drawn, kind=KIND).scores_CL
    found = scores(model, batch, drawn, kind=KIND)
    assert torch.equal(found.scores_CL, before_CL)
    advantages_C1 = torch.tensor([1.0, -0.5, 0.7])[:, None]
    return -((found.scores_CL - before_CL).exp() * advantages_C1 * batch.scored_CL).sum() / 60


def run(case: str) -> dict[str, Any]:
    torch.set_num_threads(1)
    stage, precision = case.split("-")
    settings = OptimizerSettings.model_validate(
        {"zero_stage": int(stage), "precision": precision, "gradient_checkpointing": True}
    )
    model = small_model(spread=10).float().train()
    engine = Engine(model, settings=settings, micro_batches=len(MICRO_BATCHES))
    results = []
    for step in range(3):
        losses = [partial(loss_of, number=number, step=step) for number in range(len(MICRO_BATCHES))]
        results.append(figures(engine.step(losses, learning_rate=1e-3)))
    return {"steps": results, "weights": {name: each.flatten().tolist() for name, each in engine.weights()}}


if __name__ == "__main__":
    found = {case: run(case) for case in sys.argv[2:]}
    if rank() == 0:
        Path(sys.argv[1]).write_text(json.dumps(found))
