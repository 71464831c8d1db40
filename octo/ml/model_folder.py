"""A model's folder, as the hub has them: what is in it, and whether it is whole and can be taken.

Of weights, headers alone are read: the cost is a few megabytes for any model.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PretrainedConfig, PreTrainedModel

from octo.data.tokenizer import TextTokenizer
from octo.errors import InputError
from octo.ml.diffusion.published import Published, published
from octo.ml.known_keys import known_keys, unknown_keys
from octo.ml.models import config_of, is_tied, model_class_of, stored_names
from octo.ml.tensor_files import TensorHeader, read_header
from octo.model_files import CONFIGURATION, WEIGHTS, WEIGHTS_INDEX, read_object

PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".h5", ".msgpack")
"""Ends of the names of weights that octo never loads."""

_FILE_OF_WEIGHTS = re.compile(r"\w[\w.-]*\.safetensors")


@dataclass(frozen=True)
class ModelFolder:
    """A model that can be taken."""

    folder: Path
    config: PretrainedConfig
    headers: Mapping[str, TensorHeader]
    """Of each file of weights, by its name."""
    published: Published | None
    """Where it is of a published layout of masked diffusion, which has native classes by other names."""
    known: Mapping[str, Any]
    """What its config.json says of the model, for transformers' own class."""
    left_out: Sequence[str]
    """What it says besides, which no loader is told."""

    @property
    def is_as_it_came(self) -> bool:
        """Whether config.json is all known."""
        return not self.left_out and read_object(self.folder / CONFIGURATION, "the model") == self.known


def read_model_folder(folder: Path, *, name: str, others: Collection[str] = ()) -> ModelFolder:
    """What a folder holds.

    Args:
        folder: with the files that may be taken.
        name: what the folder is called in messages.
        others: names of files at the source that were left there.

    Raises:
        InputError: what is missing, cut short, or not to be taken, and what to do.
    """
    raw = read_object(folder / CONFIGURATION, name)
    layout = published(raw)
    if not layout:
        _refuse_code(raw, folder, name)
    if raw.get("quantization_config"):
        raise InputError(f"{name} has quantized weights (quantization_config): take the model that it was made from")
    described = layout.config if layout else raw
    config = config_of(described, name=name)
    headers = {file: read_header(folder / file) for file in _weights(folder, name, others)}
    _check_index(folder, headers, name)
    names = {
        (layout.rename(tensor) if layout else tensor): entry.shape
        for header in headers.values()
        for tensor, entry in header.entries.items()
    }
    _check_tensors(config, names, name)
    known = known_keys(described, type(config))
    known["architectures"] = [model_class_of(config, name=name).__name__]
    return ModelFolder(folder, config, headers, layout, known, unknown_keys(described, known))


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
    found = read_object(folder / WEIGHTS_INDEX, name).get("weight_map")
    if not isinstance(found, dict) or not found:
        raise InputError(f"{WEIGHTS_INDEX} of {name} has no weight_map from tensors to files of the folder")
    for tensor, file in found.items():
        # Nothing but the folder is looked into.
        if not isinstance(file, str) or not _FILE_OF_WEIGHTS.fullmatch(file):
            raise InputError(
                f"{WEIGHTS_INDEX} of {name} has {tensor} in {file!r:.100}: expected a file of the folder that ends in "
                ".safetensors"
            )
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
    model = _without_weights(config, found, name)
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


def _without_weights(config: PretrainedConfig, found: Mapping[str, Sequence[int]], name: str) -> PreTrainedModel:
    """The model that the configuration describes, of no device; InputError where it describes none."""
    model_class: Any = model_class_of(config, name=name)
    num_layers = getattr(config.get_text_config(), "num_hidden_layers", 0)
    if isinstance(num_layers, int) and num_layers > len(found):
        raise InputError(
            f"{CONFIGURATION} of {name} speaks of {num_layers} layers, and its files hold {len(found)} tensors: they "
            "do not belong together"
        )
    try:
        with torch.device("meta"):
            model: PreTrainedModel = model_class(config)
    except Exception as error:  # What a class raises depends on which value it cannot use.
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"{CONFIGURATION} of {name} describes no {config.model_type} model that can be built ({reason:.300})"
        ) from error
    return model


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
        yield "tokenizer_config.json", read_object(folder / "tokenizer_config.json", name)


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
