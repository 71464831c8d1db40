"""A causal language model's body read in both directions, as masked diffusion reads it.

Axes: B canvases side by side, S positions of a canvas, D width.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from octo.data.packed import PADDING_SLICE
from octo.errors import UsageError
from octo.ml.diffusion.sight import Sight
from octo.ml.heads import multiple_of

Attention = Literal["bidirectional", "prefix", "blocks"]


@dataclass(frozen=True)
class Kind:
    """What makes a model a diffusion model."""

    mask_id: int
    """The token that stands where none is revealed yet."""
    pad_id: int
    """The token that fills up what is left of a completion; the model is trained to write it."""
    attention: Attention = "bidirectional"
    """bidirectional: every position sees every other. prefix: the prompt sees the prompt alone, the completion all.
    blocks: a position sees its own block and those before it (block diffusion, SDAR)."""
    shift: bool = True
    """Whether a state predicts the token of the next column, as in adapted causal models (Dream, DiffuCoder); else that
    of its own (LLaDA, SDAR)."""
    block_length: int = 0
    """Positions of a block, counted from the beginning of a text; 0 where attention knows none."""

    @property
    def lag(self) -> int:
        """How many columns before a token the state stands that predicts it."""
        return int(self.shift)


def kind_of(config: PretrainedConfig) -> Kind:
    """What kind of diffusion model a configuration describes; UsageError when it describes none."""
    mask_id: object = getattr(config, "mask_token_id", None)
    attention: Any = getattr(config, "diffusion_attention", None)
    if not isinstance(mask_id, int) or attention not in get_args(Attention):
        raise UsageError(
            f"this {config.model_type} model is no diffusion model (mask_token_id {mask_id}, diffusion_attention "
            f"{attention}): adapt it first, with --objective diffusion"
        )
    return Kind(
        mask_id=mask_id,
        pad_id=int(config.completion_pad_token_id),
        attention=attention,
        # Models from before there were others say nothing of it.
        shift=bool(getattr(config, "diffusion_shift", True)),
        block_length=int(getattr(config, "diffusion_block_length", 0)),
    )


def is_diffusion(config: PretrainedConfig) -> bool:
    """Whether a configuration describes a diffusion model."""
    return getattr(config, "mask_token_id", None) is not None


def check_causal(config: PretrainedConfig, *, asked: str) -> None:
    """UsageError when what was asked for needs a causal model, and this is none."""
    if is_diffusion(config):
        raise UsageError(f"{asked} needs a causal model, and this one was adapted to diffusion: leave it out")


def become_diffusion(config: PretrainedConfig, kind: Kind) -> None:
    """Have a configuration describe a diffusion model from now on."""
    for name, value in described(kind).items():
        setattr(config, name, value)


def described(kind: Kind) -> dict[str, Any]:
    """A kind as a configuration has it."""
    return {
        "mask_token_id": kind.mask_id,
        # Not `pad_token_id`, whose embedding transformers would never train.
        "completion_pad_token_id": kind.pad_id,
        "diffusion_attention": kind.attention,
        "diffusion_shift": kind.shift,
        "diffusion_block_length": kind.block_length,
    }


def positions_of(valid_BS: Tensor) -> Tensor:
    """Places from 0 among a row's valid positions; shape B, S."""
    return (valid_BS.cumsum(dim=-1) - 1).clamp(min=0)


def sight_of(valid_BS: Tensor, prompt_BS: Tensor, kind: Kind) -> Sight:
    """What the columns of canvases see: those that are valid each other, as far as the kind of model allows."""
    return Sight(
        slices_BS=torch.where(valid_BS, 0, PADDING_SLICE),
        positions_BS=positions_of(valid_BS),
        prompt_BS=prompt_BS if kind.attention == "prefix" else None,
        block_length=kind.block_length,
    )


def head(model: PreTrainedModel) -> Tensor:
    """The weights that turn a state into logits; shape V, D.

    Raises:
        UsageError: the model makes something else of its states.
    """
    outputs: Any = model
    found = outputs.get_output_embeddings()
    softcap = getattr(model.config, "final_logit_softcapping", None)
    if getattr(found, "bias", None) is not None or multiple_of(model.config) != 1 or softcap:
        raise UsageError(
            f"a {model.config.model_type} model does something of its own to its head's logits, which denoising does "
            "not do: take a model whose logits are its states times a matrix"
        )
    weight: Tensor = found.weight
    return weight
