"""The loss of a step by source: of the tokens' losses that are there anyway, a sum and a count for each sequence.

What is added up on the device, and over the ranks, does not depend on their number: each sequence's losses by its rank,
and the sequences in their order by whoever reads them. So the figures are a part of what a digest stands for.

Axes: B sequences, S positions, N tokens that carry loss.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, distributed

from octo.data.mixture import Mixture
from octo.ml.late import Late
from octo.ml.process_group import collective
from octo.processes import rank, world_size

DIGITS = 6
"""Significant ones of a figure: there is one for each source and step."""


class SourceLosses:
    """The losses of one step's sequences, which come a micro-batch at a time."""

    def __init__(self, mixture: Mixture, micro_batches: list[range], *, together: int = 1) -> None:
        """Of the step's micro-batches, of all ranks, by the global indexes of their sequences.

        So many ranks compute each of them together, and have the same sums.
        """
        self._together = together
        self._mixture = mixture
        self._micro_batches = micro_batches
        self._sums: dict[range, Tensor] = {}
        self._late: Late | None = None

    def note(self, wanted: range, sums_B2: Tensor) -> None:
        """The sums of a micro-batch of this rank."""
        self._sums[wanted] = sums_B2

    def send(self) -> None:
        """Bring the sums of all ranks together once this rank's micro-batches are through; every rank takes part."""
        own = torch.stack([self._sums[wanted] for wanted in self._own()])
        self._sums.clear()
        every = [torch.empty_like(own) for _ in range(world_size())]
        if world_size() == 1:
            every = [own]
        else:
            with collective():
                distributed.all_gather(every, own)
        # Dealt in turn, a micro-batch to each rank.
        self._late = Late(torch.stack(every[:: self._together], dim=1).flatten(0, 2))

    def _own(self) -> list[range]:
        return self._micro_batches[rank() // self._together :: world_size() // self._together]

    def by_source(self) -> Mapping[str, float]:
        """The mean loss of a token of each source that has any in this step; they are waited for."""
        if self._late is None:
            return {}
        indexes_N = np.concatenate([np.arange(each.start, each.stop, dtype=np.int64) for each in self._micro_batches])
        source_N, sums_N2 = self._mixture.at(indexes_N).source_N, self._late.read.numpy()
        found = {}
        for number, source in enumerate(self._mixture.sources):
            total, count = sums_N2[source_N == number].sum(axis=0)
            if count:
                found[source] = float(f"{total / count:.{DIGITS}g}")
        return found
