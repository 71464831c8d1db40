"""What the host knows of a batch, brought to where it is computed with, without waiting for what is computed there.

Who sees whom and what is asked for is decided on the host, where it is known before the device is needed. To ask the
device for it (`nonzero`, `tolist`) would wait for all that it is to do before.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


def brought(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device, which is not waited for."""
    if tensor.device == device:
        return tensor
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def wherever(tensor: Tensor) -> Callable[[torch.device], Tensor]:
    """The tensor on any device, brought there once."""
    return cache(lambda device: brought(tensor, device))
