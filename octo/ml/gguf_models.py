"""Models that come as one GGUF file, written as the directory that transformers and octo read.

Such a file holds weights in blocks of a few bits, a configuration and a tokenizer, all of it under llama.cpp's names.
transformers knows the names and how llama.cpp turned the rotary weights; `gguf` knows the blocks. The weights become
the float32 numbers that they stand for, which is exact, and the same on every machine.
"""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader, dequantize
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    modeling_gguf_pytorch_utils,
)

from octo.errors import InputError
from octo.ml.tensor_files import write_tensors

TURNED = ("gemma2", "gemma3", "llama", "nemotron")
"""Architectures whose weights llama.cpp changes, a tensor by itself. Of others it joins some, or changes none."""
_names: Any = modeling_gguf_pytorch_utils
_auto: Any = AutoModelForCausalLM
# It logs what it dequantizes.
logging.getLogger("gguf").setLevel(logging.ERROR)


def write_gguf_as_directory(file: Path, folder: Path, *, name: str) -> None:
    """Write config.json, generation_config.json, the tokenizer's files and the weights into an empty folder.

    One tensor at a time is in memory; the file is read where it is, and called `name` in messages.

    Raises:
        InputError: it is no GGUF file, or cut short, or of an architecture that cannot be read, or it holds a tensor
            that has no place in a model of its architecture, or lacks one that has.
    """
    reader = _open(file, name=name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    except Exception as error:  # What transformers raises depends on what is wrong in the file.
        raise InputError(f"{name} cannot be read as a model: {_reason(error)}") from error
    write_tensors(_tensors(reader, config, name=name), folder)
    config.dtype = torch.float32
    config.save_pretrained(folder)
    GenerationConfig.from_model_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _open(file: Path, *, name: str) -> Any:
    try:
        return GGUFReader(file)
    except Exception as error:  # The reader looks where the header points: what a damaged file has there is anything.
        raise InputError(f"{name} is no GGUF file, or was cut short: {_reason(error)}") from error


def _tensors(reader: Any, config: PretrainedConfig, *, name: str) -> Iterator[tuple[str, Tensor]]:
    """The weights by transformers' names."""
    try:
        with torch.device("meta"):
            model = _auto.from_config(config)
        # By the file's own word: it calls a Mistral a llama, and turns its weights like one's.
        architecture = reader.fields["general.architecture"].contents()
    except Exception as error:  # Likewise.
        raise InputError(f"{name} describes no model that can be built: {_reason(error)}") from error
    shapes = {key: tuple(each.shape) for key, each in model.named_parameters()}
    if architecture in _names.TENSOR_PROCESSORS and architecture not in TURNED:
        raise InputError(
            f"{name} holds a model of type {architecture}, whose tensors are cut otherwise: bring a directory"
        )
    processor = _names.TENSOR_PROCESSORS.get(architecture, _names.TensorProcessor)(config=config.to_dict())
    names = _names.get_gguf_hf_weights_map(model, processor)
    for tensor in reader.tensors:
        try:
            numbers = processor.process(weights=dequantize(tensor.data, tensor.tensor_type), name=tensor.name).weights
        except Exception as error:  # Likewise.
            raise InputError(f"{name} holds {tensor.name}, which cannot be read: {_reason(error)}") from error
        key = names.get(tensor.name, tensor.name)
        if shapes.pop(key, None) != numbers.shape:
            raise InputError(
                f"{name} holds {tensor.name} of shape {list(numbers.shape)}, which has no place in a "
                f"{config.model_type} model of this configuration"
            )
        yield key, torch.from_numpy(numbers.copy())
    if shapes:
        raise InputError(f"{name} lacks {min(shapes)}: bring the whole file")


def _reason(error: Exception) -> str:
    return f"{error or type(error).__name__}".partition("\n")[0][:300]
