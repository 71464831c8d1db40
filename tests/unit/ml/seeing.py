"""Documents as the matrix that octo never makes: what it computes without one is compared with what it says."""

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from octo.ml.documents import Documents


def seen(documents: Documents, *, window: int | None = None) -> Tensor:
    """True where the query position (dim 2) sees the key position (dim 3); shape B, 1, S, S."""
    slices_BS, ranks_BS = documents.slices_BS, documents.ranks_BS
    places_S = torch.arange(slices_BS.shape[1])
    same_BSS = slices_BS[:, :, None] == slices_BS[:, None, :]
    if documents.sees:
        sees = documents.sees
        found_BSS = torch.stack([sees(row, places_S[:, None], places_S[None]) for row in range(len(slices_BS))])
    else:
        found_BSS = ranks_BS[:, None, :] <= ranks_BS[:, :, None]
    near_SS = (places_S[:, None] - places_S[None]).abs() < (window or len(places_S))
    return (same_BSS & found_BSS & near_SS)[:, None]


def attended(query: Tensor, key: Tensor, value: Tensor, documents: Documents, *, window: int | None) -> Tensor:
    """What each position takes from those that it sees; shape B, S, H, E."""
    groups = query.shape[1] // key.shape[1]
    keys, values = (each.repeat_interleave(groups, dim=1) for each in (key, value))
    mask = seen(documents, window=window)
    return scaled_dot_product_attention(query, keys, values, attn_mask=mask).transpose(1, 2)
