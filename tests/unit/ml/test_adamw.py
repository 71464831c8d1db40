"""AdamW a piece at a time is torch's AdamW, and makes nothing that is larger than a piece."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from octo.ml.adamw import PIECE, AdamW

SHAPES = [(3 * PIECE + 5,), (7, PIECE // 4 + 3), (PIECE,), (11, 3), ()]


class Made(TorchDispatchMode):
    """Elements of the largest tensor that was made."""

    largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {each.untyped_storage().data_ptr() for each in args if isinstance(each, Tensor)}
        if isinstance(made, Tensor) and made.untyped_storage().data_ptr() not in given:
            self.largest = max(self.largest, made.numel())
        return made


def trained(kind: type[torch.optim.AdamW], *, steps: range, given: dict[int, Any] | None = None) -> torch.optim.AdamW:
    generator = torch.Generator().manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    optimizer = kind(parameters, lr=0.0, betas=(0.9, 0.95), weight_decay=0.1)
    for step in steps:
        for number, each in enumerate(parameters):
            # One is not used in one step: its count of steps stays behind.
            skipped = (number, step) == (1, 2)
            each.grad = None if skipped else torch.randn(each.shape, generator=torch.Generator().manual_seed(step))
        optimizer.param_groups[0]["lr"] = 1e-2 / (step + 1)
        optimizer.step()
    return optimizer


@pytest.mark.parametrize("threads", [1, 2])
def test_an_update_by_pieces_is_torchs_to_the_bit(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        own, torchs = (trained(kind, steps=range(4)) for kind in (AdamW, torch.optim.AdamW))
    finally:
        torch.set_num_threads(before)
    pairs = zip(own.param_groups[0]["params"], torchs.param_groups[0]["params"], strict=True)
    for mine, theirs in pairs:
        assert torch.equal(mine, theirs)
        assert own.state[mine].keys() == torchs.state[theirs].keys()
        assert all(torch.equal(own.state[mine][name], torchs.state[theirs][name]) for name in own.state[mine])
    assert [own.state[each]["step"].item() for each in own.param_groups[0]["params"]] == [4, 3, 4, 4, 4]


def test_nothing_that_is_made_on_the_way_is_larger_than_a_piece() -> None:
    largest = {}
    for kind in (AdamW, torch.optim.AdamW):
        optimizer = trained(kind, steps=range(1))
        with Made() as made:
            optimizer.step()
        largest[kind] = made.largest
    assert largest == {AdamW: PIECE, torch.optim.AdamW: SHAPES[0][0]}


def test_a_tensor_that_does_not_lie_in_a_row_is_updated_whole() -> None:
    turned = [torch.nn.Parameter(torch.arange(2.0 * PIECE).view(2, -1).T.clone(memory_format=torch.preserve_format))]
    optimizer = AdamW(turned, lr=0.1)
    turned[0].grad = torch.ones_like(turned[0])
    optimizer.step()
    assert not turned[0].is_contiguous()
    assert turned[0][1, 1].item() == pytest.approx(PIECE + 1 - 0.1 - 0.001 * (PIECE + 1), rel=1e-6)
