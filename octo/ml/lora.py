"""Low-rank adapters, which are trained instead of a model's weights. The only module that imports peft.

A model with adapters goes through an engine as any other does: what is frozen is not updated, and the optimizer and
checkpoints have the adapters alone. Whoever is given its weights is given them with the adapters in them
(`octo.ml.adapters`), so that what is committed is a model like any other.
"""

from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import PreTrainedModel

from octo.errors import UsageError
from octo.randomness import generator
from octo.settings.lora import LoraSettings


def add_adapters(model: PreTrainedModel, settings: LoraSettings, *, seed: int) -> None:
    """Freeze the model, and put adapters beside its linear layers of the names that are asked for, in place.

    They begin with what adds nothing; what of them is random depends on the seed and their names alone.

    Raises:
        UsageError: the model has no linear layer of such a name, or it is its head.
    """
    _check(model, settings)
    model.requires_grad_(requires_grad=False)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # any number
        target_modules=list(settings.modules),
        # octo leaves nothing to chance while it trains.
        lora_dropout=0.0,
    )
    inject_adapter_in_model(config, model)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if ".lora_A." in name:
                # As peft draws them: uniform, within one over the root of the width that is read.
                drawn = generator(seed, "adapters", name).uniform(-1, 1, tuple(weight.shape)) * weight.shape[1] ** -0.5
                weight.copy_(torch.from_numpy(drawn))


def _check(model: PreTrainedModel, settings: LoraSettings) -> None:
    owner: Any = model
    head = owner.get_output_embeddings()
    found = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    for name in settings.modules:
        if name not in found:
            raise UsageError(
                f"--lora.modules names {name!r}, and a {model.config.model_type} model has no such linear layer below "
                f"its head: there is {', '.join(sorted(found))}"
            )
