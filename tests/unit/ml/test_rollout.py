import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from octo.ml.rl.logprobs import completion_batch, completion_logprobs
from octo.ml.rl.rollout import Completions, complete
from tests.unit.ml.largest import Largest

PROMPTS = [[5, 6, 7], [9, 10, 11, 12, 13], [20]]
NEVER = 1_000_000  # no token has this id, so no completion ends early


def sample(
    model: PreTrainedModel, prompts: list[list[int]], *, group_size: int = 4, end_id: int = NEVER
) -> Completions:
    draws = np.stack([np.random.default_rng(row).random(12) for row in range(len(prompts) * group_size)])
    return complete(
        model, prompts, group_size=group_size, max_new_tokens=12, ends=(end_id,), temperature=0.8, draws_BT=draws
    )


def greedy(model: PreTrainedModel, prompts: list[list[int]], *, end_id: int = NEVER) -> Completions:
    return complete(model, prompts, group_size=1, max_new_tokens=12, ends=(end_id,), temperature=1.0, draws_BT=None)


def test_greedy_completions_equal_those_without_a_cache(model: PreTrainedModel) -> None:
    for prompt, completion in zip(PROMPTS, greedy(model, PROMPTS).tokens, strict=True):
        tokens = list(prompt)
        for _ in range(12):
            tokens.append(int(model(input_ids=torch.tensor([tokens])).logits[0, -1].argmax()))
        assert completion == tokens[len(prompt) :]


def test_a_completion_does_not_depend_on_what_is_beside_it(model: PreTrainedModel) -> None:
    together = greedy(model, PROMPTS).tokens
    assert together == [greedy(model, [prompt]).tokens[0] for prompt in PROMPTS]


@pytest.mark.parametrize("lengths", [(3, 40), (90, 700, 400)], ids=["short", "long"])
def test_a_model_that_honours_documents_writes_what_it_writes_by_a_mask(
    model: PreTrainedModel, lengths: tuple[int, ...]
) -> None:
    model.config.max_position_embeddings = 1024
    prompts = [np.random.default_rng(length).integers(0, 48, length).tolist() for length in lengths]
    by_documents = sample(model, prompts)
    model.set_attn_implementation("sdpa")
    by_mask = sample(model, prompts)
    assert by_documents.tokens == by_mask.tokens
    np.testing.assert_allclose(by_documents.logprobs, by_mask.logprobs, atol=1e-5)


def test_prompts_of_different_lengths_are_read_without_a_mask_of_all_their_positions(model: PreTrainedModel) -> None:
    largest = []
    model.config.max_position_embeddings = 4096
    for length in (1024, 2048):
        with Largest() as within:
            complete(
                model,
                [[5] * length, [7] * (length // 2)],
                group_size=1,
                max_new_tokens=2,
                ends=(NEVER,),
                temperature=1.0,
                draws_BT=None,
            )
        largest.append(within.elements)
    assert largest[1] <= 2 * largest[0]
    assert largest[1] < 2048 * 2048 / 8


def test_the_logprobs_of_a_rollout_are_those_that_training_computes(model: PreTrainedModel) -> None:
    rollout = sample(model, PROMPTS)
    prompts = [prompt for prompt in PROMPTS for _ in range(4)]
    batch = completion_batch(prompts, rollout.tokens, device=torch.device("cpu"))
    logprobs_CT, _ = completion_logprobs(model, batch, temperature=0.8)
    assert torch.allclose(logprobs_CT, torch.tensor(rollout.logprobs), atol=1e-5)


def test_sampling_follows_the_model_distribution(model: PreTrainedModel) -> None:
    draws = np.random.default_rng(0).random((8000, 1))
    rollout = complete(
        model, [PROMPTS[0]], group_size=8000, max_new_tokens=1, ends=(NEVER,), temperature=0.8, draws_BT=draws
    )
    counts = np.bincount([tokens[0] for tokens in rollout.tokens], minlength=48)
    expected = (model(input_ids=torch.tensor([PROMPTS[0]])).logits[0, -1] / 0.8).softmax(-1).detach().numpy() * 8000
    # 47 degrees of freedom: 99.9 % of correct samplers stay below 82.7; the draws are fixed, so this never flakes.
    assert ((counts - expected) ** 2 / expected).sum() < 82.7


def test_a_completion_ends_with_the_end_token_and_nothing_after_it(model: PreTrainedModel) -> None:
    end_id = sample(model, PROMPTS).tokens[0][3]
    rollout = sample(model, PROMPTS, end_id=end_id)
    for tokens, logprobs, finished in zip(rollout.tokens, rollout.logprobs, rollout.finished, strict=True):
        assert len(tokens) == len(logprobs)
        assert finished == (tokens[-1] == end_id)
        assert end_id not in tokens[:-1]
    assert rollout.finished[0]


def test_a_draw_next_to_one_still_chooses_a_token(model: PreTrainedModel) -> None:
    draws = np.full((1, 12), np.nextafter(1.0, 0.0))
    rollout = complete(
        model, [PROMPTS[0]], group_size=1, max_new_tokens=12, ends=(NEVER,), temperature=1.0, draws_BT=draws
    )
    assert all(0 <= token < 48 for token in rollout.tokens[0])


def test_any_of_several_ends_ends_a_completion(model: PreTrainedModel) -> None:
    whole = greedy(model, PROMPTS).tokens[0]
    ends = (whole[5], whole[3], NEVER)
    cut = complete(model, PROMPTS, group_size=1, max_new_tokens=12, ends=ends, temperature=1.0, draws_BT=None)
    first = next(place for place, token in enumerate(whole) if token in ends)
    assert cut.tokens[0] == whole[: first + 1]
    assert cut.finished[0]
