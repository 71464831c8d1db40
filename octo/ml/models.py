"""Models as artifacts: new from a shape, read from and written to safetensors, never pickle and never remote code."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn.modules.module import register_module_parameter_registration_hook
from transformers import PretrainedConfig, PreTrainedModel
from transformers.conversion_mapping import get_checkpoint_conversion_mapping, get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, revert_weight_conversion
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING
from transformers.models.llama import LlamaConfig, LlamaForCausalLM
from transformers.models.qwen2 import Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging as transformers_logging

from octo.errors import InputError
from octo.ml.known_keys import known_keys
from octo.ml.numbers import first_without_numbers
from octo.ml.tensor_files import SHARD_BYTES, write_tensors
from octo.model_files import CONFIGURATION, WEIGHTS, WEIGHTS_INDEX, is_weights, read_object
from octo.settings.base import Precision
from octo.settings.midtraining import ModelShape
from octo.storage.artifacts import Artifact, Part

NEW: Mapping[str, tuple[Callable[..., PretrainedConfig], type[PreTrainedModel]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
}
"""What can be built from a shape."""

# Neither bars nor its table of what was loaded: octo says what is wrong in a sentence.
_logging: Any = transformers_logging
_logging.disable_progress_bar()
_logging.set_verbosity_error()


def new_model(shape: ModelShape, *, vocabulary_size: int, context: int, seed: int, end_id: int = 0) -> PreTrainedModel:
    """A model with random weights, the same ones for the same seed on every machine."""
    config_class, model_class = NEW[shape.architecture]
    config = config_class(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        num_key_value_heads=shape.num_key_value_heads,
        initializer_range=shape.initializer_range,
        max_position_embeddings=context,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=None,
    )
    # The one place where torch's global generator is set: initialisation has no other source.
    torch.manual_seed(seed)
    return model_class(config)


MOST_LAYERS = 10_000
_LAYERS = frozenset({"num_hidden_layers", "num_layers", "n_layer", "n_layers", "num_decoder_layers", "decoder_layers"})
_CPU = torch.device("cpu")


def load_model(
    artifact: Artifact, *, scratch: Path, on: torch.device = _CPU, precision: Precision = "float32"
) -> PreTrainedModel:
    """The model of an artifact, its weights verified against the manifest.

    Its files are fetched, and read a tensor at a time: beside the model itself, one tensor is in memory. A model to be
    trained is left where it is, and as it is: DeepSpeed moves it to its rank's device and converts it.

    Args:
        artifact: of a pretrained, midtraining, tuning or rl job.
        scratch: where the files are for as long as they are read.
        on: where the model is to be.
        precision: of the weights alone; rotary positions are angles, which half as many bits would turn.

    Raises:
        InputError: it is of no architecture that transformers has, or its tensors are not those of its architecture.
    """
    with TemporaryDirectory(dir=scratch, prefix="model-") as folder:
        fetch_model(artifact, Path(folder))
        model: Any = read_model(Path(folder), name=artifact.address, precision=precision)
    there: PreTrainedModel = model.to(on)
    return there


def read_model(
    folder: Path, *, name: str, precision: Precision = "float32", config: PretrainedConfig | None = None
) -> PreTrainedModel:
    """The model of a folder, or of its weights and another configuration, on the processor; see load_model."""
    config = config or read_config(folder, name=name)
    model_class: Any = model_class_of(config, name=name)
    # With the configuration, no class looks for another one, for code, or for an adapter.
    loaded: Any = model_class.from_pretrained(
        folder,
        config=config,
        dtype=getattr(torch, precision),
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    model: Any
    found: Mapping[str, Any]
    model, found = loaded
    wrong = {kind: sorted(map(str, names)) for kind, names in found.items() if names}
    if wrong:
        kind, names = next(iter(wrong.items()))
        raise InputError(
            f"the weights of {name} are not those of a {model.config.model_type} model: "
            f"{kind.replace('_', ' ')} {', '.join(names[:3])}"
        )
    check_numbers(model.named_parameters(), name=name)
    read: PreTrainedModel = model.train()
    return read


def check_numbers(tensors: Iterable[tuple[str, Tensor]], *, name: str) -> None:
    """InputError where a weight is no number; each is gone through once, and the device waited for once."""
    if wrong := first_without_numbers(tensors):
        raise InputError(
            f"the weights of {name} are not all numbers: {wrong} holds a NaN or an infinity: take a model without, "
            "such as an earlier checkpoint of its training"
        )


def empty_model(config: PretrainedConfig, *, name: str) -> PreTrainedModel:
    """A model whose parameters are of no device, and whose buffers are what its configuration makes them."""

    def of_no_device(_module: torch.nn.Module, _name: str, parameter: Parameter | None) -> Parameter | None:
        # One that is tied is there already, and stays the same.
        if parameter is None or parameter.is_meta:
            return parameter
        return Parameter(parameter.detach().to("meta"), requires_grad=parameter.requires_grad)

    config.dtype = torch.float32
    register: Any = register_module_parameter_registration_hook
    hook = register(of_no_device)
    try:
        return model_class_of(config, name=name)(config)
    finally:
        hook.remove()


def fetch_model(artifact: Artifact, folder: Path) -> None:
    """Bring an artifact's configuration and weights into a folder, verified, under the names that readers look for."""
    for part in (*artifact.parts(CONFIGURATION), *_weights(artifact), *artifact.parts(WEIGHTS_INDEX)):
        artifact.fetch(part, folder / part.name)


