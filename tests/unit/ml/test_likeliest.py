"""Of exactly equal logits the lowest id wins, alone and in a batch."""

import pytest
import torch

from octo.ml.attention import attend_by_documents
from octo.ml.models import new_model
from octo.ml.rl.rollout import complete
from octo.settings.midtraining import ModelShape

SIZE = 513
"""Of a vocabulary that is one more than what is computed together."""
PROMPTS = [[5, 6, 7], [9], [3, 1, 4, 1, 5]]


def model_of(dtype: torch.dtype):
    torch.set_num_threads(1)
    shape = ModelShape(hidden_size=128, intermediate_size=64, num_layers=1, num_heads=2, num_key_value_heads=2)
    model = new_model(shape, vocabulary_size=SIZE, context=64, seed=3).eval()
    attend_by_documents(model)
    return model.to(dtype)


def greedy(model, prompts) -> list[list[int]]:
    written = complete(model, prompts, group_size=1, max_new_tokens=6, ends=[SIZE], temperature=1.0, draws_BT=None)
    return written.tokens


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_of_equal_rows_of_a_head_the_lowest_id_is_written(dtype: torch.dtype) -> None:
    model = model_of(dtype)
    weight = model.lm_head.weight.data
    # The last row, which is computed apart, is the likeliest of all, and so is one before it.
    likeliest = 30 * weight[SIZE - 1]
    weight.zero_()
    weight[[40, SIZE - 1]] = likeliest
    for prompts in (PROMPTS, *([each] for each in PROMPTS)):
        assert {token for row in greedy(model, prompts) for token in row} <= {0, 40}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_logits_that_are_all_equal_the_first_token_is_written(dtype: torch.dtype) -> None:
    model = model_of(dtype)
    model.lm_head.weight.data.copy_(model.lm_head.weight.data[:1].clone().expand(SIZE, -1))
    for prompts in (PROMPTS, *([each] for each in PROMPTS)):
        assert greedy(model, prompts) == [[0] * 6] * len(prompts)


def test_a_logit_that_is_larger_by_little_wins_by_its_size() -> None:
    model = model_of(torch.float32)
    weight = model.lm_head.weight.data
    weight.mul_(30)
    expected = greedy(model, PROMPTS[:1])[0][0]
    weight[expected - 1] = weight[expected] * (1 - 1e-6)
    assert greedy(model, PROMPTS[:1])[0][0] == expected
