"""Training by masked diffusion: tokens become masks at random, and the model predicts them back.

Of a noise level t, every token that may be masked is masked with probability t. The loss is the cross entropy of the
masked tokens, each divided by its sequence's t, over the number of tokens that might have been masked: its mean bounds
minus the log-likelihood (DiffuCoder, section 2).

Axes: B sequences, S positions of a sequence, N masked positions, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from octo.ml.diffusion.denoiser import hidden_states
from octo.randomness import generator
from octo.settings.noising import NoisingSettings


@dataclass(frozen=True)
class CleanBatch:
    """Sequences before the noise."""

    tokens_BS: Tensor
    maskable_BS: Tensor
    """Which tokens may be masked. One that no column before it predicts may not."""
    mask_B1SS: Tensor
    """True where the query position (dim 2) may see the key position (dim 3)."""
    positions_BS: Tensor


@dataclass(frozen=True)
class NoisyBatch:
    """Sequences with masks in them."""

    tokens_BS: Tensor
    masked_BS: Tensor
    weights_BS: Tensor
    """What each masked token's cross entropy counts; 0 elsewhere."""


def noise_levels(*, batch_size: int, seed: int, step: int, least: float) -> NDArray[np.float64]:
    """The noise of each sequence of an update: one in each of as many equal parts of [least, 1]; shape B.

    Each is uniform, and together they vary less than if they were drawn by themselves.
    """
    offsets_B = generator(seed, "noise levels", step).random(batch_size)
    levels_B: NDArray[np.float64] = least + (1 - least) * (np.arange(batch_size) + offsets_B) / batch_size
    return levels_B


def add_noise(
    clean: CleanBatch,
    levels_B: NDArray[np.float64],
    *,
    keys: Sequence[tuple[str | int, ...]],
    seed: int,
    mask_id: int,
    settings: NoisingSettings,
) -> NoisyBatch:
    """Mask tokens; what becomes of a sequence depends on its own key and level alone."""
    width = clean.tokens_BS.shape[1]
    uniforms_BS = np.stack([generator(seed, "noise", *key).random(width) for key in keys])
    device = clean.tokens_BS.device
    masked_BS = torch.from_numpy(uniforms_BS < levels_B[:, None]).to(device) & clean.maskable_BS
    weights_BS = masked_BS.float()
    if settings.weighting == "context":
        weights_BS = weights_BS * context_weights(~masked_BS & clean.mask_B1SS[:, 0].any(dim=1), settings.context_decay)
    else:
        weights_BS = weights_BS / torch.from_numpy(levels_B)[:, None].to(device).float()
    return NoisyBatch(clean.tokens_BS.masked_fill(masked_BS, mask_id), masked_BS, weights_BS)


def context_weights(known_BS: Tensor, decay: float) -> Tensor:
    """What Dream's CART lets a masked token count: the more, the nearer the tokens that are known; shape B, S.

    Half of decay * (1 - decay) ** (distance - 1), summed over the known tokens to both sides.
    """
    places_S = torch.arange(known_BS.shape[1], device=known_BS.device)
    distances_SS = (places_S[:, None] - places_S[None, :]).abs()
    kernel_SS = (0.5 * decay * (1 - decay) ** (distances_SS - 1).float()).masked_fill(distances_SS == 0, 0.0)
    return known_BS.float() @ kernel_SS


def diffusion_loss(model: torch.nn.Module, clean: CleanBatch, noisy: NoisyBatch, *, num_maskable: int) -> Tensor:
    """The weighted cross entropy of the masked tokens, in nats, divided by `num_maskable`.

    `num_maskable` counts the tokens of the whole update, so that micro-batches add up to its mean. Only the columns
    before masked tokens reach the vocabulary.
    """
    hidden_BSD = hidden_states(model, noisy.tokens_BS, mask_B1SS=clean.mask_B1SS, positions_BS=clean.positions_BS)
    masked_BS = noisy.masked_BS[:, 1:]
    logits_NV = head_of(model)(hidden_BSD[:, :-1][masked_BS])
    losses_N = cross_entropy(logits_NV.float(), clean.tokens_BS[:, 1:][masked_BS], reduction="none")
    return (losses_N * noisy.weights_BS[:, 1:][masked_BS]).sum() / num_maskable


def head_of(model: torch.nn.Module) -> torch.nn.Module:
    """The module from states to logits; called as one, it has its weights wherever they are kept."""
    head: torch.nn.Module = getattr(model, "lm_head")  # noqa: B009 - torch types every attribute as a tensor too
    return head
