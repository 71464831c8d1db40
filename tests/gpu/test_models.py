"""Weights, losses and completions on a device, beside those of the processor."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.ml.attention import attend_by_documents
from octo.ml.batches import PackedBatch, language_model_loss
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.completing import texts_of
from octo.ml.diffusion.denoiser import Kind, become_diffusion
from octo.ml.models import new_model
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Chunk, sample
from octo.ml.token_logprobs import token_logprobs
from octo.settings.denoising import DenoisingSettings
from tests.gpu.conftest import CPU, SHAPE, VOCABULARY

ModelOn = Callable[..., PreTrainedModel]
CLOSE = {torch.float32: {"rtol": 1e-4, "atol": 1e-5}, torch.bfloat16: {"rtol": 3e-2, "atol": 3e-2}}
"""What other orders of summing leave of a float32 result; bfloat16 keeps eight bits of every number."""
PRECISIONS = pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])


def test_a_new_model_has_the_same_weights_whatever_the_machine_computes_with(device: torch.device) -> None:
    made = new_model(SHAPE, vocabulary_size=VOCABULARY, context=64, seed=5)
    # What the device drew meanwhile moves no generator that weights come from.
    torch.randn(8, device=device)
    again = new_model(SHAPE, vocabulary_size=VOCABULARY, context=64, seed=5).to(device)
    for (name, weight), other in zip(made.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(weight, other.cpu()), name


@PRECISIONS
def test_a_training_step_has_the_processors_loss_and_gradient(
    device: torch.device, model_on: ModelOn, precision: torch.dtype
) -> None:
    expected = _loss_and_gradient(model_on(CPU), CPU)
    loss, gradient = _loss_and_gradient(model_on(device, precision), device)
    torch.testing.assert_close(loss, expected[0], **CLOSE[precision])
    # bfloat16 gradients are sums of numbers that are rounded each: their direction is what a step takes.
    assert torch.cosine_similarity(gradient, expected[1], dim=0) > (0.9999 if precision is torch.float32 else 0.99)
    torch.testing.assert_close(gradient.norm(), expected[1].norm(), **CLOSE[precision])


@PRECISIONS
def test_log_probabilities_without_logits_are_the_processors(device: torch.device, precision: torch.dtype) -> None:
    random = torch.Generator().manual_seed(3)
    states_ND = torch.randn(9, 64, generator=random)
    weight_VD = torch.randn(700, 64, generator=random)
    sites_K = torch.randint(9, (20,), generator=random)
    targets_K = torch.randint(700, (20,), generator=random)
    expected_K, entropies_N = _logprobs(states_ND, weight_VD, sites_K, targets_K)
    # What is compared with is rounded like what is compared.
    rounded = [each.to(precision).float() for each in (states_ND, weight_VD)]
    if precision is torch.bfloat16:
        expected_K, entropies_N = _logprobs(*rounded, sites_K, targets_K)
    asked = [each.to(precision).to(device) for each in (states_ND, weight_VD)]
    logprobs_K, found_N = token_logprobs(*asked, sites_K.to(device), targets_K.to(device), temperature=0.7)
    torch.testing.assert_close(
        logprobs_K.cpu().float(), expected_K, rtol=1e-2, atol=5e-2 if precision is torch.bfloat16 else 1e-3
    )
    torch.testing.assert_close(
        found_N.cpu().float(), entropies_N, rtol=1e-2, atol=5e-2 if precision is torch.bfloat16 else 1e-3
    )


def test_the_sampler_writes_the_processors_completions_and_the_same_ones_again(
    device: torch.device, model_on: ModelOn
) -> None:
    model = model_on(device)
    written = _completions(model)
    assert written == _completions(model)
    expected = _completions(model_on(CPU))
    # The draws are the processor's own, whatever computes the logits.
    assert written.tokens == expected.tokens
    for row, other in zip(written.logprobs, expected.logprobs, strict=True):
        np.testing.assert_allclose(row, other, rtol=1e-4, atol=1e-4)


def test_denoising_writes_the_processors_tokens_in_its_order(device: torch.device, model_on: ModelOn) -> None:
    assert _denoised(model_on(device)) == _denoised(model_on(CPU))


def _loss_and_gradient(model: PreTrainedModel, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    batch = _packed(device)
    attend_by_documents(model)
    loss = language_model_loss(model.train(), batch, num_predicted=int(batch.predicted().sum()))
    loss.backward()
    gradients = [
        parameter.grad.float().cpu().flatten() for parameter in model.parameters() if parameter.grad is not None
    ]
    return loss.detach().float().cpu(), torch.cat(gradients)


def _packed(device: torch.device) -> PackedBatch:
    """Two sequences of three documents each, and some padding."""
    tokens_BS = np.random.default_rng(1).integers(0, VOCABULARY, (2, 96))
    slices_BS = np.stack([np.repeat([0, 1, 2, -1], [40, 1, 50, 5]), np.repeat([0, 1, 2, -1], [7, 60, 29, 0])])
    positions_BS = np.stack(
        [np.concatenate([np.arange(n) for n in lengths]) for lengths in ([40, 1, 50, 5], [7, 60, 29])]
    )
    return PackedBatch(*(torch.from_numpy(each).to(device) for each in (tokens_BS, positions_BS, slices_BS)))


def _logprobs(
    states_ND: torch.Tensor, weight_VD: torch.Tensor, sites_K: torch.Tensor, targets_K: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same in float64, by the formula."""
    logprobs_NV = (states_ND.double() @ weight_VD.double().T / 0.7).log_softmax(dim=-1)
    entropies_N = -(logprobs_NV.exp() * logprobs_NV).sum(dim=-1)
    return logprobs_NV[sites_K, targets_K].float(), entropies_N.float()


def _completions(model: PreTrainedModel) -> Completions:
    chunk = Chunk(
        prompts=((4, 5, 6), (7, 8), (9, 10, 11, 12, 13)),
        ends=(3,),
        group_size=4,
        max_new_tokens=12,
        temperature=0.8,
        seed=2,
        step=1,
        first=0,
    )
    return sample(model, chunk)


def _denoised(model: PreTrainedModel) -> list[tuple[list[int], list[int]]]:
    become_diffusion(model.config, Kind(mask_id=VOCABULARY - 1, pad_id=VOCABULARY - 2, attention="prefix"))
    requests = [Request((4, 5, 6), 10, ("test", 0)), Request((7,), 6, ("test", 1))]
    texts = texts_of(
        model, requests, ends=(), num_tokens=VOCABULARY - 2, settings=DenoisingSettings(temperature=1.0), seed=4
    )
    return [(text.tokens, text.order) for text in texts]
