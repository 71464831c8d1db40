"""Attention a tile at a time: what is kept for the backward pass are a state and a number for each query.

On a processor tiles go to torch's flash kernel, which holds no matrix of scores; elsewhere to whatever
`scaled_dot_product_attention` takes, and once more in the backward pass.

Axes: B sequences, S positions, H heads, K heads of keys and values, E width of a head; R sequences and Q queries of a
tile.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from octo.ml.documents import Documents, Tile

# By name, for what `scaled_dot_product_attention` calls them with it does not give: the sums that backwards needs.
_FLASH = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu  # noqa: SLF001
_FLASH_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward  # noqa: SLF001


def attended_by_tiles(
    query_BHSE: Tensor,
    key_BKSE: Tensor,
    value_BKSE: Tensor,
    documents: Documents,
    *,
    window: int | None,
    scaling: float,
) -> Tensor:
    """What each position takes from those that it sees; shape B, S, H, E, zeros where nobody asks."""
    attended_BSHE: Tensor = _Attended.apply(query_BHSE, key_BKSE, value_BKSE, documents, window, scaling)  # type: ignore[no-untyped-call]  # torch's
    return attended_BSHE


class _Heads(NamedTuple):
    """Queries, keys and values of a tile, or their gradients."""

    query: Tensor
    key: Tensor
    value: Tensor


class _Attended(torch.autograd.Function):
    """Attention a tile at a time, forwards and backwards. Kept are a state and a number for each query."""

    @staticmethod
    def forward(
        ctx: Any,
        query_BHSE: Tensor,
        key_BKSE: Tensor,
        value_BKSE: Tensor,
        documents: Documents,
        window: int | None,
        scaling: float,
    ) -> Tensor:
        kernel = _KERNELS.get(query_BHSE.device.type, _ANYWHERE)
        attended_BSHE = query_BHSE.new_zeros(query_BHSE.transpose(1, 2).shape)
        totals_BHS = query_BHSE.new_zeros(
            query_BHSE.shape[:3], dtype=torch.promote_types(query_BHSE.dtype, torch.float32)
        )
        whole = _Heads(query_BHSE, key_BKSE, value_BKSE)
        for tile in documents.tiles(window):
            heads = _of(whole, tile)
            mask = documents.mask(tile, window, like=query_BHSE) if tile.masked else None
            attended_RHQE, totals_RHQ = kernel.forward(heads, mask, tile.causal, scaling)
            attended_BSHE[tile.rows, tile.queries] = attended_RHQE.transpose(1, 2)
            totals_BHS[tile.rows, :, tile.queries] = totals_RHQ
        ctx.save_for_backward(query_BHSE, key_BKSE, value_BKSE, attended_BSHE, totals_BHS)
        ctx.documents, ctx.window, ctx.scaling = documents, window, scaling
        return attended_BSHE

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        *heads, attended_BSHE, totals_BHS = ctx.saved_tensors
        whole = _Heads(*heads)
        documents, window = ctx.documents, ctx.window
        kernel = _KERNELS.get(whole.query.device.type, _ANYWHERE)
        found = _Heads(*map(torch.zeros_like, whole))
        for tile in documents.tiles(window):
            mask = documents.mask(tile, window, like=whole.query) if tile.masked else None
            of_attended, attended, totals = (
                gradients[0][tile.rows, tile.queries].transpose(1, 2),
                attended_BSHE[tile.rows, tile.queries].transpose(1, 2),
                totals_BHS[tile.rows, :, tile.queries],
            )
            parts = kernel.backward(of_attended, _of(whole, tile), attended, totals, mask, tile.causal, ctx.scaling)
            for gradient, part in zip(_of(found, tile), parts, strict=True):
                gradient.add_(part)
        return *found, None, None, None


def _of(whole: _Heads, tile: Tile) -> _Heads:
    return _Heads(
        whole.query[tile.rows, :, tile.queries],
        whole.key[tile.rows, :, tile.keys],
        whole.value[tile.rows, :, tile.keys],
    )


class _Kernel(NamedTuple):
    """How a tile is attended to on a device."""

    forward: Callable[[_Heads, Tensor | None, bool, float], tuple[Tensor, Tensor]]
    """What was attended to, and the logarithm of the sum of each query's exponentials, if it is needed."""
    backward: Callable[[Tensor, _Heads, Tensor, Tensor, Tensor | None, bool, float], _Heads]


def _flash(heads: _Heads, mask: Tensor | None, causal: bool, scaling: float) -> tuple[Tensor, Tensor]:  # noqa: FBT001 - a kernel's
    found: tuple[Tensor, Tensor] = _FLASH(*heads, 0.0, causal, attn_mask=mask, scale=scaling)
    return found


def _flash_backward(
    of_attended: Tensor,
    heads: _Heads,
    attended: Tensor,
    totals: Tensor,
    mask: Tensor | None,
    causal: bool,  # noqa: FBT001 - a kernel's
    scaling: float,
) -> _Heads:
    return _Heads(*_FLASH_BACKWARD(of_attended, *heads, attended, totals, 0.0, causal, attn_mask=mask, scale=scaling))


def _product(heads: _Heads, mask: Tensor | None, causal: bool, scaling: float) -> tuple[Tensor, Tensor]:  # noqa: FBT001 - a kernel's
    query, key, value = heads
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (each.repeat_interleave(groups, dim=1) for each in (key, value))
    attended = scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal, scale=scaling)
    return attended, attended.new_zeros(())


def _product_backward(
    of_attended: Tensor,
    heads: _Heads,
    _attended: Tensor,
    _totals: Tensor,
    mask: Tensor | None,
    causal: bool,  # noqa: FBT001 - a kernel's
    scaling: float,
) -> _Heads:
    """By doing the tile once more: no other kernel's backward pass is torch's public interface."""
    with torch.enable_grad():
        again = _Heads(*(each.detach().requires_grad_() for each in heads))
        attended, _ = _product(again, mask, causal, scaling)
    return _Heads(*torch.autograd.grad(attended, again, of_attended))


_ANYWHERE = _Kernel(_product, _product_backward)
_KERNELS = {"cpu": _Kernel(_flash, _flash_backward)}
