"""Models in files: what is written is read again by whoever reads such files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from transformers import PretrainedConfig, PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion

from octo.errors import InputError
from octo.ml.models import _as_stored, config_of, model_class_of, model_parts, new_model, read_model, take_weights
from octo.ml.tensor_files import HEADER_BYTES, read_tensors, write_tensor_file, write_tensors
from octo.settings.midtraining import ModelShape

TENSORS = {
    "a": torch.arange(10, dtype=torch.bfloat16).view(2, 5),
    "b": torch.arange(3, dtype=torch.uint8),
    "c": torch.linspace(0, 1, 6).view(3, 2).T,
    "empty": torch.zeros(0, 4),
    "one": torch.tensor(7.0, dtype=torch.float64),
}


def same(found: dict[str, torch.Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(
        torch.equal(each, TENSORS[name]) and each.dtype == TENSORS[name].dtype for name, each in found.items()
    )


def test_tensors_of_every_kind_come_back_from_one_file(tmp_path: Path) -> None:
    path = tmp_path / "all.safetensors"
    # Numbers stand at multiples of their size.
    in_order = sorted(TENSORS.items(), key=lambda item: -item[1].element_size())
    write_tensor_file(in_order, path)
    assert same(load_file(path))
    assert same(dict(read_tensors(path)))
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}


def test_files_are_ended_before_they_grow_too_large_and_an_index_says_where_each_tensor_is(tmp_path: Path) -> None:
    files = write_tensors(TENSORS.items(), tmp_path, shard_bytes=25)
    assert files == {path.name: path for path in tmp_path.iterdir()}
    index = json.loads(files["model.safetensors.index.json"].read_bytes())
    assert same({name: load_file(tmp_path / file)[name] for name, file in index["weight_map"].items()})
    assert index["metadata"]["total_size"] == sum(each.nbytes for each in TENSORS.values())
    assert sorted(set(index["weight_map"].values())) == [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    assert all(path.stat().st_size <= HEADER_BYTES + 25 for path in files.values() if path.suffix == ".safetensors")


def test_one_file_has_no_index_and_no_tensors_have_no_file(tmp_path: Path) -> None:
    assert write_tensors([], tmp_path) == {}
    assert list(write_tensors([("a", TENSORS["a"])], tmp_path)) == ["model.safetensors"]


def test_a_header_that_is_full_goes_on_in_another_file(tmp_path: Path) -> None:
    many = {f"{number}{'x' * 30_000}": torch.tensor([number]) for number in range(12)}
    files = write_tensors(many.items(), tmp_path)
    assert len(files) == 3
    found = dict(pair for name, path in sorted(files.items()) if "index" not in name for pair in read_tensors(path))
    assert {name: int(each) for name, each in found.items()} == {name: int(each) for name, each in many.items()}


def test_a_models_configuration_names_its_class_and_numbers_and_no_place(tmp_path: Path) -> None:
    shape = ModelShape(hidden_size=8, intermediate_size=8, num_layers=1, num_heads=2, num_key_value_heads=2)
    model = new_model(shape, vocabulary_size=20, context=16, seed=0, end_id=5)
    halved = {name: each.bfloat16() for name, each in model.state_dict().items()}
    model.config.name_or_path = str(tmp_path)
    parts = model_parts(model.config, halved.items(), tmp_path / "model")
    config = json.loads(parts["config.json"].read_bytes())
    assert (config["architectures"], config["dtype"], config["eos_token_id"]) == (["LlamaForCausalLM"], "bfloat16", 5)
    assert str(tmp_path) not in parts["config.json"].read_text()
    assert load_file(parts["model.safetensors"]).keys() == halved.keys()


@pytest.mark.parametrize("kind", ["qwen3_moe", "mixtral"])
def test_experts_are_taken_apart_a_layer_at_a_time_and_are_what_they_are_all_together(
    tmp_path: Path, kind: str
) -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1}
    experts = {"num_experts": 3, "num_local_experts": 3, "moe_intermediate_size": 4, "intermediate_size": 4}
    config = config_of({"model_type": kind, "vocab_size": 20, "head_dim": 4, **sizes, **experts}, name="a model")
    model = model_class_of(config)(config)
    given: list[str] = []

    def one_by_one() -> Iterator[tuple[str, torch.Tensor]]:
        for name, tensor in model.state_dict().items():
            given.append(name)
            yield name, tensor

    stored = {}
    for name, tensor in _as_stored(config, one_by_one()):
        stored[name] = tensor
        assert given[-1].split(".experts.")[0] == name.replace("block_sparse_moe", "mlp").split(".experts.")[0]
    together = revert_weight_conversion(model, model.state_dict())
    assert stored.keys() == together.keys()
    assert sum("experts" in name for name in stored) == 3 * 3 * 3
    assert same_tensors(stored, together)
    again = read_model(written(config, model, tmp_path), name="a model")
    assert same_tensors(again.state_dict(), model.state_dict())


def written(config: PretrainedConfig, model: PreTrainedModel, folder: Path) -> Path:
    model_parts(config, model.state_dict().items(), folder)
    return folder


def same_tensors(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> bool:
    return found.keys() == expected.keys() and all(torch.equal(found[name], each) for name, each in expected.items())


def test_weights_of_another_model_are_not_taken() -> None:
    shape = ModelShape(hidden_size=8, intermediate_size=8, num_layers=1, num_heads=2, num_key_value_heads=2)
    model = new_model(shape, vocabulary_size=20, context=16, seed=0)
    other = {name: each.bfloat16() + 1 for name, each in model.state_dict().items()}
    take_weights(model, other.items())
    assert all(torch.equal(each, other[name]) for name, each in model.state_dict().items())
    with pytest.raises(InputError, match=r"the model's lm_head\.weight is not among these weights"):
        take_weights(model, [(name, each) for name, each in other.items() if name != "lm_head.weight"])
    with pytest.raises(InputError, match=r"x has the shape \[1\], and the model has no such tensor"):
        take_weights(model, [("x", torch.zeros(1))])
    with pytest.raises(InputError, match=r"model\.norm\.weight has the shape \[9\], and the model has the shape \[8\]"):
        take_weights(model, [("model.norm.weight", torch.zeros(9))])