def read_config(folder: Path, *, name: str) -> PretrainedConfig:
    """The configuration of a model's folder.

    Raises:
        InputError: it is none that transformers has a class for.
    """
    return config_of(read_object(folder / CONFIGURATION, name), name=name)


def config_of(raw: Mapping[str, Any], *, name: str) -> PretrainedConfig:
    """The configuration that the known keys of a config.json stand for; what others say reaches no loader.

    Raises:
        InputError: it is none that transformers has a class for, or a value in it is none that the class takes.
    """
    kind = str(raw.get("model_type"))
    if kind not in CONFIG_MAPPING:
        raise InputError(
            f"{name} holds a model of type {kind!r}, which transformers has no class of: octo takes the architectures "
            "that transformers has natively"
        )
    _check_layers(raw, name)
    _check_numbers(raw, f"config.json of {name}")
    config_class: type[PretrainedConfig] = CONFIG_MAPPING[kind]
    try:
        config = config_class.from_dict(known_keys(raw, config_class))
    except Exception as error:  # Its validators raise what they like.
        reason = " ".join(str(error).split())
        raise InputError(f"config.json of {name} is none of a {kind} model: {reason}") from error
    return config


def _check_numbers(value: object, place: str, key: str = "") -> None:
    """InputError where a value is NaN, or infinite and no limit of anything, or where angles have no base."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            _check_numbers(each, place, str(name))
    elif isinstance(value, list):
        for each in value:
            _check_numbers(each, place, key)
    elif isinstance(value, float) and (math.isnan(value) or (math.isinf(value) and "limit" not in key)):
        raise InputError(f"{place} says {key} is {value}, which is no number: fetch it again, or take another model")
    elif key.endswith("rope_theta") and isinstance(value, int | float) and value <= 0:
        raise InputError(f"{place} says {key} is {value}, expected a number above 0")


def _check_layers(raw: Mapping[str, Any], name: str) -> None:
    """InputError where there are more layers than any model has, for classes make lists of them at once."""
    for part in (raw, *(value for value in raw.values() if isinstance(value, dict))):
        for key in _LAYERS & part.keys():
            if isinstance(part[key], int | float) and not part[key] <= MOST_LAYERS:
                raise InputError(f"config.json of {name} has {key} {part[key]}: expected {MOST_LAYERS} at most")


def model_class_of(config: PretrainedConfig, *, name: str = "an artifact") -> type[PreTrainedModel]:
    """The class of a configuration's causal language model; InputError when there is none."""
    found: Any = MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)
    if found is None:
        raise InputError(f"{name} holds a model of type {config.model_type!r}, which is no causal language model")
    model_class: type[PreTrainedModel] = found
    return model_class


def model_parts(
    config: PretrainedConfig,
    tensors: Iterable[tuple[str, Tensor]],
    folder: Path,
    *,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, Path]:
    """The configuration and the weights as files, by the names of an artifact's parts.

    Tensors are written as they come, one of them in memory; of those that are tied, one is written. One that is made of
    several stored ones, as a layer's experts are, is taken apart by itself.

    Args:
        config: of the model.
        tensors: by name, as the model's class calls them. Ranks that are given none write nothing.
        folder: made where it is not there.
        shard_bytes: see write_tensors.
    """
    folder.mkdir(exist_ok=True)
    dtypes: list[torch.dtype] = []
    files = write_tensors(_noting_dtypes(_as_stored(config, tensors), dtypes), folder, shard_bytes=shard_bytes)
    path = folder / CONFIGURATION
    path.write_bytes(_described(config, dtypes[0] if dtypes else None))
    return {**files, CONFIGURATION: path}


