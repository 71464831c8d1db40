"""Log-probabilities that a model tells without logits are those of its logits."""

from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    CohereConfig,
    Gemma3TextConfig,
    GraniteConfig,
    LlamaConfig,
    PhiConfig,
    PreTrainedConfig,
    PreTrainedModel,
)

from octo.errors import UsageError
from octo.ml.heads import Asked, model_logprobs
from tests.unit.ml.test_attention import SMALL

TOKENS = torch.arange(24).view(2, 12) * 7 % 48
ASKED = Asked(
    sites_N=torch.tensor([0, 4, 13, 20]),
    sites_K=torch.tensor([0, 1, 1, 2, 3]),
    targets_K=torch.tensor([3, 40, 7, 0, 47]),
)


def new(config: PreTrainedConfig) -> PreTrainedModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


@pytest.mark.parametrize(
    "config",
    [
        LlamaConfig(**SMALL),
        LlamaConfig(**SMALL, tie_word_embeddings=True),
        GraniteConfig(**SMALL, logits_scaling=0.02),
        CohereConfig(**SMALL, logit_scale=30.0),
    ],
    ids=["plain", "tied", "divided logits", "multiplied logits"],
)
def test_what_a_head_says_of_tokens_is_what_its_logits_say(config: PreTrainedConfig) -> None:
    model = new(config)
    logits_BSV = model(input_ids=TOKENS, use_cache=False).logits
    logprobs_NV = (logits_BSV.flatten(0, 1)[ASKED.sites_N] / 0.7).log_softmax(dim=-1)
    expected = logprobs_NV[ASKED.sites_K, ASKED.targets_K], -(logprobs_NV.exp() * logprobs_NV).sum(dim=-1)
    found = model_logprobs(model, ASKED, temperature=0.7, input_ids=TOKENS)
    assert expected[1].max() - expected[1].min() > 0.001  # or a multiple that is not honoured would go unnoticed
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    assert not found[1].requires_grad
    wanted = gradients(model, expected[0].sum())
    for mine, theirs in zip(gradients(model, found[0].sum()), wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * float(theirs.abs().max()))
    assert torch.equal(model(input_ids=TOKENS, use_cache=False).logits, logits_BSV)


def gradients(model: PreTrainedModel, told: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(told, list(model.parameters())))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            Gemma3TextConfig(**SMALL, head_dim=8, final_logit_softcapping=3.0),
            "a gemma3_text model does something of its own to its head's logits",
        ),
        (
            PhiConfig(**{name: value for name, value in SMALL.items() if name != "num_key_value_heads"}),
            "this model's head adds a bias to its logits",
        ),
    ],
    ids=["bounded", "biased"],
)
def test_a_head_that_does_something_else_is_refused_and_left_as_it_was(config: Any, said: str) -> None:
    model = new(config)
    before = model(input_ids=TOKENS, use_cache=False).logits
    with pytest.raises(UsageError, match=said):
        model_logprobs(model, ASKED, input_ids=TOKENS)
    assert torch.equal(model(input_ids=TOKENS, use_cache=False).logits, before)
