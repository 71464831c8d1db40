"""A causal model that becomes a diffusion model."""

import json
from pathlib import Path

import pytest
import torch

from octo.data import tokenizer as tokenizers
from octo.data.tokenizer import TextTokenizer
from octo.errors import UsageError
from octo.ml.diffusion.adaptation import adapt
from octo.ml.diffusion.denoiser import Kind, become_diffusion, check_causal, kind_of
from octo.ml.models import model_parts, new_model
from octo.settings.midtraining import ModelShape
from tests.unit.ml.diffusion.models import KINDS

SHAPE = ModelShape(hidden_size=12, intermediate_size=16, num_layers=1, num_heads=2, num_key_value_heads=2)


def tokenizer() -> TextTokenizer:
    return tokenizers.train(["def f(x): return x", "a b c"] * 10, vocabulary_size=280)


def causal(size: int):
    return new_model(SHAPE, vocabulary_size=size, context=16, seed=0)


def test_a_mask_is_added_behind_all_tokens_and_is_the_mean_of_their_embeddings() -> None:
    words = tokenizer().with_mask()
    size = words.vocabulary_size - 1
    model = causal(size)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    adapt(model, words, attention="prefix")
    assert kind_of(model.config) == Kind(size, words.pad_id, "prefix")
    assert words.mask_id == size == model.config.vocab_size - 1
    for name, weight in model.state_dict().items():
        known = before[name]
        assert torch.equal(weight[: len(known)], known)
        if len(weight) > len(known):
            torch.testing.assert_close(weight[size], known.mean(dim=0))


def test_rows_that_a_model_gets_besides_are_no_draws_of_a_global_generator() -> None:
    words = tokenizer().with_mask()
    adapted = []
    for draws in (0, 3):
        model = causal(words.vocabulary_size - 5)
        torch.rand(draws)
        adapt(model, words, attention="prefix")
        adapted.append(model.state_dict())
    assert all(torch.equal(each, adapted[1][name]) for name, each in adapted[0].items())


def test_a_vocabulary_with_room_is_not_made_larger() -> None:
    words = tokenizer().with_mask()
    model = causal(words.vocabulary_size + 20)
    adapt(model, words, attention="bidirectional")
    assert model.config.vocab_size == words.vocabulary_size + 20
    assert model.model.embed_tokens.weight.shape[0] == words.vocabulary_size + 20


def test_adapting_is_done_once() -> None:
    words = tokenizer().with_mask()
    model = causal(words.vocabulary_size - 1)
    adapt(model, words, attention="prefix")
    once = {name: each.clone() for name, each in model.state_dict().items()}
    described = model.config.to_dict()
    adapt(model, words.with_mask(), attention="bidirectional")
    assert model.config.to_dict() == described
    assert all(torch.equal(each, once[name]) for name, each in model.state_dict().items())


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_configuration_says_what_kind_a_model_is(kind) -> None:
    model = causal(280)
    become_diffusion(model.config, kind)
    assert kind_of(type(model.config)(**json.loads(model.config.to_json_string()))) == kind


def test_a_model_from_before_there_were_kinds_is_an_adapted_one() -> None:
    config = causal(280).config
    config.mask_token_id, config.completion_pad_token_id, config.diffusion_attention = 5, 6, "prefix"
    assert kind_of(config) == Kind(5, 6, "prefix", shift=True, block_length=0)


def test_the_pad_token_is_trained_before_and_after_a_model_is_stored(tmp_path: Path) -> None:
    words = tokenizer().with_mask()
    model = causal(words.vocabulary_size - 1)
    adapt(model, words, attention="bidirectional")
    stored = json.loads(model_parts(model.config, [], tmp_path)["config.json"].read_bytes())
    assert stored["pad_token_id"] is None
    assert stored["completion_pad_token_id"] == words.pad_id


def test_what_a_diffusion_model_cannot_do_is_refused() -> None:
    words = tokenizer().with_mask()
    model = causal(words.vocabulary_size - 1)
    check_causal(model.config, asked="--objective causal")
    with pytest.raises(UsageError, match="is no diffusion model"):
        kind_of(model.config)
    adapt(model, words, attention="bidirectional")
    with pytest.raises(UsageError, match="--objective causal needs a causal model"):
        check_causal(model.config, asked="--objective causal")
