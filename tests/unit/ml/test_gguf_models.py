"""A GGUF file becomes the directory that transformers reads: the same numbers, or a sentence."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, dequantize, quantize
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from octo.errors import InputError
from octo.ml.gguf_models import write_gguf_as_directory
from tests.gguf_files import END, TEMPLATE, write_gguf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "directory"
    made.mkdir()
    return made


@pytest.mark.parametrize("kind", [GGMLQuantizationType.F32, GGMLQuantizationType.Q4_1, GGMLQuantizationType.Q8_0])
def test_the_weights_are_the_numbers_that_the_blocks_stand_for(
    kind: GGMLQuantizationType, tmp_path: Path, folder: Path
) -> None:
    weights = write_gguf(tmp_path / "small.gguf", kind=kind)
    write_gguf_as_directory(tmp_path / "small.gguf", folder, name="small.gguf")
    read = load_file(folder / "model.safetensors")
    assert read.keys() == weights.keys()
    for name, numbers in weights.items():
        # Rotary weights' rows change places as a whole, so that each is quantized as it would be where it stood.
        expected = dequantize(quantize(numbers, kind), kind) if numbers.ndim == 2 else numbers
        assert torch.equal(read[name], torch.from_numpy(expected)), name


def test_transformers_reads_the_directory_as_it_is(tmp_path: Path, folder: Path) -> None:
    write_gguf(tmp_path / "small.gguf")
    write_gguf_as_directory(tmp_path / "small.gguf", folder, name="small.gguf")
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.config.model_type == "llama"
    assert model.config.tie_word_embeddings
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids(END)
    assert tokenizer.chat_template == TEMPLATE
    assert tokenizer.decode(tokenizer("12+34=46").input_ids) == "12+34=46"
    assert torch.isfinite(model(input_ids=torch.tensor([tokenizer("12+34=").input_ids])).logits).all()


def test_the_same_file_makes_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    write_gguf(tmp_path / "small.gguf", kind=GGMLQuantizationType.Q4_1)
    other = tmp_path / "other"
    other.mkdir()
    for place in (folder, other):
        write_gguf_as_directory(tmp_path / "small.gguf", place, name="small.gguf")
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        file.name: file.read_bytes() for file in other.iterdir()
    }


def test_a_file_that_is_none_or_cut_short_is_refused(tmp_path: Path, folder: Path) -> None:
    write_gguf(tmp_path / "small.gguf")
    whole = (tmp_path / "small.gguf").read_bytes()
    (tmp_path / "text.gguf").write_text("no model at all, but some words in a file")
    (tmp_path / "header.gguf").write_bytes(whole[:500])
    (tmp_path / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    for name in ("text.gguf", "header.gguf", "cut.gguf"):
        with pytest.raises(InputError, match=rf"{name} is no GGUF file, or was cut short: "):
            write_gguf_as_directory(tmp_path / name, folder, name=name)
    assert not list(folder.iterdir())


def test_an_unknown_architecture_and_a_tensor_without_a_place_are_refused_by_name(tmp_path: Path, folder: Path) -> None:
    write_gguf(tmp_path / "other.gguf", architecture="octopus")
    with pytest.raises(InputError, match=r"other.gguf cannot be read as a model: .*octopus"):
        write_gguf_as_directory(tmp_path / "other.gguf", folder, name="other.gguf")
    # Llama 3.1's own scaling of rotary positions, which transformers would pass over in silence.
    write_gguf(tmp_path / "scaled.gguf", extra={"rope_freqs.weight": np.ones(8, dtype=np.float32)})
    with pytest.raises(InputError, match=r"scaled.gguf holds rope_freqs.weight of shape \[8\], which has no place"):
        write_gguf_as_directory(tmp_path / "scaled.gguf", folder, name="scaled.gguf")


def test_a_tensor_that_is_missing_or_of_another_shape_is_named(tmp_path: Path, folder: Path) -> None:
    weights = dict(write_gguf(tmp_path / "small.gguf"))
    norm = weights.pop("model.norm.weight")
    write_gguf(tmp_path / "short.gguf", weights=weights)
    with pytest.raises(InputError, match=r"short.gguf lacks model.norm.weight: bring the whole file"):
        write_gguf_as_directory(tmp_path / "short.gguf", folder, name="short.gguf")
    write_gguf(tmp_path / "narrow.gguf", weights={"model.norm.weight": norm[:32], **weights})
    with pytest.raises(InputError, match=r"narrow.gguf holds output_norm.weight of shape \[32\], which has no place"):
        write_gguf_as_directory(tmp_path / "narrow.gguf", folder, name="narrow.gguf")
