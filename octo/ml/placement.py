"""Whether a model is computed with where its job's settings say, which is where its artifact's digest says it was."""

import logging
from functools import cache
from typing import Literal

import torch

from octo.errors import UsageError
from octo.ml.process_group import compute_on_processor
from octo.processes import rank, world_size
from octo.settings.base import JobSettings
from octo.settings.midtraining import MidtrainingSettings, ranks_of
from octo.settings.rl import RlSettings
from octo.settings.tuning import TuningSettings

logger = logging.getLogger(__name__)

Trainer = MidtrainingSettings | TuningSettings | RlSettings


def take_place(settings: Trainer, *, has_accelerator: bool | None = None) -> None:
    """Have this rank compute on what the settings name, before anything is computed.

    Args:
        settings: of the training.
        has_accelerator: whether this machine has one; None looks.

    Raises:
        UsageError: there is no such thing here, or the gang has another number of ranks where it matters.
    """
    if device_of(settings, has_accelerator=has_accelerator).type == "cpu":
        compute_on_processor()
    ranks = ranks_of(settings.need)
    if settings.optimizer.reduction == "plain" and world_size() != ranks:
        raise UsageError(
            f"--optimizer.reduction=plain makes another result on every number of ranks, and the settings speak of "
            f"{ranks} (--need.pods times --need.accelerators) where the gang has {world_size()}: say what it has, or "
            "take fixed-order"
        )


def device_of(settings: JobSettings, *, has_accelerator: bool | None = None) -> torch.device:
    """What the settings name to compute on.

    Args:
        settings: of a job whose digest has it.
        has_accelerator: whether this machine has one; None looks.

    Raises:
        UsageError: there is no such thing here.
    """
    asked, present = (
        settings.need.accelerators,
        torch.cuda.is_available() if has_accelerator is None else has_accelerator,
    )
    if asked and not present:
        raise UsageError(
            f"--need.accelerators={asked} asks for accelerators, whose results are others than a processor's, and "
            "there is none here: give --need.accelerators=0 to compute on processors"
        )
    if present and not asked and rank() == 0:
        _say_unused(settings.stage or settings.job)
    return torch.device("cuda" if asked else "cpu")


def check_place(settings: JobSettings, *, computes_on: Literal["accelerator", "processor"]) -> None:
    """UsageError where a library that chooses for itself computes on something else than the settings name."""
    if computes_on != settings.need.device:
        number = 1 if computes_on == "accelerator" else 0
        raise UsageError(
            f"--need.accelerators={settings.need.accelerators} asks for a result of {settings.need.device}s, and vLLM "
            f"computes on this machine's {computes_on}: give --need.accelerators={number}, which makes another artifact"
        )


@cache
def _say_unused(name: str) -> None:
    logger.warning(
        "%s: computes on processors, and leaves this machine's accelerator alone: give --need.accelerators=1 to "
        "compute on it, which makes another artifact",
        name,
    )
