"""Log-probabilities that are told slab by slab are those of the whole vocabulary, and so are their gradients."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from octo.ml import token_logprobs as module
from octo.ml.token_logprobs import token_logprobs

N, D, V = 9, 8, 1000
SITES = torch.tensor([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8])
"""The first state predicts three tokens, two of them the same; the last two."""
TARGETS = torch.tensor([5, 700, 5, 999, 0, 256, 255, 257, 511, 512, 300, 301])


def inputs(dtype=torch.float64, *, spread=1.0, shape=(N, D, V)):
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(shape[0], shape[1], generator=generator, dtype=torch.float64)
    weight = torch.randn(shape[2], shape[1], generator=generator, dtype=torch.float64) * spread
    return states.to(dtype).requires_grad_(), weight.to(dtype).requires_grad_()


def at_once(states, weight, sites, targets, *, temperature):
    logprobs = (torch.mm(states, weight.t()).to(torch.float64) / temperature).log_softmax(dim=-1)
    return logprobs[sites, targets], -(logprobs.exp() * logprobs).sum(dim=-1)


def with_gradients(function, states, weight, sites=SITES, targets=TARGETS, *, temperature=0.7):
    logprobs, entropies = function(states, weight, sites, targets, temperature=temperature)
    upstream = torch.linspace(-1, 1, len(targets)) ** 3 + 0.1
    return logprobs, entropies, *torch.autograd.grad((logprobs * upstream).sum(), (states, weight))


@pytest.fixture(params=[1 << 20, 1])
def slab_elements(request, monkeypatch) -> int:
    """The vocabulary in one slab, and in four."""
    monkeypatch.setitem(module.SLAB_ELEMENTS, "cpu", request.param)
    return request.param


def distance(found, true):
    return ((found.double() - true.double()).norm() / true.double().norm()).item()


@pytest.mark.parametrize("spread", [0.3, 3.0, 1000.0])
def test_slabs_say_what_the_whole_vocabulary_says(slab_elements, spread) -> None:
    expected = with_gradients(at_once, *inputs(spread=spread))
    found = with_gradients(token_logprobs, *inputs(spread=spread))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-13)


def test_gradients_are_those_of_finite_differences(slab_elements) -> None:
    states, weight = inputs(shape=(3, 4, 300))
    sites, targets = torch.tensor([0, 0, 1, 2]), torch.tensor([2, 299, 256, 256])
    assert torch.autograd.gradcheck(
        lambda *both: token_logprobs(*both, sites, targets, temperature=1.3)[0], (states, weight), fast_mode=True
    )


def test_in_float32_logprobs_are_true_to_a_millionth_and_gradients_to_ten(slab_elements) -> None:
    options = {"spread": 1.0, "shape": (N, 64, 30_000)}
    states, weight = inputs(torch.float32, **options)
    expected = with_gradients(
        at_once, states.detach().double().requires_grad_(), weight.detach().double().requires_grad_()
    )
    found = with_gradients(token_logprobs, states, weight)
    for one, other, limit in zip(found, expected, (1e-6, 3e-6, 1e-5, 1e-5), strict=True):
        assert one.dtype == torch.float32
        assert distance(one, other) < limit


def test_logits_in_bfloat16_are_added_up_in_more_than_that(slab_elements) -> None:
    """What is told are the log-probabilities of the rounded logits, and not rounded again."""
    states, weight = inputs(torch.bfloat16)
    logprobs, entropies = token_logprobs(states, weight, SITES, TARGETS, temperature=0.7)
    expected, expected_entropies = at_once(states, weight, SITES, TARGETS, temperature=0.7)
    assert logprobs.dtype == entropies.dtype == torch.float32
    assert distance(logprobs, expected) < 1e-6
    assert distance(entropies, expected_entropies) < 1e-6
    *_, for_states, for_weight = with_gradients(token_logprobs, states, weight)
    *_, true_for_states, true_for_weight = with_gradients(at_once, *inputs())
    assert for_states.dtype == for_weight.dtype == torch.bfloat16
    assert distance(for_states, true_for_states) < 0.02
    assert distance(for_weight, true_for_weight) < 0.02


def test_what_is_frozen_has_no_gradient_and_costs_none() -> None:
    states, weight = inputs()
    (found,) = torch.autograd.grad(
        token_logprobs(states, weight.detach(), SITES, TARGETS, temperature=1)[0].sum(), [states]
    )
    *_, expected, _ = with_gradients(at_once, states, weight)
    assert found.shape == expected.shape
    logprobs, entropies = token_logprobs(states.detach(), weight.detach(), SITES, TARGETS, temperature=1)
    assert not logprobs.requires_grad
    assert not token_logprobs(states, weight, SITES, TARGETS, temperature=1)[1].requires_grad
    assert not entropies.requires_grad


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that anything makes."""

    num_elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple) else (result,):
            if isinstance(each, torch.Tensor):
                self.num_elements = max(self.num_elements, each.numel())
        return result


def test_nothing_as_wide_as_the_vocabulary_is_made_but_the_heads_gradient(monkeypatch) -> None:
    monkeypatch.setitem(module.SLAB_ELEMENTS, "cpu", 1)
    states, weight = inputs(shape=(64, 4, 8192))
    sites, targets = torch.arange(64), torch.arange(64) * 100
    with Largest() as forward:
        logprobs, _ = token_logprobs(states, weight.detach(), sites, targets, temperature=1)
        logprobs.sum().backward()
    assert forward.num_elements <= max(module.NARROWEST * 64, weight.numel())
    assert forward.num_elements < 64 * 8192 / 8
    with Largest() as whole:
        at_once(states, weight.detach(), sites, targets, temperature=1)
    assert whole.num_elements >= 64 * 8192


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_that_are_kept_change_no_bit_of_what_is_learnt(dtype, monkeypatch) -> None:
    monkeypatch.setitem(module.SLAB_ELEMENTS, "cpu", 1)
    found = []
    for kept in (0, 2 * module.NARROWEST * 16 * 4, 1 << 27):  # none, those of two slabs of four, and all
        monkeypatch.setitem(module.KEPT_BYTES, "cpu", kept)
        found.append(with_gradients(token_logprobs, *inputs(dtype)))
    for others in found[1:]:
        assert all(torch.equal(one, other) for one, other in zip(found[0], others, strict=True))
