"""What the ranks of a training tell each other beside it, from processor to processor.

The training's own collectives may run on accelerators, which are waited for whenever a number of theirs is read. These
have groups of their own, one for each thread that speaks.
"""

from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from octo.ml.process_group import collective
from octo.processes import world_size

_PATIENCE = timedelta(days=1)
"""Uploads of some ranks may take much longer than those of others; one that is gone is known at once."""


class Agreement:
    """A group of all ranks, for one thread. Where there is one rank nothing is sent."""

    def __init__(self) -> None:
        """Every rank makes as many, in the same order.

        Raises:
            PreemptedError: another rank is gone; as from every method.
        """
        self._group: Any = None
        if world_size() > 1:
            with collective():
                self._group = distributed.new_group(backend="gloo", timeout=_PATIENCE)

    def most(self, value: int) -> int:
        """The greatest of the ranks' values, on every rank."""
        if self._group is None:
            return value
        cell = torch.tensor(value)
        with collective():
            distributed.all_reduce(cell, op=distributed.ReduceOp.MAX, group=self._group)
        return int(cell.item())

    def exchange(self, text: str) -> list[str]:
        """The texts of all ranks, by rank, on every rank."""
        if self._group is None:
            return [text]
        body = text.encode()
        longest = self.most(len(body))
        # A space ends no JSON and no sentence.
        cells = torch.frombuffer(bytearray(body.ljust(max(1, longest))), dtype=torch.uint8)
        gathered = [torch.empty_like(cells) for _ in range(world_size())]
        with collective():
            distributed.all_gather(gathered, cells, group=self._group)
        return [each.numpy().tobytes().decode().rstrip(" ") for each in gathered]

    def first(self, text: str) -> str:
        """The first rank's text that is not empty; empty where all are."""
        return next(filter(None, self.exchange(text)), "")
