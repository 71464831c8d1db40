"""A model trains without chance, whatever its makers trained it with."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MixtralConfig,
    OPTConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from octo.data.tokenizer import train
from octo.errors import UsageError
from octo.ml.attention import attend_by_documents
from octo.ml.dropout import check_repeatable, without_dropout
from octo.ml.engine import Engine, gathering
from octo.ml.loading import load_to_train
from octo.ml.models import load_model
from octo.settings.midtraining import GangSettings, OptimizerSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit_model
from tests.unit.ml.engine_run import figures

GPT2 = GPT2Config(
    vocab_size=64, n_embd=16, n_layer=2, n_head=2, n_positions=32, bos_token_id=None, eos_token_id=0, resid_pdrop=0.25
)
TINY: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "bos_token_id": None,
    "eos_token_id": None,
}


def new(config: PretrainedConfig) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model.train()


@pytest.fixture
def gpt2(store: Store) -> Artifact:
    return commit_model(store, new(GPT2), train([""], vocabulary_size=0))


@pytest.mark.parametrize("stage", [1, 3])
def test_a_model_that_had_dropout_is_trained_without_and_says_so(
    gpt2: Artifact, tmp_path: Path, caplog: pytest.LogCaptureFixture, stage: int
) -> None:
    assert json.loads(gpt2.read_one("config.json"))["resid_pdrop"] == 0.25
    with caplog.at_level(logging.WARNING):
        model = load_to_train(gpt2, scratch=tmp_path, settings=OptimizerSettings(zero_stage=stage), gang=GangSettings())
    assert f"{gpt2.address} would leave parts of itself to chance while it is trained " in caplog.text
    assert "(attn_pdrop 0.1, embd_pdrop 0.1, resid_pdrop 0.25): octo trains it without" in caplog.text
    assert {model.config.attn_pdrop, model.config.embd_pdrop, model.config.resid_pdrop} == {0}
    with gathering(model):
        attend_by_documents(model)
    tokens = torch.arange(20)[None] % 64

    def loss(trained: torch.nn.Module) -> torch.Tensor:
        value: torch.Tensor = trained(input_ids=tokens, labels=tokens).loss
        return value

    engine = Engine(model, settings=OptimizerSettings(zero_stage=stage), micro_batches=1)
    model.train()
    state = torch.get_rng_state()
    trained = figures(engine.step([loss], learning_rate=0.0))
    assert torch.equal(torch.get_rng_state(), state)
    assert trained == figures(engine.step([loss], learning_rate=0.0))


def test_a_model_that_is_read_to_be_asked_keeps_its_configuration(gpt2: Artifact, tmp_path: Path) -> None:
    assert load_model(gpt2, scratch=tmp_path).config.resid_pdrop == 0.25


def test_layers_left_out_and_noise_of_routers_are_chance_too_and_a_classifier_is_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    opt = OPTConfig(
        vocab_size=64,
        hidden_size=16,
        ffn_dim=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        word_embed_proj_dim=16,
        layerdrop=0.5,
        dropout=0.0,
    )
    with pytest.raises(UsageError, match="a opt model draws random numbers while it is trained"):
        check_repeatable(new(opt))
    # It goes on drawing, and heeds nothing of what it draws.
    check_repeatable(new(without_dropout(opt, name="x")))
    check_repeatable(new(without_dropout(MixtralConfig(**TINY, router_jitter_noise=0.3), name="x")))
    assert "(layerdrop 0.5)" in caplog.text
    assert "(router_jitter_noise 0.3)" in caplog.text
    caplog.clear()
    pythia = without_dropout(GPTNeoXConfig(hidden_size=16, num_attention_heads=2), name="x")
    assert (pythia.classifier_dropout, caplog.text) == (0.1, "")


def test_chance_that_no_configuration_names_is_refused() -> None:
    model = new(without_dropout(LlamaConfig(**TINY), name="x"))
    model.get_input_embeddings().register_forward_hook(
        lambda module, _given, states: torch.nn.functional.dropout(states, 0.5, training=module.training)
    )
    state = torch.get_rng_state()
    with pytest.raises(UsageError, match="a llama model draws random numbers while it is trained, in a way that its"):
        check_repeatable(model)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
