"""ZeRO's partitions of one flat tensor, dealt again to another number of ranks.

At ZeRO stages 1 and 2 DeepSpeed lays all weights end to end, pads them to a multiple of 2 * ranks, and gives each rank
an equal share; AdamW's running means follow them.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_ALIGNMENT = 2
"""DeepSpeed's, in elements a rank."""


def share_size(num_weights: int, ranks: int) -> int:
    """Elements of one rank's partition."""
    return -(-num_weights // (_ALIGNMENT * ranks)) * _ALIGNMENT


def ranks_needed(num_weights: int, *, saved_by: int, rank: int, ranks: int) -> range:
    """The ranks, of those that saved, whose partitions overlap with this rank's."""
    own, theirs = share_size(num_weights, ranks), share_size(num_weights, saved_by)
    first = rank * own // theirs
    last = -(-min((rank + 1) * own, num_weights) // theirs)
    # A rank of padding alone still learns the count of steps from somebody.
    return range(min(first, saved_by - 1), max(last, min(first, saved_by - 1) + 1))


def own_partition(
    partitions: Mapping[int, Mapping[str, Tensor]], num_weights: int, *, saved_by: int, rank: int, ranks: int
) -> dict[str, Tensor]:
    """This rank's partition, from those of the ranks that are needed for it. What is no share, all ranks have alike."""
    own, theirs = share_size(num_weights, ranks), share_size(num_weights, saved_by)
    needed = sorted(partitions)
    start = rank * own - needed[0] * theirs
    result = {}
    for name, first in partitions[needed[0]].items():
        if first.dim() == 0:
            result[name] = first
            continue
        whole = torch.cat([partitions[each][name] for each in needed])[start : start + own]
        result[name] = torch.cat([whole, whole.new_zeros(own - len(whole))])
    return result
