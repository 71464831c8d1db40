"""DeepSpeed's Ulysses: ranks exchange their columns of all heads for all columns of some heads, and back.

Axes: B sequences, L columns of a rank, H heads, K heads of keys and values, E width of a head.
"""

from typing import Any

from deepspeed.sequence.layer import DistributedAttention
from torch import Tensor

from octo.ml.sequence_parallel import Attend


def exchanged(attend: Attend, heads: tuple[Tensor, Tensor, Tensor], ranks: Any) -> Tensor:
    """See `octo.ml.sequence_parallel.Exchange`. Of B, L, H or K, E to B, L, H, E."""
    query, key, value = heads
    size = ranks.size()
    if key.shape[2] % size:
        # Ranks that share a head of keys have a copy each, whose gradients are summed on the way back.
        key, value = (each.repeat_interleave(size // each.shape[2], dim=2) for each in (key, value))
    across: Any = DistributedAttention(attend, ranks, scatter_idx=2, gather_idx=1)
    attended: Tensor = across(query, key, value, 0)
    return attended
