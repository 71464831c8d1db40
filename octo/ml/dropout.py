"""Training without chance: dropout is drawn by each process for itself, so that ranks would change what is learnt."""

import logging
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

from octo.errors import UsageError
from octo.processes import rank

logger = logging.getLogger(__name__)
_CHANCE = ("drop", "jitter")
"""What configurations call shares of activations, weights or layers that are left out, and noise of routers."""
_OF_OTHER_HEADS = ("classifier_", "summary_")
"""How they begin what no causal model has."""


def without_dropout(config: PretrainedConfig, *, name: str) -> PretrainedConfig:
    """The configuration with nothing left to chance, changed in place, and a sentence that says what was."""
    told = _told(config)
    if told and rank() == 0:
        logger.warning(
            "%s would leave parts of itself to chance while it is trained (%s): octo trains it without, for on another "
            "number of ranks chance is another; the trained model's configuration says 0",
            name,
            ", ".join(f"{field} {value:g}" for field, value in sorted(told.items())),
        )
    return config


def check_repeatable(model: PreTrainedModel) -> None:
    """Try a few tokens twice, as in training.

    Raises:
        UsageError: the model computes one thing and then another.
    """
    owner: Any = model
    was_training = model.training
    tokens_BS = torch.arange(4, device=model.device)[None] % model.config.get_text_config().vocab_size
    devices = [model.device] if model.device.type == "cuda" else []
    states = []
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        model.train()
        for seed in (0, 1):
            torch.manual_seed(seed)
            states.append(owner.base_model(input_ids=tokens_BS, use_cache=False).last_hidden_state)
        model.train(mode=was_training)
    if not torch.equal(*states):
        raise UsageError(
            f"a {model.config.model_type} model draws random numbers while it is trained, in a way that its "
            "configuration does not name: octo cannot train it to the same weights on every number of ranks"
        )


def _told(config: PretrainedConfig) -> dict[str, float]:
    """What was above 0, by the configuration's own names."""
    found: dict[str, float] = {}
    for field, value in list(vars(config).items()):
        if isinstance(value, PretrainedConfig):
            found |= _told(value)
        elif isinstance(value, float) and value > 0 and _is_chance(field):
            found[field] = value
            setattr(config, field, 0.0)
    return found


def _is_chance(field: str) -> bool:
    return any(word in field for word in _CHANCE) and not field.startswith(_OF_OTHER_HEADS)
