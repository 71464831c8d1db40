"""Small models in the published layouts, and what they say, written down from the layouts' descriptions.

Nothing here is octo's, nor transformers': tensors by their published names, and a forward pass over them in float64.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

VOCABULARY = 96
LAYERS = 2
WIDTH = 32
HEADS, KEY_VALUE_HEADS, HEAD_WIDTH = 4, 2, 8
FEED_FORWARD = 48
THETA = {"dream": 1_000_000.0, "llada": 500_000.0, "sdar": 1_000_000.0}
EPSILON = {"dream": 1e-6, "llada": 1e-5, "sdar": 1e-6}
BLOCK = 4

CONFIGS = {
    "dream": {
        "architectures": ["DreamModel"],
        "attention_dropout": 0.0,
        "auto_map": {"AutoConfig": "configuration_dream.DreamConfig", "AutoModel": "modeling_dream.DreamModel"},
        "bos_token_id": 90,
        "eos_token_id": 90,
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "initializer_range": 0.02,
        "intermediate_size": FEED_FORWARD,
        "mask_token_id": 95,
        "max_position_embeddings": 128,
        "max_window_layers": 28,
        "model_type": "Dream",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "pad_token_id": 91,
        "rms_norm_eps": EPSILON["dream"],
        "rope_scaling": None,
        "rope_theta": THETA["dream"],
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_cache": True,
        "use_mrope": False,
        "use_sliding_window": False,
        "vocab_size": VOCABULARY,
    },
    "llada": {
        "activation_type": "silu",
        "alibi": False,
        "architectures": ["LLaDAModelLM"],
        "attention_layer_norm": False,
        "auto_map": {"AutoModel": "modeling_llada.LLaDAModelLM"},
        "bias_for_layer_norm": False,
        "block_group_size": 1,
        "block_type": "llama",
        "d_model": WIDTH,
        "embedding_size": VOCABULARY,
        "eos_token_id": 90,
        "flash_attention": False,
        "include_bias": False,
        "include_qkv_bias": False,
        "input_emb_norm": False,
        "layer_norm_type": "rms",
        "layer_norm_with_affine": True,
        "mask_token_id": 95,
        "max_sequence_length": 128,
        "mlp_hidden_size": FEED_FORWARD,
        "mlp_ratio": 4,
        "model_type": "llada",
        "multi_query_attention": None,
        "n_heads": HEADS,
        "n_kv_heads": KEY_VALUE_HEADS,
        "n_layers": LAYERS,
        "pad_token_id": 90,
        "rms_norm_eps": EPSILON["llada"],
        "rope": True,
        "rope_theta": THETA["llada"],
        "scale_logits": False,
        "torch_dtype": "float32",
        "vocab_size": VOCABULARY - 2,
        "weight_tying": False,
    },
    "sdar": {
        "architectures": ["SDARForCausalLM"],
        "attention_bias": False,
        "attn_implementation": "flex_attention",
        "auto_map": {"AutoModelForCausalLM": "modeling_sdar.SDARForCausalLM"},
        "block_size": BLOCK,
        "bos_token_id": 90,
        "eos_token_id": 90,
        "fuse_cross_entropy": True,
        "head_dim": HEAD_WIDTH,
        "hidden_act": "silu",
        "hidden_size": WIDTH,
        "intermediate_size": FEED_FORWARD,
        "mask_token_id": 95,
        "max_position_embeddings": 128,
        "max_window_layers": 28,
        "model_type": "sdar",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KEY_VALUE_HEADS,
        "rms_norm_eps": EPSILON["sdar"],
        "rope_scaling": None,
        "rope_theta": THETA["sdar"],
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_sliding_window": False,
        "vocab_size": VOCABULARY,
    },
}
LAYER = "model.layers.{}."
NAMES = {
    "embedding": ("model.embed_tokens", "model.transformer.wte"),
    "norm": ("model.norm", "model.transformer.ln_f"),
    "head": ("lm_head", "model.transformer.ff_out"),
    "before": (LAYER + "input_layernorm", "model.transformer.blocks.{}.attn_norm"),
    "query": (LAYER + "self_attn.q_proj", "model.transformer.blocks.{}.q_proj"),
    "key": (LAYER + "self_attn.k_proj", "model.transformer.blocks.{}.k_proj"),
    "value": (LAYER + "self_attn.v_proj", "model.transformer.blocks.{}.v_proj"),
    "attended": (LAYER + "self_attn.o_proj", "model.transformer.blocks.{}.attn_out"),
    "between": (LAYER + "post_attention_layernorm", "model.transformer.blocks.{}.ff_norm"),
    "gate": (LAYER + "mlp.gate_proj", "model.transformer.blocks.{}.ff_proj"),
    "up": (LAYER + "mlp.up_proj", "model.transformer.blocks.{}.up_proj"),
    "down": (LAYER + "mlp.down_proj", "model.transformer.blocks.{}.ff_out"),
    "query norm": (LAYER + "self_attn.q_norm", ""),
    "key norm": (LAYER + "self_attn.k_norm", ""),
}
SHAPES = {
    "embedding": (VOCABULARY, WIDTH),
    "norm": (WIDTH,),
    "head": (VOCABULARY, WIDTH),
    "before": (WIDTH,),
    "query": (HEADS * HEAD_WIDTH, WIDTH),
    "key": (KEY_VALUE_HEADS * HEAD_WIDTH, WIDTH),
    "value": (KEY_VALUE_HEADS * HEAD_WIDTH, WIDTH),
    "attended": (WIDTH, HEADS * HEAD_WIDTH),
    "between": (WIDTH,),
    "gate": (FEED_FORWARD, WIDTH),
    "up": (FEED_FORWARD, WIDTH),
    "down": (WIDTH, FEED_FORWARD),
    "query norm": (HEAD_WIDTH,),
    "key norm": (HEAD_WIDTH,),
}


def name_of(layout: str, role: str, layer: int, *, of: str = "weight") -> str:
    """What a tensor is called."""
    return f"{NAMES[role][layout == 'llada'].format(layer)}.{of}"


def tensors_of(layout: str) -> dict[str, Tensor]:
    """Random weights under their published names."""
    random = torch.Generator().manual_seed(5)
    tensors = {}
    for layer in range(LAYERS):
        for role, shape in SHAPES.items():
            if role.endswith(" norm") and layout != "sdar":
                continue
            spread = 1.0 if role in ("embedding", "head") else 0.3
            tensors[name_of(layout, role, layer)] = spread * torch.randn(shape, generator=random)
            if layout == "dream" and role in ("query", "key", "value"):
                tensors[name_of(layout, role, layer, of="bias")] = torch.randn(shape[0], generator=random)
    return tensors


def write(layout: str, folder: Path) -> dict[str, Tensor]:
    """A model's directory but for its tokenizer; the tensors in it."""
    folder.mkdir(exist_ok=True)
    tensors = tensors_of(layout)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIGS[layout]))
    return tensors


