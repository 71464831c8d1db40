"""Numbers on a device that are looked at later."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


class Late:
    """Numbers that are on their way from a device. Reading waits for what made them, and for nothing begun after."""

    def __init__(self, numbers: Tensor) -> None:
        """Begin to bring them."""
        self._numbers = numbers
        self._copied: Any = None
        if numbers.is_cuda:
            self._numbers = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
            self._numbers.copy_(numbers, non_blocking=True)
            event: Any = torch.cuda.Event
            self._copied = event()
            self._copied.record()

    @cached_property
    def read(self) -> Tensor:
        """The numbers, in the processor's memory."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._numbers


class LateSum:
    """What micro-batches add to a figure, a number each, brought from the device when all are there."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._parts: list[Tensor] = []
        self._late: Late | None = None

    def add(self, part: Tensor) -> None:
        """One more, of shape ()."""
        self._parts.append(part.detach())

    def send(self) -> None:
        """Begin to bring them."""
        self._late = Late(torch.stack(self._parts)) if self._parts else None

    @property
    def read(self) -> Sequence[float]:
        """The numbers, which are waited for."""
        return self._late.read.tolist() if self._late else []
