"""ZeRO's partitions of one flat tensor, dealt again to another number of ranks.

At ZeRO stages 1 and 2 DeepSpeed lays all weights end to end, pads them to a multiple of 2 * ranks, and gives each rank
an equal share; AdamW's running means follow them.
"""

from collections.abc import Mapping

from torch import Tensor

from octo.errors import InvariantError

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


def own_share(
    partitions: Mapping[int, Mapping[str, Tensor]],
    name: str,
    num_weights: int,
    *,
    saved_by: int,
    rank: int,
    ranks: int,
) -> Tensor:
    """This rank's share of one tensor, from the ranks' that are needed for it; looked up one after the other.

    What is no share, all ranks have alike.
    """
    own, theirs = share_size(num_weights, ranks), share_size(num_weights, saved_by)
    start = rank * own
    result: Tensor | None = None
    for place in sorted(partitions):
        tensor = partitions[place][name]
        if tensor.dim() == 0:
            return tensor
        result = tensor.new_zeros(own) if result is None else result
        first, last = max(start, place * theirs), min(start + own, (place + 1) * theirs)
        if first < last:
            result[first - start : last - start] = tensor[first - place * theirs : last - place * theirs]
    if result is None:
        raise InvariantError(f"no partition was given to take {name} from")
    return result
