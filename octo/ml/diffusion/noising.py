"""Training by masked diffusion: tokens become masks at random, and the model predicts them back.

Of a noise level t, every token that may be masked is masked with probability t. The loss is the cross entropy of the
masked tokens, each divided by its sequence's t, over the number of tokens that might have been masked: its mean bounds
minus the log-likelihood (DiffuCoder, section 2).

Axes: B sequences, S positions of a sequence, N masked positions, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from octo.data.packed import PADDING_SLICE
from octo.ml.devices import brought
from octo.ml.diffusion.denoiser import Kind
from octo.ml.diffusion.sight import Sight, view
from octo.ml.heads import Asked, model_logprobs
from octo.ml.sequence_sums import sums_of_sequences
from octo.randomness import generator
from octo.settings.noising import NoisingSettings


@dataclass(frozen=True)
class CleanBatch:
    """Sequences before the noise."""

    tokens_BS: Tensor
    maskable_BS: Tensor
    """Which tokens may be masked. One that no state predicts may not."""
    sight: Sight
    """Who sees whom."""


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
        slices_BS = clean.sight.slices_BS
        known_BS = ~masked_BS & (slices_BS != PADDING_SLICE)
        weights_BS = weights_BS * context_weights(known_BS, slices_BS, settings.context_decay)
    else:
        weights_BS = weights_BS / torch.from_numpy(levels_B)[:, None].to(device).float()
    return NoisyBatch(clean.tokens_BS.masked_fill(masked_BS, mask_id), masked_BS, weights_BS)


def context_weights(known_BS: Tensor, slices_BS: Tensor, decay: float) -> Tensor:
    """What Dream's CART lets a masked token count: the more, the nearer the tokens that are known; shape B, S.

    Half of decay * (1 - decay) ** (distance - 1), summed over the known tokens of its document to both sides. To each
    side, that is a sum that falls by 1 - decay with every column, and begins anew with every document.
    """
    known, slices = known_BS.cpu().numpy(), slices_BS.cpu().numpy()
    to_the_right = _falling(known, slices, decay)
    to_the_left = _falling(known[:, ::-1], slices[:, ::-1], decay)[:, ::-1]
    return torch.from_numpy(0.5 * decay * (to_the_right + to_the_left)).to(known_BS.device).float()


def _falling(known_BS: NDArray[np.bool_], slices_BS: NDArray[np.int64], decay: float) -> NDArray[np.float64]:
    """At each column, the sum of (1 - decay) ** (distance - 1) over the known tokens of its document before it."""
    sums_BS = np.zeros(known_BS.shape)
    goes_on_BS = slices_BS[:, 1:] == slices_BS[:, :-1]
    for column in range(1, known_BS.shape[1]):
        reached_B = (1 - decay) * sums_BS[:, column - 1] + known_BS[:, column - 1]
        sums_BS[:, column] = reached_B * goes_on_BS[:, column - 1]
    return sums_BS


def diffusion_loss(
    model: torch.nn.Module,
    clean: CleanBatch,
    noisy: NoisyBatch,
    *,
    kind: Kind,
    num_maskable: int | Tensor,
    note: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """The weighted cross entropy of the masked tokens, in nats, divided by `num_maskable`.

    `num_maskable` counts the tokens of the whole update, so that micro-batches add up to its mean; it may be on the
    model's device. Only the states that predict masked tokens reach the vocabulary. `note` is given each sequence's sum
    of weighted losses, and its count of tokens that could be masked; shape (B, 2). A model of blocks reads each masked
    block after what is before it without noise.
    """
    where_N = noisy.masked_BS.nonzero(as_tuple=True)
    read = view(noisy.tokens_BS, clean.tokens_BS, clean.sight, where_N, lag=kind.lag)
    logprobs_N, _ = model_logprobs(
        model,
        Asked(read.sites_N, torch.arange(len(read.sites_N), device=read.sites_N.device), clean.tokens_BS[where_N]),
        input_ids=read.tokens_BT,
        position_ids=read.positions_BT,
        documents=read.documents,
    )
    losses_N = -logprobs_N * brought(noisy.weights_BS[where_N], logprobs_N.device)
    if note is not None:
        note(sums_of_sequences(losses_N, where_N, clean.maskable_BS))
    return losses_N.sum() / num_maskable
