"""AdamW whose own memory is bounded, which is torch's to the bit."""

from typing import Any

import torch
from torch import Tensor

from octo.memory_model import PIECE


class AdamW(torch.optim.AdamW):
    """On a processor torch makes two more tensors of a tensor's size on its way, and reads memory a dozen times.

    Here it is given each tensor a piece at a time, which stays in a core's cache. A piece is a multiple of every
    vector's width, so all but a tensor's last elements are computed as in one piece. Elsewhere it does as it does.
    """

    def _init_group(
        self,
        group: dict[str, Any],
        params_with_grad: list[Tensor],
        grads: list[Tensor],
        exp_avgs: list[Tensor],
        exp_avg_sqs: list[Tensor],
        max_exp_avg_sqs: list[Tensor],
        state_steps: list[Tensor],
    ) -> bool:
        lists = (params_with_grad, grads, exp_avgs, exp_avg_sqs)
        has_complex: bool = super()._init_group(  # type: ignore[no-untyped-call]  # torch's
            group, *lists, max_exp_avg_sqs, state_steps
        )
        rows = list(zip(*lists, state_steps, strict=True))
        for each in (*lists, state_steps):
            each.clear()
        for *tensors, step in rows:
            for number, pieces in enumerate(_pieces(tensors)):
                for given, piece in zip(lists, pieces, strict=True):
                    given.append(piece)
                # Each piece counts the step once.
                state_steps.append(step.clone() if number else step)
        return has_complex


def _pieces(tensors: list[Tensor]) -> list[tuple[Tensor, ...]]:
    """Tensors of one shape, cut alike."""
    whole = tensors[0].numel() <= PIECE or not all(each.is_cpu and each.is_contiguous() for each in tensors)
    if whole:
        return [tuple(tensors)]
    return list(zip(*(torch.split(each.detach().view(-1), PIECE) for each in tensors), strict=True))
