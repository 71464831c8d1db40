"""Gradients of micro-batches, added up in the order of their numbers, whoever computed them.

A rank that has computed a micro-batch sends each owner of a share its piece. The owner has as many pieces as there are
ranks, of micro-batches that follow each other, and adds them one at a time to one float32 sum. So the additions are
those of one rank that computes all micro-batches, and what is held is one share of a sum.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed

from octo.errors import InvariantError
from octo.memory_exact import PIECES, SENT
from octo.ml.process_group import collective
from octo.ml.units import BLOCK, Unit
from octo.processes import world_size

_CACHED = PIECES[False]
_NEUTRAL = -0.0
"""What is added without changing any number, not even one that is 0 or -0."""


class UnitGradients:
    """Of one unit: what has come of this micro-batch, and the sum of all before."""

    def __init__(self, unit: Unit) -> None:
        """Nothing has come yet."""
        self.unit = unit
        self.total: Tensor | None = None
        """Of this rank's share, in float32; None before the first micro-batch of a step."""
        self._arrived: Tensor | None = None
        self._missing = set(unit.layout.shapes)
        self._is_first = True

    @property
    def are_complete(self) -> bool:
        """Whether this micro-batch's gradients of all weights have come."""
        return not self._missing

    def arrive(self, name: str, gradient: Tensor) -> None:
        """Take the gradient of a weight; one rank adds it at once, several send it with the unit's others."""
        self._missing.discard(name)
        _add(self._place(name), gradient.reshape(-1), first=self._is_first or world_size() > 1)

    def reduce(self) -> None:
        """Add this micro-batch's to the sum. Every rank takes part, and does so unit by unit in the same order."""
        for name in self._missing if self._is_first or world_size() > 1 else ():
            self._place(name).fill_(_NEUTRAL)
        if world_size() > 1:
            self._exchange()
        self._missing, self._is_first = set(self.unit.layout.shapes), False

    def take(self) -> Tensor:
        """The sum, which is given up."""
        if self.total is None:
            raise InvariantError(f"no gradient of {self.unit.name} was added up")
        total, self.total, self._is_first = self.total, None, True
        return total

    def _place(self, name: str) -> Tensor:
        """Where the gradient of a weight is put."""
        unit = self.unit
        if world_size() == 1:
            if self.total is None:
                self.total = torch.zeros(unit.size, device=unit.flat.device)
            held = self.total
        else:
            if self._arrived is None:
                self._arrived = torch.zeros(unit.size, dtype=unit.flat.dtype, device=unit.flat.device)
            held = self._arrived
        start = unit.layout.starts[name]
        return held[start : start + unit.layout.shapes[name].numel()]

    def _exchange(self) -> None:
        unit, ranks = self.unit, world_size()
        if self._arrived is None:
            raise InvariantError(f"no gradient of {unit.name} is there to be added up")
        arrived_RE, self._arrived = self._arrived.view(ranks, unit.share), None
        if self.total is None:
            self.total = torch.empty(unit.share, device=unit.flat.device)
        width = max(BLOCK, SENT // ranks // BLOCK * BLOCK)
        for first in range(0, unit.share, width):
            sent_RE = arrived_RE[:, first : first + width].contiguous()
            received_RE = torch.empty_like(sent_RE)
            with collective():
                distributed.all_to_all_single(received_RE.view(torch.uint8), sent_RE.view(torch.uint8))
            total = self.total[first : first + width]
            for number, piece in enumerate(received_RE):
                _add(total, piece, first=self._is_first and number == 0)


class Gradients:
    """Of all units of a model that is being trained."""

    def __init__(self, units: Sequence[Unit], *, finished: Callable[[Unit], None]) -> None:
        """Have the weights' gradients come here.

        Args:
            units: of the weights that are trained.
            finished: told of each unit when its gradients of a micro-batch have come.
        """
        self.of_units = [UnitGradients(unit) for unit in units]
        self.look: Callable[[str, Tensor], None] | None = None
        """What gradients are shown to, where they are not to be added up."""
        self._finished = finished
        self._left = len(units)
        self._hooks: list[Any] = []
        for held in self.of_units:
            for name, parameter in zip(held.unit.layout.shapes, held.unit.parameters, strict=True):
                weight: Any = parameter
                self._hooks.append(weight.register_post_accumulate_grad_hook(_Arrival(self, held, name)))

    def leave(self) -> None:
        """Let the weights' gradients be somebody else's."""
        for hook in self._hooks:
            hook.remove()

    def arrive(self, held: UnitGradients, name: str, gradient: Tensor) -> None:
        """Take one as the way back makes it."""
        if self.look:
            self.look(name, gradient)
            return
        held.arrive(name, gradient)
        if held.are_complete:
            self._finished(held.unit)
            self._reduce(only_complete=True)

    def finish(self) -> None:
        """The way back of a micro-batch is through: what has not come by now is no gradient."""
        self._reduce(only_complete=False)
        self._left = len(self.of_units)

    def _reduce(self, *, only_complete: bool) -> None:
        # The last unit first, as the way back comes to them; on every rank in the same order, whatever it misses.
        while self._left and (self.of_units[self._left - 1].are_complete or not only_complete):
            self._left -= 1
            self.of_units[self._left].reduce()


class _Arrival:
    """Takes the gradient of a weight off it."""

    def __init__(self, gradients: Gradients, held: UnitGradients, name: str) -> None:
        self._gradients, self._held, self._name = gradients, held, name

    def __call__(self, parameter: Tensor) -> None:
        gradient, parameter.grad = parameter.grad, None
        if gradient is not None:
            self._gradients.arrive(self._held, self._name, gradient)


def _add(total: Tensor, piece: Tensor, *, first: bool) -> None:
    if first:
        total.copy_(piece)
    elif total.dtype == piece.dtype or piece.is_cuda:
        total.add_(piece)
    else:
        # A sum of two precisions is slow on a processor.
        for part, narrow in zip(torch.split(total, _CACHED), torch.split(piece, _CACHED), strict=True):
            part.add_(narrow.float())
