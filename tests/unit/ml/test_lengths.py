"""A prompt or a completion of a length that a model cannot have has its sentence."""

import pytest
from transformers import GPT2Config, LlamaConfig, PreTrainedModel

from octo.errors import UsageError
from octo.ml.diffusion.canvases import Request
from octo.ml.diffusion.drafting import denoise_by_drafts
from octo.ml.diffusion.sampler import denoise
from octo.ml.lengths import check_lengths
from octo.ml.rl.rollout import complete
from octo.settings.denoising import DenoisingSettings
from tests.unit.ml.diffusion.models import small_model

LONG = [3] * 65


def written(model: PreTrainedModel, prompts: list[list[int]], length: int) -> None:
    complete(model, prompts, group_size=1, max_new_tokens=length, ends=[0], temperature=1.0, draws_BT=None)


def test_a_causal_model_refuses_what_it_cannot_read_or_write(model: PreTrainedModel) -> None:
    with pytest.raises(UsageError, match="prompt 2 of 2 has 65 tokens, and the model has 64 positions: shorten"):
        written(model, [[1], LONG], 4)
    with pytest.raises(UsageError, match="a token or more, got a length of 0: raise --max-new-tokens"):
        written(model, [[1]], 0)
    with pytest.raises(UsageError, match="prompt 2 of 2 is empty"):
        written(model, [[1], []], 4)
    # Its positions are angles: a text may go on beyond those that it was trained on.
    written(model, [LONG[:62]], 4)


def test_a_diffusion_model_refuses_them_too() -> None:
    model, settings = small_model(), DenoisingSettings()
    for request, said in (
        (Request([3] * 129, 4, ("x",)), "prompt 1 of 1 has 129 tokens, and the model has 128 positions"),
        (Request([3], 0, ("x",)), "a token or more, got a length of 0"),
    ):
        with pytest.raises(UsageError, match=said):
            denoise(model, [request], settings=settings, seed=0)
        with pytest.raises(UsageError, match=said):
            denoise_by_drafts(model, [request], settings=settings, seed=0, draft_length=2)


def test_positions_that_are_learned_hold_the_prompt_and_what_is_written() -> None:
    learned, turned = GPT2Config(n_positions=8), LlamaConfig(max_position_embeddings=8)
    check_lengths(learned, [[1] * 6], [2])
    check_lengths(turned, [[1] * 6], [3])
    with pytest.raises(UsageError, match="has 6 tokens and 3 to be written, and the model has 8 positions"):
        check_lengths(learned, [[1] * 6], [3])
