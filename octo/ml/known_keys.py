"""Of a config.json from elsewhere, the keys that describe a model: all others stay where they are, and reach no loader.

A key may do more than describe: name code to fetch (auto_map), a kernel on the hub (attn_implementation), a way to read
weights (quantization_config), a place (name_or_path). What the model's own class declares is known here, and what such
classes read besides, as earlier versions of transformers wrote it.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

from transformers import PretrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

_OF_A_LOADER = frozenset(
    {
        *("attn_implementation", "experts_implementation", "auto_map", "custom_pipelines", "trust_remote_code"),
        *("quantization_config", "compression_config", "per_layer_config", "name_or_path", "use_kernels"),
        *("output_attentions", "output_hidden_states", "return_dict", "torchscript", "transformers_weights"),
        *("distributed_config", "base_model_tp_plan", "base_model_pp_plan", "base_model_ep_plan"),
        *("base_model_fsdp_plan", "kernel_config", "attn_kernel"),
        *("adapter_kwargs", "peft_config", "gguf_file", "subfolder", "revision", "token", "use_safetensors"),
    }
)
"""Known to no model, even where its class declares one of them."""
_EARLIER = frozenset(
    {
        *("torch_dtype", "rope_theta", "rope_scaling", "partial_rotary_factor", "rope_local_base_freq"),
        *("local_rope_theta", "global_rope_theta", "rotary_pct", "rotary_emb_base", "rotary_dim"),
        *("sliding_window_pattern", "full_attention_interval", "global_attn_every_n_layers"),
        *("num_global_key_value_heads", "global_head_dim", "qkv_bias", "qk_rope_head_dim", "n_embed"),
        *("num_experts", "moe_layer_freq", "moe_layers_enum", "first_k_dense_replace", "dense_intermediate_size"),
        *("hybrid_override_pattern", "use_falcon_mambapy", "mamba_n_groups", "mamba_expand", "mamba_d_conv"),
        *("mamba_dt_min", "mamba_dt_max", "mamba_dt_limit", "mamba_dt_init_floor", "mamba_conv_bias"),
        *("mamba_chunk_size", "linear_attn_config", "pad_token_id", "bos_token_id", "eos_token_id"),
        *("tie_word_embeddings", "model_type", "head_dim", "initializer_range"),
    }
)
_OURS = frozenset(
    {
        *("mask_token_id", "completion_pad_token_id"),
        *("diffusion_attention", "diffusion_shift", "diffusion_block_length"),
    }
)
"""See octo.ml.diffusion.denoiser."""


def known_keys(raw: Mapping[str, Any], config_class: type[PretrainedConfig]) -> dict[str, Any]:
    """What of a configuration describes a model of the class, its parts' own configurations likewise."""
    parts: Mapping[str, Any] = config_class.sub_configs
    known = (_declared(config_class) | parts.keys() | _EARLIER | _OURS) - _OF_A_LOADER
    taken = {key: value for key, value in raw.items() if key in known and not key.startswith("_")}
    return taken | {key: _of_part(value, parts.get(key)) for key, value in taken.items() if isinstance(value, dict)}


def unknown_keys(raw: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """The keys that were left where they are, those of parts after the part's own."""
    left = [key for key in raw if key not in known]
    for key, value in known.items():
        if isinstance(value, dict) and isinstance(raw[key], dict):
            left += [f"{key}.{each}" for each in unknown_keys(raw[key], value)]
    return left


def _declared(config_class: type[PretrainedConfig]) -> frozenset[str]:
    """The names of a class's fields, other names for them, and what its configurations get besides."""
    names = {field.name for field in fields(config_class)} | set(config_class.attribute_map)
    # Some can only be made of their parts.
    with suppress(Exception):
        names |= vars(config_class()).keys()
    return frozenset(names)


def _of_part(value: Mapping[str, Any], part: object) -> Mapping[str, Any]:
    """What is known of a value that may be a part's own configuration, of the class that is declared or that it names.

    Many classes leave it to the part to say what it is. Where that is no name, nothing is known but what is none of it.
    """
    if isinstance(part, type) and issubclass(part, PretrainedConfig):
        return known_keys(value, part)
    named = value.get("model_type")
    if isinstance(named, str) and named in CONFIG_MAPPING:
        return known_keys(value, CONFIG_MAPPING[named])
    if part is None and named is None:
        return value
    return {key: each for key, each in value.items() if key not in _OF_A_LOADER and not key.startswith("_")}
