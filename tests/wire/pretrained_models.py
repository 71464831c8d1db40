"""Tiny models of many architectures, as their makers would save them, and what a saved model holds."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from octo.data.tokenizer import TextTokenizer, train

ROOM = 320
"""Rows of the embeddings: more than the tokenizer has tokens, as published models have."""
TINY: Mapping[str, Any] = {
    "vocab_size": ROOM,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 64,
}
MODELS: Mapping[str, Callable[[], PreTrainedModel]] = {
    "llama-tied-scaled": lambda: LlamaForCausalLM(
        LlamaConfig(**TINY, tie_word_embeddings=True, rope_parameters=LLAMA3, head_dim=16)
    ),
    "qwen2-tied": lambda: Qwen2ForCausalLM(Qwen2Config(**TINY, tie_word_embeddings=True)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**TINY, tie_word_embeddings=False, head_dim=16)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**TINY, head_dim=16, sliding_window=8)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**TINY, sliding_window=8)),
    "smollm3": lambda: SmolLM3ForCausalLM(SmolLM3Config(**TINY)),
    "olmo2": lambda: Olmo2ForCausalLM(Olmo2Config(**TINY)),
    "qwen3-moe": lambda: Qwen3MoeForCausalLM(
        Qwen3MoeConfig(**TINY, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, head_dim=16)
    ),
}


def tokenizer() -> TextTokenizer:
    return train(["def f(x): return x", "a b c 123"] * 10, vocabulary_size=280)


def save(model: PreTrainedModel, folder: Path, *, shard_size: str = "1GB", dtype: torch.dtype = torch.float32) -> Path:
    """The model and a tokenizer, in a folder as on the hub."""
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_size)
    for name, body in tokenizer().files.items():
        (folder / name).write_bytes(body)
    return folder


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: each for path in folder.glob("*.safetensors") for name, each in load_file(path).items()}
