"""What a training's steps take of the machine: their time, what share of the device's peak, and memory.

They come from clocks: no artifact holds them, but spans, metrics and progress do.
"""

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from octo.processes import world_size

TERAFLOPS: Mapping[str, float] = {
    "B200": 2250,
    "H200 NVL": 835,
    "H200": 989,
    "H100 PCIe": 756,
    "H100 NVL": 835,
    "H100": 989,
    "A100": 312,
    "L40S": 362,
    "L4": 121,
    "A10G": 70,
    "A10": 125,
}
"""Products of bfloat16 numbers at the peak, without sparsity, by what is in a device's name, as their maker says; the
first that fits. Of others, and of processors, nothing is guessed."""


@dataclass(frozen=True)
class Work:
    """What a step is, for whoever measures it; 0 where it is not known."""

    tokens: int = 0
    """Of a step, of all ranks together."""
    operations_of_a_token: float = 0
    """By octo's own count: 0 where that does not know the model's shape."""
    in_bfloat16: bool = False
    """Peaks are of this precision."""


UNKNOWN = Work()


@dataclass
class Meter:
    """Measures steps as they are begun and looked at."""

    work: Work
    device: torch.device
    _begun: dict[int, float] = field(default_factory=dict)

    def begin(self, step: int) -> None:
        """A step begins, and with it the one before has ended."""
        self._begun[step] = time.monotonic()

    def measured(self, step: int) -> dict[str, float]:
        """Figures of a step that was begun, by their names: those that are known."""
        seconds = self._begun.get(step + 1, time.monotonic()) - self._begun.pop(step)
        found = {}
        if self.work.tokens and seconds > 0:
            found["tokens_per_second"] = self.work.tokens / seconds
            peak = peak_of(self.device) if self.work.in_bfloat16 else 0
            if peak and self.work.operations_of_a_token:
                operations = self.work.operations_of_a_token * found["tokens_per_second"]
                found["share_of_peak"] = operations / (peak * world_size())
        return {**found, "memory_bytes": float(memory_of(self.device))}


def peak_of(device: torch.device) -> float:
    """Operations a second; 0 where nobody has said."""
    if device.type != "cuda":
        return 0
    name = torch.cuda.get_device_name(device)
    return next((1e12 * each for part, each in TERAFLOPS.items() if part in name), 0)


def memory_of(device: torch.device) -> int:
    """Bytes of this rank at their most: of the device what was allocated, without one what was resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return resident if sys.platform == "darwin" else resident * 1024
