"""Products of float32 by the faster library are those of the other one, and so are the gradients of what uses them."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen2Config

from octo.ml import products
from octo.ml.heads import Asked, model_logprobs
from octo.ml.products import multiply_fast, onednn_is_faster, product
from tests.unit.ml.test_attention import SMALL


@pytest.fixture
def by_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor that is not Intel's."""
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_a_product_is_that_of_float64_however_its_factors_lie(by_onednn: None, turned: tuple[bool, bool]) -> None:
    generator = torch.Generator().manual_seed(0)
    factors = [torch.randn(shape, generator=generator) for shape in ((70, 33), (33, 20))]
    left, right = (each.t().contiguous().t() if turn else each for each, turn in zip(factors, turned, strict=True))
    expected = left.double() @ right.double()
    torch.testing.assert_close(product(left, right).double(), expected, rtol=1e-5, atol=1e-5)
    wide = product(left.to(torch.bfloat16), right.to(torch.bfloat16))
    assert wide.dtype == torch.bfloat16


def test_a_model_learns_by_either_library_what_it_learns_in_float64(by_onednn: None) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(Qwen2Config(**SMALL))  # its projections have a bias
    exact = deepcopy(model).double()
    multiply_fast(model)
    tokens_BS = torch.arange(24).view(2, 12) * 7 % 48
    sites_N, targets_N = torch.arange(23), tokens_BS.flatten()[1:]
    asked = Asked(sites_N, torch.arange(23), targets_N)
    for each in (model, exact):
        model_logprobs(each, asked, input_ids=tokens_BS)[0].sum().backward()
    for (name, found), expected in zip(model.named_parameters(), exact.parameters(), strict=True):
        assert found.grad is not None, name
        assert expected.grad is not None
        difference = (found.grad.double() - expected.grad).norm()
        assert difference < 1e-5 * expected.grad.norm() + 1e-9, name
    first = model(input_ids=tokens_BS).logits
    assert torch.equal(first, model(input_ids=tokens_BS).logits)
    torch.testing.assert_close(first.double(), exact(input_ids=tokens_BS).logits, rtol=1e-4, atol=1e-5)


def test_a_frozen_layer_has_no_gradient_and_passes_that_of_its_states_on(by_onednn: None) -> None:
    layer = torch.nn.Linear(6, 4).requires_grad_(requires_grad=False)
    multiply_fast(layer)
    states = torch.randn(2, 3, 6, requires_grad=True)
    layer(states).sum().backward()
    assert states.grad is not None
    torch.testing.assert_close(states.grad[0, 0], layer.weight.sum(dim=0))
    assert layer.weight.grad is None


def test_a_layer_of_another_kind_and_other_numbers_stay_with_torch(by_onednn: None) -> None:
    class Doubled(torch.nn.Linear):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return 2 * super().forward(states)

    other, narrow = Doubled(3, 3), torch.nn.Linear(3, 3).bfloat16()
    states = torch.randn(2, 3)
    expected = other(states), narrow(states.bfloat16())
    multiply_fast(other)
    multiply_fast(narrow)
    assert torch.equal(other(states), expected[0])
    assert torch.equal(narrow(states.bfloat16()), expected[1])


@pytest.mark.parametrize("vendor", ["GenuineIntel", "AuthenticAMD", ""])
def test_the_library_is_chosen_by_who_made_the_processor(
    vendor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\n" if vendor else "processor\t: 0\n")
    monkeypatch.setattr(products, "_CPU_INFO", told)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    onednn_is_faster.cache_clear()
    try:
        assert onednn_is_faster() == (vendor == "AuthenticAMD")
    finally:
        onednn_is_faster.cache_clear()
