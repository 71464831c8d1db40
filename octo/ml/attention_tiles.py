"""Attention a tile at a time: what is kept for the backward pass are a state and a number for each query.

On a processor tiles go to torch's flash kernel, which holds no matrix of scores; elsewhere to whatever
`scaled_dot_product_attention` takes, and once more in the backward pass.

Axes: B sequences, S positions, H heads, K heads of keys and values, E width of a head; R sequences and Q queries of a
tile.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import scaled_dot_product_attention

from octo.ml.documents import LONG, STRIP, Documents, Tile

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
            mask = _mask(documents, tile, window, like=query_BHSE)
            attended_RHQE, totals_RHQ = kernel.forward(heads, mask, tile.causal and tile.is_square, scaling)
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
            mask = _mask(documents, tile, window, like=whole.query)
            causal = tile.causal and tile.is_square
            of_attended, attended, totals = (
                gradients[0][tile.rows, tile.queries].transpose(1, 2),
                attended_BSHE[tile.rows, tile.queries].transpose(1, 2),
                totals_BHS[tile.rows, :, tile.queries],
            )
            parts = kernel.backward(of_attended, _of(whole, tile), attended, totals, mask, causal, ctx.scaling)
            for gradient, part in zip(_of(found, tile), parts, strict=True):
                gradient.add_(part)
        return *found, None, None, None


def _of(whole: _Heads, tile: Tile) -> _Heads:
    return _Heads(
        whole.query[tile.rows, :, tile.queries],
        whole.key[tile.rows, :, tile.keys],
        whole.value[tile.rows, :, tile.keys],
    )


def _mask(documents: Documents, tile: Tile, window: int | None, *, like: Tensor) -> Tensor | None:
    """What is added to a tile's scores, where its kernel does not know of it."""
    if tile.masked:
        return documents.mask(tile, window, like=like)
    if not tile.causal or tile.is_square:
        return None
    queries, keys = (each.stop - each.start for each in (tile.queries, tile.keys))
    earlier = keys - queries
    return _orders(like.dtype, like.device)[None, None, :queries, LONG - earlier : LONG - earlier + keys]


@cache
def _orders(dtype: torch.dtype, device: torch.device) -> Tensor:
    """The rows of every strip's mask: a query sees LONG columns of keys that come before the strip, up to itself."""
    columns = torch.arange(LONG + STRIP, device=device) - torch.arange(STRIP, device=device)[:, None]
    return torch.zeros(columns.shape, dtype=dtype, device=device).masked_fill_(columns > LONG, -torch.inf)


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
    queries, keys = heads.query.shape[2], heads.key.shape[2]
    if attended.dtype == torch.bfloat16 and queries <= STRIP and keys <= LONG:
        if causal:
            mask = _orders(attended.dtype, attended.device)[None, None, :queries, LONG : LONG + keys]
        return _by_products(of_attended, heads, attended, totals, mask, scaling)
    return _Heads(*_FLASH_BACKWARD(of_attended, *heads, attended, totals, 0.0, causal, attn_mask=mask, scale=scaling))


def _by_products(
    of_attended: Tensor, heads: _Heads, attended: Tensor, totals: Tensor, mask: Tensor | None, scaling: float
) -> _Heads:
    """Of small tiles in bfloat16, with scores and their gradients at once: the kernel's own takes twice as long.

    The queries of heads that share keys are laid end to end, so that the keys' gradients are summed by their product.
    """
    sequences, num_heads, queries, width = heads.query.shape
    shared = heads.key.shape[1]
    stacked = (sequences * shared, num_heads // shared * queries, width)
    query, of_result, result = (each.reshape(stacked) for each in (heads.query, of_attended, attended))
    key, value = (each.reshape(-1, *each.shape[2:]) for each in (heads.key, heads.value))
    shares = torch.bmm(query, key.transpose(1, 2)).float().mul_(scaling)
    if mask is not None:
        shares.view(sequences, num_heads, queries, -1).add_(mask)
    shares = shares.sub_(totals.reshape(*stacked[:2], 1)).exp_()
    of_value = torch.bmm(shares.to(query.dtype).transpose(1, 2), of_result)
    expected = (of_result.float() * result).sum(dim=-1, keepdim=True)
    of_shares = torch.bmm(of_result, value.transpose(1, 2)).float().sub_(expected)
    of_scores = shares.mul_(of_shares).mul_(scaling).to(query.dtype)
    return _Heads(
        torch.bmm(of_scores, key).view_as(heads.query),
        torch.bmm(of_scores.transpose(1, 2), query).view_as(heads.key),
        of_value.view_as(heads.value),
    )


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
