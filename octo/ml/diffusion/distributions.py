"""What tokens are drawn from, position by position: temperature, top_p, top_k, and how sure that leaves one.

Logits are taken as float32, added up in float64. Nothing is sorted but what may be kept, which is found by the peaks of
small blocks.

Axes: R positions looked at together, V vocabulary, B blocks of it, K tokens that may be kept, H bins of a histogram.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from octo.settings.denoising import DenoisingSettings

BLOCK = 64
"""Tokens of which one peak is known."""
MANY = 2048
"""Candidates that are worth thinning out before they are sorted."""
BINS_PER_HALVING = 4
NUM_BINS = 256
LOWEST = -125.0
"""Of a scaled logit: smaller powers of two are not normal in float32, and slow. A vocabulary of them weighs nothing."""


@dataclass(frozen=True)
class Distribution:
    """Tokens that may be drawn, by rising id, with weights that add up to `totals`."""

    ids_RK: Tensor | None
    """None where K is the vocabulary."""
    scaled_RK: Tensor
    """Binary logarithms of the weights; of a token that was dropped too."""
    weights_RK: Tensor
    totals_R: Tensor


def distribution(logits_RV: Tensor, *, settings: DenoisingSettings) -> Distribution:
    """What tokens are drawn from: the temperature first, then top_p, then top_k, as in the paper's sampler."""
    filtered = settings.top_p < 1 or settings.top_k > 0
    scaled_RV = logits_RV.float().to(torch.float32 if filtered else torch.float64, copy=True)
    scaled_RV -= scaled_RV.amax(dim=-1, keepdim=True)
    # Powers of two cost a third of powers of e.
    scaled_RV *= 1 / (math.log(2) * (settings.temperature or 1.0))
    scaled_RV.clamp_(min=LOWEST)
    weights_RV = scaled_RV.exp2()
    # A sure position's total is a little over one: in float32, all the sure ones would tie.
    totals_R = weights_RV.sum(dim=-1, dtype=torch.float64)
    if not filtered:
        return Distribution(None, scaled_RV, weights_RV, totals_R)
    ids_RK = _candidates(scaled_RV, weights_RV, totals_R, settings)
    scaled_RK = scaled_RV.gather(1, ids_RK).double()
    weights_RK = scaled_RK.exp2()
    # Stable: of equals, the lowest id comes first.
    sorted_RK, order_RK = weights_RK.sort(dim=-1, descending=True, stable=True)
    before_RK = sorted_RK.cumsum(dim=-1) - sorted_RK
    kept_RK = before_RK <= settings.top_p * totals_R[:, None] if settings.top_p < 1 else sorted_RK > -1
    if settings.top_k:
        last_R1 = sorted_RK[:, min(settings.top_k, sorted_RK.shape[1]) - 1, None]
        kept_RK &= sorted_RK >= last_R1
    weights_RK *= torch.zeros_like(kept_RK).scatter(1, order_RK, kept_RK)
    return Distribution(ids_RK, scaled_RK, weights_RK, weights_RK.sum(dim=-1))


def _least(weights_RV: Tensor, totals_R: Tensor, settings: DenoisingSettings) -> Tensor:
    """A weight below which no token is kept."""
    # Tokens of less than (1 - top_p) / V each are less than 1 - top_p together; half of it leaves room for rounding.
    least_R = totals_R.float() * ((1 - settings.top_p) / (2 * weights_RV.shape[1]))
    if settings.top_k:
        least_R = least_R.maximum(weights_RV.topk(min(settings.top_k, weights_RV.shape[1])).values[:, -1])
    return least_R


def _candidates(scaled_RV: Tensor, weights_RV: Tensor, totals_R: Tensor, settings: DenoisingSettings) -> Tensor:
    """Rising ids, all among them that may be kept; as many for each row."""
    least_R = _least(weights_RV, totals_R, settings)
    ids_RK = _in_blocks(weights_RV, least_R)
    weights_RK = weights_RV.gather(1, ids_RK)
    if ids_RK.shape[1] > MANY and settings.top_p < 1:
        least_R = least_R.maximum(_edge(scaled_RV.gather(1, ids_RK), weights_RK, totals_R, top_p=settings.top_p))
    enough_RK = weights_RK >= least_R[:, None]
    # None, where none is a number: whoever looks at `Beliefs.sound` says so.
    most = int(enough_RK.sum(dim=-1).max())
    if len(enough_RK) == 1 and most:
        return ids_RK[enough_RK][None]
    places_RK = weights_RK.topk(max(1, most)).indices.sort().values
    return ids_RK.gather(1, places_RK)


