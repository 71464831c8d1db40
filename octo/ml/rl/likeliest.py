"""The likeliest token of a causal model, and of equals the lowest id, whatever stands beside it in a batch.

A product of matrices adds up the same numbers otherwise at the edges of what it computes together: of two equal rows of
a head, the higher may seem likelier in a batch of three, and not alone. So where a lower id comes as near to the top as
rounding reaches, both sums are added up once more, one like the other.

Axes: B rows, V vocabulary, D width.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

REACH = {torch.float64: 64, torch.float32: 64, torch.bfloat16: 2, torch.float16: 2}
"""How far rounding reaches, in steps of a precision: sums are added up in float32 or better, and rounded once."""


@contextmanager
def likeliest_tokens(model: PreTrainedModel) -> Iterator[Callable[[Tensor], Tensor]]:
    """Within, a function from the logits that the model made last, of shape B, V, to tokens, of shape B."""
    owner: Any = model
    head = owner.get_output_embeddings()
    heard: list[Tensor] = []

    def hear(_head: object, given: tuple[Tensor, ...]) -> None:
        heard[:] = given[:1]

    def likeliest(logits_BV: Tensor) -> Tensor:
        states_BD = heard[0][:, -1]
        # Completions of one prompt are read together at first.
        return _likeliest(logits_BV, states_BD.repeat_interleave(len(logits_BV) // len(states_BD), dim=0), head.weight)

    hook = head.register_forward_pre_hook(hear)
    try:
        yield likeliest
    finally:
        hook.remove()


def _likeliest(logits_BV: Tensor, states_BD: Tensor, weight_VD: Tensor) -> Tensor:
    tops_B1, highest_B1 = logits_BV.max(dim=-1, keepdim=True)
    reach_B1 = REACH[logits_BV.dtype] * torch.finfo(logits_BV.dtype).eps * tops_B1.abs().clamp(min=1)
    lowest_B1 = (logits_BV >= tops_B1 - reach_B1).int().argmax(dim=-1, keepdim=True)

    def sums(tokens_B1: Tensor) -> Tensor:
        return (weight_VD[tokens_B1.squeeze(-1)].double() * states_BD.double()).sum(dim=-1, keepdim=True)

    return lowest_B1.where(sums(lowest_B1) >= sums(highest_B1), highest_B1).squeeze(-1)
