"""Published masked-diffusion models as transformers' own classes: what their configurations say, in other words.

Dream and DiffuCoder have Qwen2's body, LLaDA has Llama's under names of its own, SDAR has Qwen3's. Their code is not
needed: only which configuration, which names and which kind of diffusion model theirs stand for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from octo.errors import InputError
from octo.ml.diffusion.denoiser import Kind, described


@dataclass(frozen=True)
class Published:
    """A model of a published layout."""

    config: dict[str, Any]
    """What config.json is for transformers' own class; it says what kind of diffusion model this is."""
    rename: Callable[[str], str]
    """From a tensor's published name to the one that the class has for it; InputError for a name of another layout."""
    kind: Kind


def published(config: Mapping[str, Any]) -> Published | None:
    """What a published config.json stands for; None where it is of no layout that is known here.

    Raises:
        InputError: it is, but with something that transformers' own class does not have, or without what is needed.
    """
    read = _LAYOUTS.get(str(config.get("model_type")))
    return read(config) if read else None


def _dream(config: Mapping[str, Any]) -> Published:
    _expect(config, "Dream", {"use_sliding_window": False, "use_mrope": False, "block_size": None, "head_dim": None})
    kind = Kind(mask_id=_id(config, "Dream", "mask_token_id"), pad_id=_pad(config, "Dream"))
    return Published(_native("qwen2", "Qwen2ForCausalLM", config, kind), _as_it_is, kind)


def _sdar(config: Mapping[str, Any]) -> Published:
    _expect(config, "SDAR", {"use_sliding_window": False})
    kind = Kind(
        mask_id=_id(config, "SDAR", "mask_token_id"),
        pad_id=_pad(config, "SDAR"),
        attention="blocks",
        shift=False,
        block_length=_id(config, "SDAR", "block_length" if "block_length" in config else "block_size"),
    )
    if kind.block_length < 1:
        raise InputError(f"config.json of this SDAR model has block_size {kind.block_length}: expected 1 or more")
    return Published(_native("qwen3", "Qwen3ForCausalLM", config, kind), _as_it_is, kind)


def _llada(config: Mapping[str, Any]) -> Published:
    _expect(config, "LLaDA", _LLADA)
    kind = Kind(mask_id=_id(config, "LLaDA", "mask_token_id"), pad_id=_pad(config, "LLaDA"), shift=False)
    width, heads, tokens = (_id(config, "LLaDA", name) for name in ("d_model", "n_heads", "vocab_size"))
    native = {
        "hidden_size": width,
        "intermediate_size": config.get("mlp_hidden_size") or _id(config, "LLaDA", "mlp_ratio") * width,
        "num_hidden_layers": _id(config, "LLaDA", "n_layers"),
        "num_attention_heads": heads,
        "num_key_value_heads": config.get("n_kv_heads") or (1 if config.get("multi_query_attention") else heads),
        # There may be more rows than tokens.
        "vocab_size": config.get("embedding_size") or tokens,
        "max_position_embeddings": _id(config, "LLaDA", "max_sequence_length"),
        "rms_norm_eps": config.get("rms_norm_eps", 1e-5),
        "rope_theta": config.get("rope_theta", 10_000.0),
        "tie_word_embeddings": config.get("weight_tying", False),
        "initializer_range": config.get("init_std", 0.02),
        **{name: config[name] for name in ("bos_token_id", "eos_token_id", "torch_dtype", "dtype") if name in config},
    }
    return Published(_native("llama", "LlamaForCausalLM", native, kind), _of_llada, kind)


_LAYOUTS: dict[str, Callable[[Mapping[str, Any]], Published]] = {"Dream": _dream, "llada": _llada, "sdar": _sdar}
_LLADA = {
    "block_type": "llama",
    "block_group_size": 1,
    "activation_type": "silu",
    "layer_norm_type": "rms",
    "layer_norm_with_affine": True,
    "bias_for_layer_norm": False,
    "attention_layer_norm": False,
    "input_emb_norm": False,
    "include_bias": False,
    "include_qkv_bias": False,
    "rope": True,
    "alibi": False,
    "scale_logits": False,
}
"""What the published configurations say, and what makes the layout Llama's."""
_LLADA_NAMES = {
    "wte": "model.embed_tokens",
    "ln_f": "model.norm",
    "ff_out": "lm_head",
    "attn_norm": "input_layernorm",
    "q_proj": "self_attn.q_proj",
    "k_proj": "self_attn.k_proj",
    "v_proj": "self_attn.v_proj",
    "attn_out": "self_attn.o_proj",
    "ff_norm": "post_attention_layernorm",
    "ff_proj": "mlp.gate_proj",
    "up_proj": "mlp.up_proj",
}
_OF_A_LAYER = re.compile(r"model\.transformer\.blocks\.(\d+)\.(\w+)\.weight")
_OF_NO_LAYER = re.compile(r"model\.transformer\.(wte|ln_f|ff_out)\.weight")
_THEIR_CODE = ("auto_map", "model_type", "architectures", "attn_implementation", "pad_token_id", "mask_token_id")


def _of_llada(name: str) -> str:
    if found := _OF_NO_LAYER.fullmatch(name):
        return f"{_LLADA_NAMES[found[1]]}.weight"
    found = _OF_A_LAYER.fullmatch(name)
    # The name of what leads out of a feed-forward layer is the head's, too.
    own = found and ("mlp.down_proj" if found[2] == "ff_out" else _LLADA_NAMES.get(found[2]))
    if not found or not own or found[2] in ("wte", "ln_f"):
        raise InputError(
            f"tensor {name} is none of a LLaDA model: expected model.transformer.blocks.0.q_proj.weight etc."
        )
    return f"model.layers.{found[1]}.{own}.weight"


def _as_it_is(name: str) -> str:
    return name


def _native(model_type: str, architecture: str, config: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    known = {name: value for name, value in config.items() if name not in _THEIR_CODE}
    # A pad token that transformers knows has an embedding that is never trained.
    return known | {"model_type": model_type, "architectures": [architecture], "pad_token_id": None} | described(kind)


def _expect(config: Mapping[str, Any], layout: str, expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        found = config.get(name, value)
        if (found or None) != (value or None):
            raise InputError(f"this {layout} model has {name}={found}, and octo reads those with {name}={value}")


def _pad(config: Mapping[str, Any], layout: str) -> int:
    return _id(config, layout, "eos_token_id" if config.get("pad_token_id") is None else "pad_token_id")


def _id(config: Mapping[str, Any], layout: str, name: str) -> int:
    found = config.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        raise InputError(f"config.json of this {layout} model says {name}={found}: write the number there")
    return found
