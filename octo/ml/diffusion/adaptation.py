"""A causal model becomes a diffusion model: it learns of masks, and looks both ways (DiffuCoder, section 3)."""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from octo.data.tokenizer import TextTokenizer
from octo.errors import InvariantError
from octo.ml.diffusion.denoiser import Attention, Kind, become_diffusion, is_diffusion
from octo.ml.diffusion.opening import open_attention


@torch.no_grad()
def adapt(model: PreTrainedModel, tokenizer: TextTokenizer, *, attention: Attention) -> None:
    """Make a causal model a diffusion model, in place; one that is stays as it is.

    The mask's embedding, and its row of the head, are the mean of all: nearer to every word than anything drawn.

    Args:
        model: any of transformers' whose attention can be opened.
        tokenizer: with a mask.
        attention: what its positions see from now on.

    Raises:
        UsageError: its attention cannot be opened.
    """
    open_attention(model)
    if is_diffusion(model.config):
        return
    mask_id = tokenizer.mask_id
    if mask_id is None:
        raise InvariantError("a model was to be adapted with a tokenizer that has no mask")
    means = [weight.mean(dim=0) for weight in _vocabularies(model)]
    known = min(mask_id, model.config.vocab_size)
    if mask_id >= model.config.vocab_size:
        model.resize_token_embeddings(mask_id + 1, mean_resizing=False)
    for weight, mean in zip(_vocabularies(model), means, strict=True):
        # With the rows that are new before it, which would be whatever a global generator gave.
        weight[known : mask_id + 1] = mean
    become_diffusion(model.config, Kind(mask_id, tokenizer.pad_id, attention))
    # A model from elsewhere may have been told to leave its pad token's embedding as it is.
    model.config.pad_token_id = None
    embeddings: Any = model.get_input_embeddings()
    embeddings.padding_idx = None


def _vocabularies(model: PreTrainedModel) -> list[Tensor]:
    of: Any = model
    return [of.get_input_embeddings().weight, of.get_output_embeddings().weight]
