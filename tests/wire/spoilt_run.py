"""Trainings that are spoilt on their way: `python -m octo.ml.gang ... -m tests.wire.spoilt_run FOLDER CASE...`.

A case is a `Spoilt` as JSON. Each rank leaves how each case ended in the folder; the last case ends the process.
"""

import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from math import inf, nan
from pathlib import Path
from typing import Any, Literal, cast

import torch
from pydantic import BaseModel
from torch import Tensor

from octo.errors import OctoError
from octo.job import produce
from octo.ml.engine import Engine, Loss, StepResult
from octo.ml.exact import ExactUpdates
from octo.outcome import concluded
from octo.processes import rank, world_size
from octo.settings.loading import load
from octo.settings.midtraining import MidtrainingSettings

WEIGHT = "model.norm.weight"
"""That is made no number."""
MICRO_BATCH = 1
"""Whose gradient is spoilt: of rank 1 where there are two, and of rank 0 of one."""


class Spoilt(BaseModel):
    """A training, and what goes wrong in it."""

    name: str
    flags: list[str]
    what: Literal["nothing", "nan gradient", "inf gradient", "weight"] = "nothing"
    steps: tuple[int, ...] = ()
    """In which steps, counted from 0."""


def ends_of(folder: Path, name: str) -> list[tuple[int, str]]:
    """The exit code and the sentence of each rank, by rank."""
    return [tuple(json.loads(path.read_text())) for path in sorted(folder.glob(f"{name}.*.json"))]


def trained(case: Spoilt) -> None:
    made = -1
    step = Engine.step

    def spoil_and_step(self: Engine, losses: Sequence[Loss], **keywords: Any) -> StepResult:
        nonlocal made
        made += 1
        if made in case.steps:
            if case.what == "weight":
                _poison(self)
            else:
                # In place: what is looked at once more is spoilt too.
                spoilt = cast("list[Loss]", losses)
                factor = nan if case.what.startswith("nan") else inf
                spoilt[MICRO_BATCH] = partial(_steep, losses[MICRO_BATCH], factor=factor)
        return step(self, losses, **keywords)

    Engine.step = spoil_and_step  # type: ignore[method-assign,assignment]
    try:
        produce(load(MidtrainingSettings, case.flags, os.environ), "octo.ml.midtraining:midtrain")
    finally:
        Engine.step = step  # type: ignore[method-assign]


def _steep(loss: Loss, model: torch.nn.Module, *, factor: float) -> Tensor:
    made = loss(model)
    if made.requires_grad:
        made.register_hook(lambda gradient: gradient * factor)  # type: ignore[no-untyped-call]  # torch's
    return made


def _poison(engine: Engine) -> None:
    """Of what AdamW updates on the rank that does so, and of the last rank alone where all do."""
    updates: Any = engine._updates
    if isinstance(updates, ExactUpdates):
        for moments in updates._moments:
            for name, part, which in moments.parts("weights"):
                if name == WEIGHT and which.start == 0 and (moments.place == moments.unit.own or _is_last()):
                    part[0] = nan
                    moments.write_weights()
        return
    for piece in updates._pieces():
        if piece.name == WEIGHT and piece.part.start == 0 < piece.part.stop and (not updates._is_whole or _is_last()):
            piece.master.data.view(-1)[piece.first] = nan


def _is_last() -> bool:
    return rank() == world_size() - 1


def run(arguments: Sequence[str]) -> int:
    folder, *told = arguments
    *cases, last = [Spoilt.model_validate_json(each) for each in told]
    for case in cases:
        ended = (0, "")
        try:
            trained(case)
        except OctoError as error:
            ended = error.exit_code, str(error)
        (Path(folder) / f"{case.name}.{rank()}.json").write_text(json.dumps(ended))
    trained(last)
    return 0


if __name__ == "__main__":
    sys.exit(concluded(run, sys.argv[1:]))
