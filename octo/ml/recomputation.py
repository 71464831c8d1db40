"""Activations that are computed again on the way back, instead of kept: of all layers, or of the first of them.

The first ones: when the way back comes to them, those that were kept behind them are gone.
"""

import math
from typing import Any

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from octo.errors import UsageError
from octo.settings.midtraining import OptimizerSettings


def recompute(model: PreTrainedModel, settings: OptimizerSettings) -> None:
    """Have the model compute as many of its layers again as the settings say.

    Raises:
        UsageError: some are asked for of a model whose layers cannot be told apart.
    """
    if not settings.gradient_checkpointing:
        return
    model.gradient_checkpointing_enable({"use_reentrant": False})
    if settings.checkpointed_layers == 1:
        return
    layers: list[Any] = [each for each in model.modules() if isinstance(each, GradientCheckpointingLayer)]
    if not layers:
        raise UsageError(
            f"the layers of a {model.config.model_type} model cannot be computed again one by one: give "
            "--optimizer.checkpointed-layers=1, or --optimizer.gradient-checkpointing=false"
        )
    for layer in layers[math.ceil(settings.checkpointed_layers * len(layers)) :]:
        layer.gradient_checkpointing = False
