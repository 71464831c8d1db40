"""Adapters are trained and nothing else, and are in the weights that come out."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel, Qwen2Config

from octo.errors import UsageError
from octo.memory_model import adapter_parameters
from octo.ml.adapters import merging
from octo.ml.batches import language_model_loss, num_predicted, packed_batch
from octo.ml.engine import Engine
from octo.ml.loading import make_ready
from octo.ml.tensor_files import StoredTensors, write_tensor_file
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import MidtrainingSettings, OptimizerSettings
from octo.transformer_shape import shape_of
from tests.unit.ml.test_attention import SMALL
from tests.unit.ml.test_batches import packed

LORA = LoraSettings(rank=4, alpha=8, modules=("q_proj", "v_proj", "down_proj"))
NUM_ADAPTED = 2 * 3
"""Two layers, three matrices each."""


def new(seed: int = 0) -> PreTrainedModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    # With biases, and a head that is the embedding.
    model = AutoModelForCausalLM.from_config(Qwen2Config(**SMALL, tie_word_embeddings=True)).train()
    make_ready(model, lora=LORA, seed=seed)
    return model


def engine_of(model: PreTrainedModel, **settings: object) -> Engine:
    return Engine(model, settings=OptimizerSettings.model_validate(settings), micro_batches=1)


def train(engine: Engine, steps: int) -> list[float]:
    batch, count = packed_batch(packed()), num_predicted(packed())
    return [
        engine.step([lambda model: language_model_loss(model, batch, num_predicted=count)], learning_rate=1e-2).loss
        for _ in range(steps)
    ]


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_adapters_alone_are_trained_held_and_saved_and_are_in_the_model_that_comes_out(
    stage: int, tmp_path: Path
) -> None:
    model = new()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    plain = AutoModelForCausalLM.from_config(model.config)
    engine = engine_of(model, zero_stage=stage)
    losses = train(engine, 4)
    assert losses == sorted(losses, reverse=True)
    for name, each in model.named_parameters():
        assert torch.equal(each, before[name]) == (".lora_" not in name), name
    num_trained = sum(each.numel() for each in model.parameters() if each.requires_grad)
    # Of weights, partitions have all that are trained, or what is saved beside them has.
    assert all(".lora_" in name for name in engine.held_weights())
    held = sum(each.numel() for name, each in engine.partition().items() if name.endswith(".exp_avg"))
    assert num_trained == adapter_parameters(shape_of(model.config.to_dict()), LORA)
    # Of each layer, as many blocks as hold what is trained.
    assert num_trained <= held < num_trained + 2 * 1024

    weights = dict(engine.weights())
    assert weights.keys() == {name for name in plain.state_dict() if name != "lm_head.weight"}
    plain.load_state_dict(weights, strict=False)
    tokens_BS = packed_batch(packed()).tokens_BS
    torch.testing.assert_close(
        plain(input_ids=tokens_BS).logits, model(input_ids=tokens_BS).logits, rtol=1e-4, atol=1e-5
    )

    write_tensor_file(engine.held_weights().items(), tmp_path / "weights")
    write_tensor_file(engine.partition().items(), tmp_path / "partition")
    expected = train(engine, 2)
    again = engine_of(new(seed=1), zero_stage=stage)
    saved = {0: StoredTensors([tmp_path / "partition"])}
    again.restore(StoredTensors([tmp_path / "weights"]), saved, saved_by=1)
    assert train(again, 2) == expected


def test_while_adapters_are_in_the_weights_a_model_computes_what_one_does_that_is_told_them(tmp_path: Path) -> None:
    model = new()
    engine = engine_of(model)
    train(engine, 2)
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    plain = AutoModelForCausalLM.from_config(model.config).train()
    make_ready(plain)
    plain.load_state_dict(dict(engine.weights()), strict=False)
    tokens_BS = packed_batch(packed()).tokens_BS
    apart = model(input_ids=tokens_BS).logits
    with merging(model):
        together = model(input_ids=tokens_BS).logits
    assert torch.equal(together, plain(input_ids=tokens_BS).logits)
    assert not torch.equal(together, apart)
    assert torch.equal(model(input_ids=tokens_BS).logits, apart)
    assert all(torch.equal(each, before[name]) for name, each in model.named_parameters())


def test_what_is_random_of_adapters_is_the_seeds_and_adds_nothing_at_first() -> None:
    one, same, other = (dict(new(seed).named_parameters()) for seed in (0, 0, 1))
    drawn = [name for name in one if ".lora_A." in name]
    assert len(drawn) == NUM_ADAPTED
    assert all(torch.equal(one[name], same[name]) and not torch.equal(one[name], other[name]) for name in drawn)
    assert not any(each.any() for name, each in one.items() if ".lora_B." in name)


@pytest.mark.parametrize("name", ["c_attn", "lm_head", "embed_tokens"])
def test_a_name_of_no_layer_that_could_have_one_is_refused_with_those_that_there_are(name: str) -> None:
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SMALL))
    said = (
        rf"--lora.modules names '{name}', and a llama model has no such linear layer below its head: there is down_proj"
    )
    with pytest.raises(UsageError, match=said):
        make_ready(model, lora=LoraSettings(rank=2, modules=("q_proj", name)))


@pytest.mark.parametrize(
    "asked", [{"keep_optimizer": True}, {"continue_optimizer": True, "model": "s3://b/artifacts/x"}]
)
def test_an_optimizer_of_adapters_that_are_gone_is_neither_kept_nor_gone_on_with(asked: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"expected neither keep_optimizer nor continue_optimizer with lora\.rank 4"):
        MidtrainingSettings.model_validate({"lora": LORA, **asked})
