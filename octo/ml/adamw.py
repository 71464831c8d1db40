"""AdamW as torch fuses it, which can be told on the device to change nothing."""

from typing import Any

import torch
from torch import Tensor


class AdamW(torch.optim.AdamW):
    """Reads and writes each number once, and makes no tensor on its way."""

    def __init__(self, parameters: Any, **settings: Any) -> None:
        """Take torch's own arguments."""
        super().__init__(parameters, fused=True, **settings)
        self.found_inf: Tensor | None = None

    def skip_where(self, skipped: Tensor) -> None:
        """From now on change nothing, nor count a step, where that is true; nobody waits for it."""
        # What gradient scalers tell fused optimizers.
        self.found_inf = skipped.float()
