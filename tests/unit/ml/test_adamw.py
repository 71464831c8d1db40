"""AdamW is torch's, makes nothing on its way, and can be told on the device to change nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from octo.ml.adamw import AdamW

SHAPES = [(400_005,), (7, 333), (11, 3), ()]


class Made(TorchDispatchMode):
    """Elements of the largest tensor that was made."""

    largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {each.untyped_storage().data_ptr() for each in args if isinstance(each, Tensor)}
        if isinstance(made, Tensor) and made.untyped_storage().data_ptr() not in given:
            self.largest = max(self.largest, made.numel())
        return made


def trained(kind: type[torch.optim.AdamW], *, steps: range) -> torch.optim.AdamW:
    generator = torch.Generator().manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]
    optimizer = kind(parameters, lr=0.0, betas=(0.9, 0.95), weight_decay=0.1)
    for step in steps:
        for each in parameters:
            each.grad = torch.randn(each.shape, generator=torch.Generator().manual_seed(step))
        optimizer.param_groups[0]["lr"] = 1e-2 / (step + 1)
        optimizer.step()
    return optimizer


def test_an_update_is_torchs_within_rounding_and_makes_nothing_on_its_way() -> None:
    own, torchs = (trained(kind, steps=range(4)) for kind in (AdamW, torch.optim.AdamW))
    for mine, theirs in zip(own.param_groups[0]["params"], torchs.param_groups[0]["params"], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
    largest = {}
    for optimizer in (own, torchs):
        with Made() as made:
            optimizer.step()
        largest[type(optimizer)] = made.largest
    assert largest == {AdamW: 0, torch.optim.AdamW: SHAPES[0][0]}


@pytest.mark.parametrize("skipped", [True, False])
def test_what_is_skipped_changes_nothing_and_counts_no_step(*, skipped: bool) -> None:
    optimizer: Any = trained(AdamW, steps=range(2))
    weights = [each.detach().clone() for each in optimizer.param_groups[0]["params"]]
    optimizer.skip_where(torch.tensor(skipped))
    optimizer.step()
    for each, before in zip(optimizer.param_groups[0]["params"], weights, strict=True):
        assert torch.equal(each, before) is skipped
        assert optimizer.state[each]["step"] == (2 if skipped else 3)