def is_tied(config: PretrainedConfig, name: str) -> bool:
    """Whether a tensor is another one once more, which the model's class ties it to when it is loaded."""
    # transformers has no other way to say so.
    tied: Any = getattr(model_class_of(config), "_tied_weights_keys", None)
    return bool(config.get_text_config().tie_word_embeddings) and name in (tied or ())


def keeps_stored_names(config: PretrainedConfig) -> bool:
    """Whether the model's class has its tensors as they are stored, and does not join any (experts)."""
    mapping: Any = get_checkpoint_conversion_mapping
    return mapping(config.model_type) is None


def stored_names(config: PretrainedConfig, model: PreTrainedModel) -> dict[str, tuple[int, ...]]:
    """The names that a model's tensors are stored under, with their shapes; `model` may be of no device."""
    return {name: tuple(tensor.shape) for name, tensor in _as_stored(config, model.state_dict().items())}


def take_weights(model: PreTrainedModel, tensors: Iterable[tuple[str, Tensor]]) -> None:
    """Put tensors in the place of a model's own, in the precision that they have; InputError when they do not fit."""
    targets = {name: each for name, each in model.state_dict(keep_vars=True).items() if not is_tied(model.config, name)}
    for name, tensor in tensors:
        check_numbers([(name, tensor)], name="the policy")
        target = targets.pop(name, None)
        if target is None or target.shape != tensor.shape:
            there = "no such tensor" if target is None else f"the shape {list(target.shape)} there"
            raise InputError(f"{name} has the shape {list(tensor.shape)}, and the model has {there}")
        # As DeepSpeed converts a learner's: the weights alone, and not the buffers beside them.
        target.data = tensor.to(target.device).reshape(target.shape).clone()
    if targets:
        raise InputError(f"the model's {next(iter(targets))} is not among these weights")


def weights_digest(artifact: Artifact) -> str:
    """The sha256 of a model's weights: of the one file's bytes, or of the digests of all of them."""
    digests = [part.sha256 for part in _weights(artifact)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def weights_size(artifact: Artifact) -> int:
    """Bytes of a model's weights."""
    return sum(part.size for part in _weights(artifact))


def use_threads(num_threads: int) -> None:
    """Fix the threads of every matrix product: another number may round sums differently."""
    torch.set_num_threads(num_threads)


def _weights(artifact: Artifact) -> list[Part]:
    found = [part for part in artifact.parts() if part.index == 0 and is_weights(part.name)]
    if not found:
        raise InputError(f"{artifact.address} has no part {WEIGHTS}: it is no model")
    return found


def _as_stored(config: PretrainedConfig, tensors: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """The tensors under the names that stored models have."""
    untied = ((name, tensor) for name, tensor in tensors if not is_tied(config, name))
    if keeps_stored_names(config):
        yield from untied
        return
    with torch.device("meta"):
        model = model_class_of(config)(config)
    if not _turns_each_back(model):
        yield from revert_weight_conversion(model, dict(untied)).items()
        return
    for name, tensor in untied:
        yield from revert_weight_conversion(model, {name: tensor}).items()


def _turns_each_back(model: PreTrainedModel) -> bool:
    """Whether every tensor of the model's class is made of stored ones that no other is made of."""
    conversions: Any = get_model_conversion_mapping
    made = [each for each in conversions(model, add_legacy=False) if isinstance(each, WeightConverter)]
    return all(len(each.target_patterns) == 1 for each in made)


def _noting_dtypes(tensors: Iterable[tuple[str, Tensor]], dtypes: list[torch.dtype]) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in tensors:
        dtypes.append(tensor.dtype)
        yield name, tensor


def _described(config: PretrainedConfig, dtype: torch.dtype | None) -> bytes:
    """config.json, with what whoever loads it by its class and in its precision needs, and no place of this machine."""
    raw = config.to_dict()
    raw.pop("_name_or_path", None)
    raw["architectures"] = [model_class_of(config).__name__]
    if dtype:
        raw["dtype"] = str(dtype).removeprefix("torch.")
    return json.dumps(raw, sort_keys=True, indent=1, default=str).encode()
