"""What each rank saves of a training: its share, so that together they save everything once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from octo.ml.engine import Engine
from octo.processes import rank, world_size

WEIGHTS = "model"
STATE = "state"

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Portion:
    """What one rank saves at the end of a step."""

    step: int
    tensors: Mapping[str, Tensors]
    """By name, by what they are of: the model, or the optimizer of a rank."""
    state: bytes
    """The loop's own, as JSON; of rank 0 alone, empty elsewhere."""

    @property
    def num_bytes(self) -> int:
        """Of all of it."""
        return len(self.state) + sum(each.nbytes for tensors in self.tensors.values() for each in tensors.values())


def own_portion(engine: Engine, step: int, state: Mapping[str, Any]) -> Portion:
    """This rank's portion: its partition of the optimizer, and its share of what all ranks hold. Nothing is copied."""
    weights, partition = engine.held_weights(), engine.partition()
    if engine.partitions_are_alike:
        partition = dealt(partition, ranks=world_size(), rank=rank())
    tensors = {WEIGHTS: dealt(weights, ranks=world_size(), rank=rank()), optimizer_of(engine, rank()): partition}
    return Portion(step, tensors, json.dumps(dict(state)).encode() if rank() == 0 else b"")


def optimizer_of(engine: Engine, of_rank: int) -> str:
    """What the optimizer's partition of a rank goes by in a checkpoint."""
    return f"optimizer-{0 if engine.partitions_are_alike else of_rank}"


def dealt(tensors: Tensors, *, ranks: int, rank: int) -> dict[str, Tensor]:
    """Those of the tensors that one of the ranks saves, about as many bytes as the others; in their order."""
    bytes_of = [0] * ranks
    own = set()
    # The largest first: the small ones fill up what those leave uneven.
    for name in sorted(tensors, key=lambda name: -tensors[name].nbytes):
        least = bytes_of.index(min(bytes_of))
        bytes_of[least] += tensors[name].nbytes
        if least == rank:
            own.add(name)
    return {name: tensor for name, tensor in tensors.items() if name in own}
