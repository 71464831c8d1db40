"""A model's folder, as the hub has them: what is in it, and whether it is whole and can be taken.

Of weights, headers alone are read: the cost is a few megabytes for any model.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig

from octo.data.tokenizer import TextTokenizer
from octo.errors import InputError
from octo.ml.diffusion.published import Published, published
from octo.ml.models import config_of, is_tied, model_class_of, stored_names
from octo.ml.tensor_files import TensorHeader, read_header
from octo.model_files import CONFIGURATION, WEIGHTS, WEIGHTS_INDEX

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")
"""Ends of the names of weights that octo never loads."""


@dataclass(frozen=True)
class ModelFolder:
    """A model that can be taken."""

    folder: Path
    config: PretrainedConfig
    headers: Mapping[str, TensorHeader]
    """Of each file of weights, by its name."""
    published: Published | None
    """Where it is of a published layout of masked diffusion, which has native classes by other names."""


def read_model_folder(folder: Path, *, name: str, others: Collection[str] = ()) -> ModelFolder:
    """What a folder holds.

    Args:
        folder: with the files that may be taken.
        name: what the folder is called in messages.
        others: names of files at the source that were left there.

    Raises:
        InputError: what is missing, cut short, or not to be taken, and what to do.
    """
    raw = _json(folder / CONFIGURATION, name)
    layout = published(raw)
    if not layout:
        _refuse_code(raw, folder, name)
    if raw.get("quantization_config"):
        raise InputError(f"{name} has quantized weights (quantization_config): take the model that it was made from")
    config = config_of(layout.config if layout else raw, name=name)
    headers = {file: read_header(folder / file) for file in _weights(folder, name, others)}
    _check_index(folder, headers, name)
    names = {
        (layout.rename(tensor) if layout else tensor): entry.shape
        for header in headers.values()
        for tensor, entry in header.entries.items()
    }
    _check_tensors(config, names, name)
    return ModelFolder(folder, config, headers, layout)


def check_tokenizer(model: ModelFolder, tokenizer: TextTokenizer, *, name: str) -> None:
    """InputError when the tokenizer has ids that the model has no embedding for."""
    room = int(model.config.get_text_config().vocab_size)
    if tokenizer.vocabulary_size > room:
        raise InputError(
            f"the tokenizer of {name} does not fit the model: its highest id is {tokenizer.vocabulary_size - 1}, and "
            f"the embedding has {room} rows"
        )


def _weights(folder: Path, name: str, others: Collection[str]) -> Sequence[str]:
    """The names of the files with the weights, as transformers looks for them."""
    if (folder / WEIGHTS).is_file():
        return (WEIGHTS,)
    if (folder / WEIGHTS_INDEX).is_file():
        files = sorted(set(_weight_map(folder, name).values()))
        missing = [file for file in files if not (folder / file).is_file()]
        if missing:
            raise InputError(f"{name} has no {missing[0]}, which {WEIGHTS_INDEX} names: fetch the missing files")
        return files
    here = sorted(path.name for path in folder.glob("*.safetensors"))
    if here:
        raise InputError(f"{name} has {here[0]} and no {WEIGHTS_INDEX}, which says what is in such files: fetch it")
    pickles = sorted(file for file in others if file.endswith(PICKLES))
    if pickles:
        raise InputError(
            f"{name} has its weights in {pickles[0]}, a pickle, which octo never loads: convert it to safetensors"
        )
    raise InputError(f"{name} has no {WEIGHTS} and no {WEIGHTS_INDEX}: expected a model's folder, as the hub has them")


def _weight_map(folder: Path, name: str) -> Mapping[str, str]:
    found = _json(folder / WEIGHTS_INDEX, name).get("weight_map")
    if not isinstance(found, dict) or not all(isinstance(file, str) and "/" not in file for file in found.values()):
        raise InputError(f"{WEIGHTS_INDEX} of {name} has no weight_map from tensors to files of the folder")
    return found


def _check_index(folder: Path, headers: Mapping[str, TensorHeader], name: str) -> None:
    if WEIGHTS in headers:
        return
    mapped = _weight_map(folder, name)
    for tensor, file in mapped.items():
        if tensor not in headers[file].entries:
            raise InputError(f"{file} of {name} has no tensor {tensor}, which {WEIGHTS_INDEX} says is in it")
    for file, header in headers.items():
        for tensor in header.entries:
            if mapped.get(tensor) != file:
                raise InputError(f"{file} of {name} has a tensor {tensor}, which {WEIGHTS_INDEX} says is not in it")


def _check_tensors(config: PretrainedConfig, found: Mapping[str, Sequence[int]], name: str) -> None:
    """Compare names and shapes with the class's own; nothing of either model is in memory."""
    model_class: Any = model_class_of(config, name=name)
    with torch.device("meta"):
        model = model_class(config)
    expected = stored_names(config, model)
    prefix = f"{model.base_model_prefix}."
    # A body stored by itself has names without its head's.
    given = {
        each if each in expected or f"{prefix}{each}" not in expected else f"{prefix}{each}": shape
        for each, shape in found.items()
    }
    kind = config.model_type
    ignored = [*(model._keys_to_ignore_on_load_unexpected or ()), r"rotary_emb\.inv_freq$"]  # noqa: SLF001
    for each, shape in given.items():
        if each not in expected:
            if is_tied(config, each) or any(re.search(pattern, each) for pattern in ignored):
                continue
            raise InputError(f"{name} has a tensor {each}, which a {kind} model of its configuration has not")
        if list(shape) != list(expected[each]):
            raise InputError(
                f"{each} of {name} has the shape {list(shape)}, and a {kind} model of its configuration "
                f"{list(expected[each])}"
            )
    optional = [*(model._keys_to_ignore_on_load_missing or ())]  # noqa: SLF001
    for each in expected:
        if each not in given and not any(re.search(pattern, each) for pattern in optional):
            raise InputError(f"{name} has no tensor {each}, which a {kind} model of its configuration has")


def _refuse_code(raw: Mapping[str, Any], folder: Path, name: str) -> None:
    for file, said in _settings_files(raw, folder, name):
        if wanted := said.get("auto_map"):
            what = next(iter(_leaves(wanted)), "?")
            raise InputError(
                f"{file} of {name} asks for code that comes with the model ({what}), which octo never runs: take "
                "auto_map out if transformers' own class is meant"
            )


def _settings_files(raw: Mapping[str, Any], folder: Path, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield CONFIGURATION, raw
    if (folder / "tokenizer_config.json").is_file():
        yield "tokenizer_config.json", _json(folder / "tokenizer_config.json", name)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)


def _json(path: Path, name: str) -> Mapping[str, Any]:
    if not path.is_file():
        raise InputError(f"{name} has no {path.name}: expected a model's folder, as the hub has them")
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(f"{path.name} of {name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path.name} of {name} holds a JSON {type(value).__name__}, expected an object")
    return value
