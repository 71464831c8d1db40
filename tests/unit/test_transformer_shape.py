"""A model's size is what transformers makes of the same configuration, weight for weight."""

import json
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from octo.errors import InputError
from octo.transformer_shape import FAMILIES, shape_of

SMALL = {
    "vocab_size": 131,
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}


def made(**given: Any) -> tuple[dict[str, Any], int]:
    """What transformers writes as config.json of such a model, and how many weights it has."""
    kind = given.pop("model_type")
    config = AutoConfig.for_model(kind, **{**SMALL, **given})
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return json.loads(config.to_json_string()), sum(each.numel() for each in model.parameters())


OWN_HEAD_DIM = ("llama", "mistral", "qwen3", "gemma3_text")
"""Architectures whose heads need not divide the stream."""


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        *((kind, {"tie_word_embeddings": tied}) for kind in FAMILIES for tied in (True, False)),
        *((kind, {"head_dim": 16}) for kind in OWN_HEAD_DIM),
    ],
)
def test_weights_are_counted_as_transformers_makes_them(kind: str, given: dict[str, Any]) -> None:
    written, expected = made(model_type=kind, **given)
    assert shape_of(written).num_parameters == expected


@pytest.mark.parametrize("kind", FAMILIES)
def test_biases_are_counted_where_a_configuration_asks_for_them(kind: str) -> None:
    written, expected = made(model_type=kind, attention_bias=True, mlp_bias=True)
    assert shape_of(written).num_parameters == expected


@pytest.mark.parametrize("kind", FAMILIES)
def test_what_a_configuration_leaves_out_is_as_transformers_takes_it(kind: str) -> None:
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 1, "vocab_size": 40}
    config = AutoConfig.for_model(kind, **sizes, num_attention_heads=32, pad_token_id=None)
    with torch.device("meta"):
        expected = sum(each.numel() for each in AutoModelForCausalLM.from_config(config).parameters())
    assert shape_of({"model_type": kind, **sizes, "num_attention_heads": 32}).num_parameters == expected


PUBLISHED = {
    # From the models' config.json on the hub; counts as their cards and safetensors headers state.
    "Llama-3.2-1B": (
        {
            "model_type": "llama",
            "vocab_size": 128_256,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "tie_word_embeddings": True,
        },
        1_235_814_400,
    ),
    "Qwen2.5-0.5B": (
        {
            "model_type": "qwen2",
            "vocab_size": 151_936,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "tie_word_embeddings": True,
        },
        494_032_768,
    ),
    "Llama-3.1-8B": (
        {
            "model_type": "llama",
            "vocab_size": 128_256,
            "hidden_size": 4096,
            "intermediate_size": 14336,
            "num_hidden_layers": 32,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "tie_word_embeddings": False,
        },
        8_030_261_248,
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_the_weights_that_they_are_known_to_have(name: str) -> None:
    config, expected = PUBLISHED[name]
    assert shape_of(config).num_parameters == expected


def test_each_token_is_multiplied_with_all_weights_but_the_embedding() -> None:
    tied, untied = (made(model_type="llama", tie_word_embeddings=each)[0] for each in (True, False))
    assert shape_of(tied).num_computing_parameters == shape_of(untied).num_computing_parameters
    assert shape_of(tied).num_computing_parameters == shape_of(tied).num_parameters


def test_windows_are_counted_by_layer() -> None:
    written, _ = made(model_type="gemma3_text", num_hidden_layers=6, sliding_window=32)
    shape = shape_of(written)
    assert (shape.sliding_window, shape.num_sliding_layers) == (32, 5)
    assert shape_of(made(model_type="llama")[0]).num_sliding_layers == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "mamba2"}, "type 'mamba2' is not known: known are llama, "),
        ({"num_local_experts": 8}, "with experts is not known: its configuration has num_local_experts"),
        ({"hidden_size": None}, "a positive number hidden_size, got None"),
        ({"num_hidden_layers": "two"}, "a positive number num_hidden_layers, got 'two'"),
    ],
)
def test_a_size_that_cannot_be_told_is_refused_in_a_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        shape_of({"model_type": "llama", **SMALL, **change})
