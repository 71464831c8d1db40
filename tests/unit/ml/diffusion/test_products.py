"""Products are made in the shape and the precision in which a processor is fast."""

import pytest
import torch

from octo.ml.diffusion.products import MULTIPLE, filled_up, multiplied
from octo.ml.diffusion.sampler import denoise
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.models import small_model, some_requests


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


@pytest.mark.parametrize("name", ["amx_bf16", "avx512_bf16", "bf16"])
def test_a_processor_that_multiplies_bfloat16_is_given_the_model_as_it_is(monkeypatch, name) -> None:
    half = small_model().bfloat16()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64", "avx2": True, name: True})
    assert multiplied(half) is half


def test_another_decodes_a_copy_in_float32_and_leaves_the_model_alone(monkeypatch) -> None:
    half, settings = small_model().bfloat16(), DenoisingSettings(temperature=1.0, top_p=0.95)
    expected = denoise(small_model().bfloat16().float(), some_requests(4), settings=settings, seed=0)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64", "avx512_bf16": False})
    assert denoise(half, some_requests(4), settings=settings, seed=0) == expected
    assert {each.dtype for each in half.parameters()} == {torch.bfloat16}
    whole = small_model()
    assert multiplied(whole) is whole