def logits_of(layout: str, tensors: dict[str, Tensor], tokens: list[int]) -> Tensor:
    """By position, what its state predicts: of its own token, or with Dream of the next one."""

    def weight(role: str, layer: int = 0) -> Tensor:
        return tensors[name_of(layout, role, layer)].double()

    def projected(states: Tensor, role: str, layer: int) -> Tensor:
        bias = tensors.get(name_of(layout, role, layer, of="bias"))
        made = states @ weight(role, layer).t()
        return made if bias is None else made + bias.double()

    def normed(states: Tensor, scale: Tensor) -> Tensor:
        return scale * states / (states.square().mean(dim=-1, keepdim=True) + EPSILON[layout]).sqrt()

    length = len(tokens)
    sees = torch.ones(length, length, dtype=torch.bool)
    if layout == "sdar":
        for row in range(length):
            sees[row, (row // BLOCK + 1) * BLOCK :] = False
    states = weight("embedding")[tokens]
    for layer in range(LAYERS):
        given = normed(states, weight("before", layer))
        query, key, value = (
            projected(given, role, layer).view(length, -1, HEAD_WIDTH) for role in ("query", "key", "value")
        )
        if layout == "sdar":
            query, key = normed(query, weight("query norm", layer)), normed(key, weight("key norm", layer))
        query, key = turned(query, THETA[layout]), turned(key, THETA[layout])
        heads = []
        for head in range(HEADS):
            shared = head // (HEADS // KEY_VALUE_HEADS)
            scores = query[:, head] @ key[:, shared].t() / math.sqrt(HEAD_WIDTH)
            heads.append(scores.masked_fill(~sees, -torch.inf).softmax(dim=-1) @ value[:, shared])
        states = states + torch.cat(heads, dim=-1) @ weight("attended", layer).t()
        given = normed(states, weight("between", layer))
        gate = given @ weight("gate", layer).t()
        states = states + (gate * gate.sigmoid() * (given @ weight("up", layer).t())) @ weight("down", layer).t()
    return normed(states, weight("norm")) @ weight("head").t()


def turned(heads: Tensor, theta: float) -> Tensor:
    """Rotary positions: the first half of a head is the real part, the second the imaginary one."""
    half = HEAD_WIDTH // 2
    rates = theta ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = torch.arange(len(heads), dtype=torch.float64)[:, None, None] * rates
    complex_heads = torch.complex(heads[..., :half], heads[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([complex_heads.real, complex_heads.imag], dim=-1)