def _in_blocks(weights_RV: Tensor, least_R: Tensor) -> Tensor:
    """The ids of all blocks in which a token has at least that weight."""
    rows, vocabulary = weights_RV.shape
    within = vocabulary // BLOCK * BLOCK
    peaks_RB = weights_RV[:, :within].view(rows, -1, BLOCK).amax(dim=-1)
    num_blocks = max(1, int((peaks_RB >= least_R[:, None]).sum(dim=-1).max())) if within else 0
    blocks_RB = peaks_RB.topk(num_blocks).indices.sort().values
    offsets_K = torch.arange(BLOCK, device=weights_RV.device)
    ids_RK = (blocks_RB[:, :, None] * BLOCK + offsets_K).flatten(1)
    rest_K = torch.arange(within, vocabulary, device=weights_RV.device)
    return torch.cat([ids_RK, rest_K.expand(rows, -1)], dim=1)


def _edge(scaled_RK: Tensor, weights_RK: Tensor, totals_R: Tensor, *, top_p: float) -> Tensor:
    """A weight that the last token of the nucleus has at least, by a histogram of the weights' logarithms."""
    bins_RK = (scaled_RK * -BINS_PER_HALVING).long().clamp(max=NUM_BINS - 1)
    masses_RH = torch.zeros(len(scaled_RK), NUM_BINS, device=scaled_RK.device).scatter_add(1, bins_RK, weights_RK)
    # Rounding may move the edge by less than a bin.
    reached_RH = masses_RH.double().cumsum(dim=-1) > top_p * totals_R[:, None]
    last_R = torch.where(reached_RH.any(dim=-1), reached_RH.long().argmax(dim=-1), NUM_BINS) + 1
    return (-(last_R.float() + 1) / BINS_PER_HALVING).exp2() * (last_R < NUM_BINS)


def places(found: Distribution, uniforms_R: Tensor | None) -> Tensor:
    """Which of the K tokens is drawn: the first whose cumulative weight exceeds the uniform number's share."""
    if uniforms_R is None:
        return found.weights_RK.argmax(dim=-1)
    rows, tokens = found.weights_RK.shape
    sums_RB = torch.nn.functional.pad(found.weights_RK, (0, -tokens % BLOCK)).view(rows, -1, BLOCK).double()
    ends_RB = sums_RB.sum(dim=-1).cumsum(dim=-1)
    totals_R1 = ends_RB[:, -1:]
    # Below the end whatever rounding does, and above what the lowest weigh together.
    target_R1 = totals_R1 * uniforms_R[:, None].double().clamp(min=1e-30, max=1 - 1e-15)
    # What is no number is beyond every end.
    block_R1 = torch.searchsorted(ends_RB, target_R1, right=True).clamp(max=ends_RB.shape[1] - 1)
    before_R1 = torch.where(block_R1 > 0, ends_RB.gather(1, (block_R1 - 1).clamp(min=0)), 0.0)
    within_RB = sums_RB[torch.arange(rows, device=sums_RB.device), block_R1[:, 0]].cumsum(dim=-1) + before_R1
    place_R1 = torch.searchsorted(within_RB, target_R1, right=True).clamp(max=BLOCK - 1)
    return (block_R1 * BLOCK + place_R1).squeeze(-1).clamp(max=tokens - 1)


def negative_entropy(found: Distribution) -> Tensor:
    """In nats; 0 where one token is left."""
    mean_R = (found.weights_RK * found.scaled_RK).sum(dim=-1, dtype=torch.float64) / found.totals_R
    return math.log(2) * mean_R - found.totals_R.log()


def margin(found: Distribution) -> Tensor:
    """How much likelier the likeliest token is than the next."""
    first_R2 = found.weights_RK.topk(min(2, found.weights_RK.shape[1])).values.double()
    return (first_R2[:, 0] - first_R2[:, 1:].sum(dim=-1)) / found.totals_R
