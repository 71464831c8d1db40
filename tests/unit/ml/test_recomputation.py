"""Layers that are computed again learn what they would have learnt, and are as many as was said."""

from copy import deepcopy

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel

from octo.ml.batches import language_model_loss, packed_batch
from octo.ml.loading import make_ready
from octo.ml.recomputation import recompute
from octo.settings.midtraining import OptimizerSettings
from tests.unit.ml.test_attention import SMALL
from tests.unit.ml.test_batches import packed


def learnt(model: PreTrainedModel) -> tuple[list[torch.Tensor], list[int]]:
    """The gradients of a loss, and how often each layer was computed for them."""
    calls = [0] * len(model.model.layers)

    def count(number: int) -> None:
        calls[number] += 1

    for number, layer in enumerate(model.model.layers):
        layer.mlp.register_forward_pre_hook(lambda *_, number=number: count(number))
    language_model_loss(model, packed_batch(packed()), num_predicted=1).backward()
    return [each.grad for each in model.parameters() if each.grad is not None], calls


@pytest.mark.parametrize(("share", "times"), [(1, [2, 2, 2]), (0.5, [2, 2, 1]), (0.1, [2, 1, 1])])
def test_the_first_layers_are_computed_again_and_learn_the_same_to_the_bit(share: float, times: list[int]) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**{**SMALL, "num_hidden_layers": 3})).train()
    make_ready(model)
    expected, calls = learnt(deepcopy(model))
    assert calls == [1, 1, 1]
    recompute(model, OptimizerSettings(gradient_checkpointing=True, checkpointed_layers=share))
    found, calls = learnt(model)
    assert calls == times
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
