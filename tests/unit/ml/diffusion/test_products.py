"""States are filled up to what a processor multiplies fast, and nothing that is found changes."""

import pytest
import torch

from octo.ml.diffusion.products import MULTIPLE, filled_up


@pytest.mark.parametrize(("states", "rows"), [(1, 1), (7, 7), (8, 8), (9, 16), (127, 128), (128, 128)])
def test_states_are_filled_up_with_zeros(states: int, rows: int) -> None:
    given = torch.rand(states, 3)
    found = filled_up(given)
    assert len(found) == rows
    assert torch.equal(found[:states], given)
    assert not found[states:].any()
    assert rows <= MULTIPLE or not rows % MULTIPLE


def test_what_fills_up_has_no_gradient() -> None:
    given = torch.rand(9, 3, requires_grad=True)
    filled_up(given).sum().backward()
    assert torch.equal(given.grad, torch.ones(9, 3))
