"""A causal language model's body read in both directions, as masked diffusion reads it.

Axes: B canvases side by side, S positions of a canvas, D width.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from octo.errors import UsageError

Attention = Literal["bidirectional", "prefix"]


@dataclass(frozen=True)
class Kind:
    """What makes a model a diffusion model."""

    mask_id: int
    """The token that stands where none is revealed yet."""
    pad_id: int
    """The token that fills up what is left of a completion; the model is trained to write it."""
    attention: Attention
    """bidirectional: every position sees every other. prefix: the prompt sees the prompt alone, the completion all."""


def kind_of(config: PretrainedConfig) -> Kind:
    """What kind of diffusion model a configuration describes; UsageError when it describes none."""
    mask_id: object = getattr(config, "mask_token_id", None)
    attention: Any = getattr(config, "diffusion_attention", None)
    if not isinstance(mask_id, int) or attention not in get_args(Attention):
        raise UsageError(
            f"this {config.model_type} model is no diffusion model (mask_token_id {mask_id}, diffusion_attention "
            f"{attention}): adapt it first, with --objective diffusion"
        )
    return Kind(mask_id, int(config.completion_pad_token_id), attention)


def is_diffusion(config: PretrainedConfig) -> bool:
    """Whether a configuration describes a diffusion model."""
    return getattr(config, "mask_token_id", None) is not None


def check_causal(config: PretrainedConfig, *, asked: str) -> None:
    """UsageError when what was asked for needs a causal model, and this is none."""
    if is_diffusion(config):
        raise UsageError(f"{asked} needs a causal model, and this one was adapted to diffusion: leave it out")


def become_diffusion(config: PretrainedConfig, kind: Kind) -> None:
    """Have a configuration describe a diffusion model from now on."""
    config.mask_token_id = kind.mask_id
    # Not `pad_token_id`, whose embedding transformers would never train.
    config.completion_pad_token_id = kind.pad_id
    config.diffusion_attention = kind.attention


def attention_mask(valid_BS: Tensor, prompt_BS: Tensor, *, attention: Attention) -> Tensor:
    """True where the query position (dim 2) may see the key position (dim 3); shape B, 1, S, S.

    A position that is not valid is seen by itself alone: a row that sees nothing would have no softmax.
    """
    sees_BSS = valid_BS[:, :, None] & valid_BS[:, None, :]
    if attention == "prefix":
        sees_BSS &= ~(prompt_BS[:, :, None] & ~prompt_BS[:, None, :])
    return (sees_BSS | torch.eye(valid_BS.shape[1], dtype=torch.bool, device=valid_BS.device))[:, None]


def positions_of(valid_BS: Tensor) -> Tensor:
    """Places from 0 among a row's valid positions; shape B, S."""
    return (valid_BS.cumsum(dim=-1) - 1).clamp(min=0)


def hidden_states(
    model: torch.nn.Module,
    tokens_BS: Tensor,
    *,
    mask_B1SS: Tensor,
    positions_BS: Tensor,
) -> Tensor:
    """The last layer's states, of which the one at column c - 1 predicts the token at column c; shape B, S, D.

    A causal model predicts the next token, and an adapted one goes on doing so: column 0 is predicted by none.
    """
    body: Any = model
    hidden_BSD: Tensor = body.model(
        input_ids=tokens_BS,
        attention_mask=mask_B1SS,
        position_ids=positions_BS,
        use_cache=False,
    ).last_hidden_state
    return hidden_BSD


def head(model: PreTrainedModel) -> Tensor:
    """The weights that turn a state into logits; shape V, D. These models have no bias there."""
    outputs: Any = model
    weight: Tensor = outputs.lm_head.weight
    return weight
