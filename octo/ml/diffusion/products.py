"""Matrix products at the speed that a processor has: in which shape, and in which precision.

Axes: N states, D width.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import PreTrainedModel

MULTIPLE = 8
"""Of states that are multiplied with a head at once. A product with one state less took 1.2 to 1.8 times as long."""
OF_BFLOAT16 = ("amx_bf16", "avx512_bf16", "bf16")
"""What processors are called by torch that have products of bfloat16, any of these."""


def filled_up(states_ND: Tensor) -> Tensor:
    """The states, and below them zeros up to a multiple of `MULTIPLE`; so few as that are multiplied as they are."""
    return pad(states_ND, (0, 0, 0, -len(states_ND) % MULTIPLE)) if len(states_ND) > MULTIPLE else states_ND


def multiplied(model: PreTrainedModel) -> PreTrainedModel:
    """The model, or of one in bfloat16 a copy in float32 where the processor has no products of bfloat16.

    There such a product took six times as long as one of float32, which moreover rounds less.
    """
    weight = next(model.parameters())
    if weight.dtype != torch.bfloat16 or weight.device.type != "cpu":
        return model
    capabilities = torch.cpu.get_capabilities()
    if any(capabilities.get(name) for name in OF_BFLOAT16):
        return model
    copy: Any = deepcopy(model)
    converted: PreTrainedModel = copy.float()
    return converted
