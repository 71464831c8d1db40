"""Numbers on a device that are looked at later."""

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
