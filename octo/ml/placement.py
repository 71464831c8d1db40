"""Whether a training computes where its settings say, which is where its artifact's digest says it was computed."""

import logging

import torch

from octo.errors import UsageError
from octo.ml.process_group import compute_on_processor
from octo.processes import rank, world_size
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
    asked, present = (
        settings.need.accelerators,
        torch.cuda.is_available() if has_accelerator is None else has_accelerator,
    )
    if asked and not present:
        raise UsageError(
            f"--need.accelerators={asked} asks for accelerators, whose results are others than a processor's, and "
            "there is none here: give --need.accelerators=0 to train on processors"
        )
    if present and not asked:
        if rank() == 0:
            logger.warning(
                "%s: trains on processors, and leaves this machine's accelerator alone: give --need.accelerators=1 to "
                "train on it, which makes another artifact",
                settings.stage or settings.job,
            )
        compute_on_processor()
    ranks = ranks_of(settings.need)
    if settings.optimizer.reduction == "plain" and world_size() != ranks:
        raise UsageError(
            f"--optimizer.reduction=plain makes another result on every number of ranks, and the settings speak of "
            f"{ranks} (--need.pods times --need.accelerators) where the gang has {world_size()}: say what it has, or "
            "take fixed-order"
        )
