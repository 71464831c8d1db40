"""Log-probabilities of some tokens, without the logits of a whole vocabulary.

The vocabulary is gone through a slab at a time, forwards and backwards. What is kept for the way back are one number a
state and the logits of the first slabs, as many as a fixed size holds; those of the others are computed anew. A state
that predicts several completions' tokens, as a canvas that they share does, is multiplied once.

Logits have the model's precision and are taken as float32 or better; what is added up over the vocabulary is float64.

Axes: N states, D width, V vocabulary, W a slab of it, K tokens that are asked for.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from octo.memory_model import KEPT_LOGITS
from octo.ml.devices import brought
from octo.ml.diffusion.products import filled_up
from octo.ml.products import product

SLAB_ELEMENTS = {"cpu": 1 << 20, "cuda": 1 << 26}
"""Logits that are looked at together: on a processor they stay in its cache."""
KEPT_BYTES = {"cpu": KEPT_LOGITS[False]}
"""Of logits that are kept for the way back; none on an accelerator, where they are quickly computed anew."""
NARROWEST = 256
"""Tokens of a slab, at least: narrower matrix products are slow."""
LOWEST = -80.0
"""Of a binary logarithm of a probability: far smaller ones are not normal in float32, and slow. A vocabulary of them
weighs nothing."""

Slab = tuple[slice, slice]
"""The ids of a slab, and which of the tokens, by rising id, are among them."""


def token_logprobs(
    states_ND: Tensor, weight_VD: Tensor, sites_K: Tensor, targets_K: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor]:
    """The log-probability of each token in what its state predicts, shape K, and every state's entropy, shape N.

    Args:
        states_ND: the states that predict.
        weight_VD: the head's.
        sites_K: by which of the states each token is predicted.
        targets_K: the tokens.
        temperature: divides the logits.

    What is asked for may lie on the host, which then need not wait for the states' device to deal it to the slabs.

    Returns:
        Nats. The entropies have no gradient.
    """
    order_K = targets_K.argsort()
    targets_K = targets_K[order_K]
    device = states_ND.device
    states_ND, num_states = filled_up(states_ND), len(states_ND)
    slabs = list(_slabs(targets_K, num_states=len(states_ND), num_tokens=len(weight_VD), device=device))
    sites_K, targets_K, order_K = (brought(each, device) for each in (sites_K[order_K], targets_K, order_K))
    logprobs_K, entropies_N = cast(
        "tuple[Tensor, Tensor]",
        _TokenLogprobs.apply(states_ND, weight_VD, sites_K, targets_K, slabs, temperature),  # type: ignore[no-untyped-call]  # torch's
    )
    return torch.empty_like(logprobs_K).index_copy(0, order_K, logprobs_K), entropies_N[:num_states]


class _TokenLogprobs(torch.autograd.Function):
    """Takes the tokens by rising id, so that those of a slab lie side by side."""

    @staticmethod
    def forward(
        ctx: Any,
        states_ND: Tensor,
        weight_VD: Tensor,
        sites_K: Tensor,
        targets_K: Tensor,
        slabs: Sequence[Slab],
        temperature: float,
    ) -> tuple[Tensor, Tensor]:
        rate = 1 / (math.log(2) * temperature)
        dtype = torch.promote_types(states_ND.dtype, torch.float32)
        tops_N = torch.full((len(states_ND),), torch.finfo(dtype).min, dtype=dtype, device=states_ND.device)
        totals_N, moments_N = (torch.zeros_like(tops_N, dtype=torch.float64) for _ in range(2))
        targets_logits_K = torch.empty(len(targets_K), dtype=dtype, device=states_ND.device)
        room = KEPT_BYTES.get(states_ND.device.type, 0) if len(slabs) > 1 and any(ctx.needs_input_grad[:2]) else 0
        first: list[Tensor] = []
        for tokens, asked in slabs:
            logits_WN = product(weight_VD[tokens], states_ND.t())
            room -= logits_WN.nbytes
            if room >= 0:
                first.append(logits_WN)
            # Scaled, so that two to their power are the weights of softmax; slabs lie with the states side by side.
            scaled_WN = _scaled(logits_WN, rate, dtype, kept=room >= 0)
            targets_logits_K[asked] = scaled_WN[targets_K[asked] - tokens.start, sites_K[asked]]
            higher_N = tops_N.maximum(scaled_WN.amax(dim=0))
            # Weights are relative to the largest logit, so far, and moments to its weight.
            fall_N = (tops_N - higher_N).clamp_(min=LOWEST).double()
            moments_N = (moments_N + fall_N * totals_N) * fall_N.exp2()
            totals_N *= fall_N.exp2()
            tops_N = higher_N
            weights_WN = scaled_WN.sub_(tops_N).clamp_(min=LOWEST).exp2()
            totals_N += weights_WN.sum(dim=0)
            moments_N += scaled_WN.mul_(weights_WN).sum(dim=0)
        partitions_N = tops_N + totals_N.log2()
        # A vocabulary of one slab is not multiplied again.
        kept_WN = weights_WN.div_(totals_N.to(dtype)) if len(slabs) == 1 else None
        ctx.save_for_backward(states_ND, weight_VD, sites_K, targets_K, partitions_N, kept_WN, *first)
        ctx.slabs, ctx.rate, ctx.temperature = slabs, rate, temperature
        entropies_N = (totals_N.log() - math.log(2) * moments_N / totals_N).to(dtype)
        ctx.mark_non_differentiable(entropies_N)
        return ((targets_logits_K - partitions_N[sites_K]) * math.log(2)).to(dtype), entropies_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        states_ND, weight_VD, sites_K, targets_K, partitions_N, kept_WN, *first = ctx.saved_tensors
        wants_states, wants_weight = ctx.needs_input_grad[:2]
        gradients_K = gradients[0] / ctx.temperature
        dtype = gradients_K.dtype
        partitions_N = partitions_N.to(dtype)
        sums_N = torch.zeros_like(partitions_N).index_add_(0, sites_K, gradients_K)
        states_gradient_ND = torch.zeros_like(states_ND, dtype=dtype) if wants_states else None
        weight_gradient_VD = torch.empty_like(weight_VD) if wants_weight else None
        for number, (tokens, asked) in enumerate(ctx.slabs):
            # What a gradient of log-probabilities is to the logits: itself at the token, less its share everywhere.
            if kept_WN is None:
                is_kept = number < len(first)
                logits_WN = first[number] if is_kept else product(weight_VD[tokens], states_ND.t())
                scaled_WN = _scaled(logits_WN, ctx.rate, dtype, kept=is_kept)
                shares_WN = scaled_WN.sub_(partitions_N).clamp_(min=LOWEST).exp2_().mul_(-sums_N)
            else:
                shares_WN = kept_WN * -sums_N
            shares_WN.index_put_((targets_K[asked] - tokens.start, sites_K[asked]), gradients_K[asked], accumulate=True)
            logits_gradient_WN = shares_WN.to(states_ND.dtype)
            if weight_gradient_VD is not None:
                weight_gradient_VD[tokens] = product(logits_gradient_WN, states_ND)
            if states_gradient_ND is not None:
                states_gradient_ND += product(logits_gradient_WN.t(), weight_VD[tokens])
        if states_gradient_ND is not None:
            states_gradient_ND = states_gradient_ND.to(states_ND.dtype)
        return states_gradient_ND, weight_gradient_VD, None, None, None, None


def _scaled(logits_WN: Tensor, rate: float, dtype: torch.dtype, *, kept: bool) -> Tensor:
    """The logits times the rate, in the place of those that are not kept."""
    wide_WN = logits_WN.to(dtype)
    return wide_WN * rate if kept and wide_WN is logits_WN else wide_WN.mul_(rate)


def _slabs(targets_K: Tensor, *, num_states: int, num_tokens: int, device: torch.device) -> Iterator[Slab]:
    elements = SLAB_ELEMENTS.get(device.type, SLAB_ELEMENTS["cuda"])
    width = max(NARROWEST, elements // max(1, num_states))
    starts = range(0, num_tokens, width)
    edges = torch.tensor([*starts, num_tokens], device=targets_K.device)
    bounds: Sequence[int] = torch.searchsorted(targets_K, edges).tolist()
    for start, first, last in zip(starts, bounds, bounds[1:], strict=False):
        yield slice(start, min(start + width, num_tokens)), slice(first, last)
