"""What DeepSpeed's ZeRO holds twice where the weights are float32, held once.

At stages 1 and 2 it copies a rank's share of the weights, which AdamW updates and which are copied back: with float32
the copy has the same numbers. It lays the gradients end to end three times over, in the buckets that are sent, then for
the norm and then for AdamW; for bfloat16 it adds what was sent to one tensor that lies as AdamW needs it, at once.
"""

from typing import Any

import torch
from torch import Tensor

from octo.memory_plain import bucket_elements
from octo.processes import world_size


def bucket_size() -> int:
    """Elements of gradients that are sent together."""
    return bucket_elements(world_size())


def hold_once(zero: Any) -> None:
    """Have DeepSpeed's optimizer of stage 1 or 2 do without the copies. What it computes stays the same, to the bit.

    Args:
        zero: of float32 weights, before its first step, and without an optimizer that is offloaded.
    """
    own = torch.distributed.get_rank(zero.dp_process_group)
    for master, shares in zip(
        zero.single_partition_of_fp32_groups, zero.parallel_partitioned_bit16_groups, strict=True
    ):
        master.data = shares[own]
    # What tells where a parameter's share lies keeps the copies alive.
    zero._link_all_hp_params()  # noqa: SLF001 - DeepSpeed's own

    def release(parameter: Tensor, _group: int | None = None) -> None:
        parameter.grad = None

    zero._use_compact_grad_partition_buffer = lambda _group: True  # noqa: SLF001 - DeepSpeed's own, for bfloat16
    zero.copy_grads_in_partition = release
