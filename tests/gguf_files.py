"""A small Llama as a GGUF file, as llama.cpp's converter writes one."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType, quantize
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

HEADS, KEY_VALUE_HEADS, WIDTH, INNER, LAYERS = 4, 2, 64, 128, 2
BEGIN, END = "<|im_start|>", "<|im_end|>"
TEXTS = ["12+34=46", "5+7=12:12", "the sum of two numbers is a number", "a program that adds two numbers"] * 8
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def small_weights(vocabulary_size: int) -> dict[str, NDArray[np.float32]]:
    """By transformers' names; the embedding is tied to the head."""
    random = np.random.default_rng(3)
    shapes = {"model.embed_tokens": (vocabulary_size, WIDTH)}
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        shapes |= {
            f"{name}.self_attn.q_proj": (WIDTH, WIDTH),
            f"{name}.self_attn.k_proj": (WIDTH * KEY_VALUE_HEADS // HEADS, WIDTH),
            f"{name}.self_attn.v_proj": (WIDTH * KEY_VALUE_HEADS // HEADS, WIDTH),
            f"{name}.self_attn.o_proj": (WIDTH, WIDTH),
            f"{name}.mlp.gate_proj": (INNER, WIDTH),
            f"{name}.mlp.up_proj": (INNER, WIDTH),
            f"{name}.mlp.down_proj": (WIDTH, INNER),
            f"{name}.input_layernorm": (WIDTH,),
            f"{name}.post_attention_layernorm": (WIDTH,),
        }
    shapes["model.norm"] = (WIDTH,)
    return {f"{name}.weight": random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}


def write_gguf(
    file: Path,
    *,
    weights: Mapping[str, NDArray[np.float32]] | None = None,
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    architecture: str = "llama",
    extra: Mapping[str, NDArray[np.float32]] | None = None,
) -> Mapping[str, NDArray[np.float32]]:
    """Write the model; the weights that it was given.

    Args:
        file: to write.
        weights: by transformers' names; those of `small_weights` where there are none.
        kind: of every matrix; norms are float32 in any case.
        architecture: what the file says it is.
        extra: tensors beside them, by llama.cpp's names.
    """
    tokenizer = _tokenizer()
    vocabulary = tokenizer.get_vocab_size()
    weights = small_weights(vocabulary) if weights is None else weights
    writer = GGUFWriter(file, architecture)
    writer.add_name("small")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_VALUE_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(vocabulary)
    _add_tokenizer(writer, tokenizer)
    for name, numbers in weights.items():
        _add(writer, _name(name), _turned(name, numbers), kind if numbers.ndim == 2 else GGMLQuantizationType.F32)
    for name, numbers in (extra or {}).items():
        _add(writer, name, numbers, GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=320,
        special_tokens=["<|endoftext|>", BEGIN, END],
        initial_alphabet=sorted(ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def _add_tokenizer(writer: GGUFWriter, tokenizer: Tokenizer) -> None:
    ids = tokenizer.get_vocab()
    tokens = sorted(ids, key=ids.__getitem__)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token.startswith("<|") else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(ids[BEGIN])
    writer.add_eos_token_id(ids[END])
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(ids[END])
    writer.add_chat_template(TEMPLATE)


def _add(writer: GGUFWriter, name: str, numbers: NDArray[np.float32], kind: GGMLQuantizationType) -> None:
    writer.add_tensor(name, quantize(numbers, kind), raw_dtype=kind)


def _name(name: str) -> str:
    """What llama.cpp calls a tensor."""
    own = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    stem = name.removesuffix(".weight")
    if stem in own:
        return f"{own[stem]}.weight"
    _, _, layer, part = stem.split(".", 3)
    return f"blk.{layer}.{own[part]}.weight"


def _turned(name: str, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotary weights in llama.cpp's order: the two halves of a head lie between each other."""
    heads = {"q_proj": HEADS, "k_proj": KEY_VALUE_HEADS}.get(name.split(".")[-2])
    if heads is None:
        return numbers
    halves = numbers.reshape(heads, 2, len(numbers) // heads // 2, -1)
    return halves.swapaxes(1, 2).reshape(numbers.shape)
