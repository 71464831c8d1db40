"""Computing that reads no number: on an accelerator each such read waits for all that was begun before."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_READS = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.is_nonzero.default}


class NothingRead(TorchDispatchMode):
    """Within, whatever asks a tensor for a number fails, as `item`, `float` and `if` do."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        assert func not in _READS, "a number was read"
        return func(*args, **(kwargs or {}))
