"""The names of a model's files, as transformers and vLLM look for them, and as the parts of its artifact are called."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from octo.errors import InputError

CONFIGURATION = "config.json"
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZER, TOKENIZER_CONFIGURATION = "tokenizer.json", "tokenizer_config.json"
GENERATION = "generation_config.json"
CHAT_TEMPLATE = "chat_template.jinja"
OPTIMIZER = "optimizer"
"""What names of files with an optimizer's states begin with."""
LARGEST_JSON = 256 << 20
"""Bytes: a tokenizer of a million tokens has some 50 million."""
TOKENIZER_FILES = (
    *(TOKENIZER, TOKENIZER_CONFIGURATION, GENERATION, CHAT_TEMPLATE, "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model"),
)
"""What a tokenizer consists of, where it is there. What is made with the tokenizer has it too, as it is."""


def is_weights(name: str) -> bool:
    """Whether a file holds weights."""
    return name.endswith(".safetensors") and not is_optimizer(name)


def is_optimizer(name: str) -> bool:
    """Whether a file holds an optimizer's states, which stand beside a model and are no part of it."""
    return name == f"{OPTIMIZER}.safetensors" or (name.startswith(f"{OPTIMIZER}-") and name.endswith(".safetensors"))


def is_of_model(name: str) -> bool:
    """Whether a file is one of a model's, and nothing that came of its training."""
    return name in (CONFIGURATION, WEIGHTS_INDEX, *TOKENIZER_FILES) or is_weights(name)


def read_object(path: Path, name: str) -> Mapping[str, Any]:
    """A file of a model's folder that holds a JSON object; InputError, by the model's `name`, where it does not."""
    if not path.is_file():
        raise InputError(f"{name} has no {path.name}: expected a model's folder, as the hub has them")
    size = path.stat().st_size
    if size > LARGEST_JSON:
        raise InputError(
            f"{path.name} of {name} has {size} bytes, which no such file has: expected {LARGEST_JSON} at most"
        )
    return parse_object(path.read_bytes(), f"{path.name} of {name}")


def parse_object(body: bytes, place: str) -> Mapping[str, Any]:
    """A JSON object; InputError, with the place, where it is none."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise InputError(f"{place} is not JSON: {error}: fetch it again") from error
    except RecursionError as error:
        raise InputError(f"{place} is not JSON that can be read: it is nested too deep") from error
    if not isinstance(value, dict):
        raise InputError(f"{place} holds a JSON {type(value).__name__}, expected an object")
    return value
