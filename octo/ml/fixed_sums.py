"""Sums whose value depends on neither the order of additions nor on which rank has which summand."""

import math

import torch
from torch import Tensor, distributed

from octo.memory_exact import PIECES
from octo.ml.process_group import collective
from octo.ml.units import BLOCK
from octo.processes import world_size

_DIGITS = 52
"""Binary digits after the first of a float64."""


def block_squares(values: Tensor) -> Tensor:
    """The sum of squares of each block of a tensor, in float64: halves are added to halves, as on any device."""
    return torch.cat([_folded(piece) for piece in torch.split(values, PIECES[values.is_cuda])])


def sum_of_all(values: Tensor, *, count: int) -> Tensor:
    """The sum of all ranks' values, which are no less than 0, of float64 and `count` in all; shape ().

    Each value is cut where the sum of all of the upper ends, and that of what is left, are told by a float64 without
    rounding (Demmel and Nguyen, "Fast reproducible floating-point summation"). No number where a value is none.
    """
    largest = values.max()
    if world_size() > 1:
        with collective():
            distributed.all_reduce(largest, op=distributed.ReduceOp.MAX)
    room = math.ceil(math.log2(count)) + 1
    # Above the sum of all.
    cut = largest * 2.0**room
    upper = (values + cut) - cut
    left = values - upper
    cut *= 2.0 ** (room - _DIGITS)
    sums_2 = torch.stack((upper.sum(), ((left + cut) - cut).sum()))
    if world_size() > 1:
        with collective():
            distributed.all_reduce(sums_2)
    return sums_2.sum()


def _folded(values: Tensor) -> Tensor:
    squares = values.double().square_().view(-1, BLOCK)
    width = BLOCK
    while width > 1:
        width //= 2
        squares = squares[:, :width].add_(squares[:, width:])
    return squares[:, 0].clone()
