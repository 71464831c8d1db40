"""What a config.json from elsewhere says to a loader is not heard."""

import json
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import StrictDataclassError
from transformers import Gemma3Config, LlamaConfig, LlavaConfig, PretrainedConfig, Qwen3Config
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from octo.ml.known_keys import known_keys, unknown_keys
from octo.ml.model_folder import read_model_folder
from octo.ml.models import config_of, read_model
from tests.wire.pretrained_models import MODELS, TINY, save

KERNEL = "kernels-community/flash-attn3:flash_attention"
HOSTILE: dict[str, Any] = {
    "attn_implementation": KERNEL,
    "_attn_implementation": KERNEL,
    "_attn_implementation_internal": KERNEL,
    "experts_implementation": KERNEL,
    "_experts_implementation_internal": KERNEL,
    "trust_remote_code": True,
    "custom_pipelines": {"text-generation": {"impl": "mine.Pipeline"}},
    "name_or_path": "somebody/model",
    "_name_or_path": "somebody/model",
    "_commit_hash": "main",
    "gguf_file": "../model.gguf",
    "per_layer_config": {"0": {"hidden_size": 1}},
    "base_model_tp_plan": {"layers.*": "mine"},
    "use_kernels": True,
    "output_attentions": True,
    "__class__": "mine",
    "from_pretrained": "mine",
    "forward": 1,
}


def test_no_key_that_means_something_to_a_loader_reaches_one() -> None:
    config = config_of({"model_type": "llama", **TINY, **HOSTILE}, name="a model")
    plain = config_of({"model_type": "llama", **TINY}, name="a model")
    assert config.to_dict() == plain.to_dict()
    assert vars(config) == vars(plain)
    assert KERNEL not in repr(vars(config))


def test_keys_of_a_part_are_known_by_the_parts_own_class() -> None:
    raw = {"text_config": {**TINY, "attn_implementation": KERNEL, "sliding_window_pattern": 2}, "auto_map": {}}
    known = known_keys(raw, Gemma3Config)
    assert known == {"text_config": {**TINY, "sliding_window_pattern": 2}}
    assert unknown_keys(raw, known) == ["auto_map", "text_config.attn_implementation"]


@pytest.mark.parametrize("config_class", [LlamaConfig, Qwen3Config, Gemma3Config])
def test_what_a_class_writes_of_itself_it_is_told_again(config_class: type) -> None:
    written = config_class().to_dict()
    assert config_class.from_dict(known_keys(written, config_class)).to_dict() == written


def test_earlier_words_for_rotary_positions_are_heard() -> None:
    raw = {"model_type": "llama", **TINY, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}}
    parameters = config_of(raw, name="a model").rope_parameters
    assert (parameters["rope_theta"], parameters["factor"], parameters["rope_type"]) == (5e5, 2.0, "linear")


def test_a_folder_that_names_a_kernel_is_loaded_without_it_and_kept_without_it(tmp_path: Path) -> None:
    folder = save(MODELS["llama-tied-scaled"](), tmp_path / "model")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **HOSTILE}))
    found = read_model_folder(folder, name="a model")
    assert set(found.left_out) == set(HOSTILE)
    assert not found.is_as_it_came
    assert not set(HOSTILE) & set(found.known)
    model: Any = read_model(folder, name="a model")
    assert model.config._attn_implementation in ("sdpa", "eager")


def test_a_folder_that_says_nothing_else_is_kept_as_it_is(tmp_path: Path) -> None:
    found = read_model_folder(save(MODELS["qwen3"](), tmp_path / "model"), name="a model")
    assert found.is_as_it_came


@pytest.mark.parametrize("named", [{"model_type": "llama"}, {}, {"model_type": "of-nobody"}, {"model_type": 7}])
def test_a_part_that_says_itself_what_it_is_says_nothing_to_a_loader_either(named: dict[str, Any]) -> None:
    raw = {"text_config": {**named, "hidden_size": 16, "attn_implementation": KERNEL, "_attn_implementation": KERNEL}}
    known = known_keys(raw, LlavaConfig)
    assert known == {"text_config": {**named, "hidden_size": 16}}
    assert "text_config.attn_implementation" in unknown_keys(raw, known)


def causal_classes() -> Iterator[tuple[type[PretrainedConfig], dict[str, Any], dict[str, Any]]]:
    """Every causal model that transformers can write and read without the network: what it writes, and then reads."""
    for name in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        config_class = CONFIG_MAPPING[name]
        with suppress(OSError, ImportError, ValueError, StrictDataclassError):
            written = config_class().to_dict()
            yield config_class, written, config_class.from_dict(deepcopy(written)).to_dict()


def test_of_every_causal_model_all_is_known_that_transformers_reads() -> None:
    """What some classes write they read as something else: with that it is compared, and not with what they wrote."""
    seen = 0
    for config_class, written, read in causal_classes():
        assert config_class.from_dict(known_keys(written, config_class)).to_dict() == read, config_class
        seen += 1
    assert seen > 150
