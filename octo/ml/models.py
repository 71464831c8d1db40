"""Models as artifacts: new from a shape, read from and written to safetensors, never pickle."""

import json
from collections.abc import Callable, Mapping

import torch
from safetensors import torch as safetensors
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel
from transformers.models.llama import LlamaConfig, LlamaForCausalLM
from transformers.models.qwen2 import Qwen2Config, Qwen2ForCausalLM

from octo.errors import InputError
from octo.settings.base import Precision
from octo.settings.midtraining import ModelShape
from octo.storage.artifacts import Artifact

CLASSES: Mapping[str, tuple[Callable[..., PretrainedConfig], type[PreTrainedModel]]] = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
}


def new_model(shape: ModelShape, *, vocabulary_size: int, context: int, seed: int) -> PreTrainedModel:
    """A model with random weights, the same ones for the same seed on every machine."""
    config_class, model_class = CLASSES[shape.architecture]
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
        eos_token_id=0,
        pad_token_id=None,
    )
    # The one place where torch's global generator is set: initialisation has no other source.
    torch.manual_seed(seed)
    return model_class(config)


_CPU = torch.device("cpu")


def accelerator() -> torch.device:
    """The machine's accelerator, or its processor where it has none."""
    return torch.device("cuda") if torch.cuda.is_available() else _CPU


def load_model(artifact: Artifact, *, on: torch.device = _CPU, precision: Precision = "float32") -> PreTrainedModel:
    """The model of a midtraining or rl artifact, its weights verified against the manifest.

    A model to be trained is left where it is, and as it is: DeepSpeed moves it to its rank's device and converts it.
    """
    raw = json.loads(artifact.read_one("config.json"))
    kind = raw.get("model_type")
    if kind not in CLASSES:
        raise InputError(f"{artifact.address} holds a model of type {kind!r}; octo trains {', '.join(CLASSES)}")
    config_class, model_class = CLASSES[kind]
    with on:
        model = model_class(config_class(**raw))
    for parameter in model.parameters():
        # The weights alone: rotary positions are angles, which half as many bits would turn.
        parameter.data = parameter.data.to(getattr(torch, precision))
    model.load_state_dict(safetensors.load(artifact.read_one("model.safetensors")), strict=True)
    return model


def model_parts(model: PreTrainedModel, weights: Mapping[str, Tensor] | None = None) -> dict[str, bytes]:
    """The weights and the configuration as parts of an artifact. An engine's weights are not all in the model."""
    tensors = model.state_dict() if weights is None else weights
    return {
        "model.safetensors": safetensors.save({name: each.detach().contiguous() for name, each in tensors.items()}),
        "config.json": json.dumps(model.config.to_dict(), sort_keys=True, indent=1, default=str).encode(),
    }


def use_threads(num_threads: int) -> None:
    """Fix the threads of every matrix product: another number may round sums differently."""
    torch.set_num_threads(num_threads)
