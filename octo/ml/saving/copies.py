"""Copies of what is saved, in this machine's memory, so that the training may change it at once."""

from collections.abc import Mapping

import torch
from torch import Tensor


class HostCopies:
    """Room for copies, taken with the first and used again by each that follows: as much as what is copied."""

    def __init__(self) -> None:
        """No memory is taken yet."""
        self._room: dict[str, Tensor] = {}
        self._copied: torch.cuda.Event | None = None

    def copy(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Copies by the same names, in place of those before. Off an accelerator they are there once it was waited for.

        The accelerator copies before it does what it is asked for next, so nobody has to wait before going on.
        """
        self._room = {name: _room_for(tensor, self._room.get(name)) for name, tensor in tensors.items()}
        for name, tensor in tensors.items():
            self._room[name].copy_(tensor, non_blocking=True)
        self._copied = None
        if any(tensor.is_cuda for tensor in tensors.values()):
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record()
        return self._room

    def wait(self) -> None:
        """Return when the copies are there."""
        if self._copied is not None:
            self._copied.synchronize()


def _room_for(tensor: Tensor, taken: Tensor | None) -> Tensor:
    if taken is not None and (taken.shape, taken.dtype) == (tensor.shape, tensor.dtype):
        return taken
    # Of memory that stays where it is, an accelerator copies beside what it computes.
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=tensor.is_cuda)
