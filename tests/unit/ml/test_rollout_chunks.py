from transformers import PreTrainedModel

from octo.ml.rl.sampling import Chunk, chunks_of, joined, sample
from octo.settings.rl import RlSettings, RolloutSettings

PROMPTS = [[5, 6, 7], [9, 10, 11], [20, 21, 22], [30, 31, 32], [40, 41, 42]]


def chunks(size: int) -> list[Chunk]:
    settings = RlSettings(
        group_size=3, micro_batch_size=48, max_new_tokens=8, rollout=RolloutSettings(prompts_per_chunk=size)
    )
    return chunks_of(PROMPTS, settings, step=2, ends=(0,))


def test_chunks_hold_every_prompt_in_order_and_know_their_place() -> None:
    dealt = chunks(2)
    assert [list(prompt) for chunk in dealt for prompt in chunk.prompts] == PROMPTS
    assert [chunk.first for chunk in dealt] == [0, 2, 4]
    assert [chunk.rows for chunk in dealt] == [6, 6, 3]


def test_a_prompt_has_the_draws_of_its_place_in_the_step_whatever_its_chunk(model: PreTrainedModel) -> None:
    together, *_ = (sample(model, chunk) for chunk in chunks(5))
    apart = joined([sample(model, chunk) for chunk in chunks(1)])
    # Rounding may differ with the batch; at these prompts it decides no token.
    assert apart.tokens == together.tokens


def test_the_order_in_which_chunks_are_sampled_does_not_matter(model: PreTrainedModel) -> None:
    forwards = [sample(model, chunk) for chunk in chunks(2)]
    backwards = [sample(model, chunk) for chunk in reversed(chunks(2))]
    assert forwards == list(reversed(backwards))


def test_other_steps_and_seeds_have_other_draws(model: PreTrainedModel) -> None:
    [chunk] = chunks(5)
    others = [chunk.model_copy(update=change) for change in ({"step": 3}, {"seed": 1}, {"first": 5})]
    assert all(sample(model, other).tokens != sample(model, chunk).tokens for other in others)


def test_sampling_leaves_a_model_in_the_mode_that_it_was_in(model: PreTrainedModel) -> None:
    model.train()
    sample(model, chunks(5)[0])
    assert model.training
