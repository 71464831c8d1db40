"""What a model's config.json says of its size: how many weights it has, exactly, and how wide each of its layers is.

Known are the architectures of `FAMILIES`. One that is not, or has experts, is refused in a sentence, never guessed at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from octo.errors import InputError


@dataclass(frozen=True)
class _Family:
    """What transformers' class of a model_type has whatever the configuration says, or where it says nothing."""

    tied: bool = False
    """Whether the head is the embedding, where tie_word_embeddings is left out."""
    projection_bias: bool | None = None
    """Of query, key and value; None does as attention_bias says."""
    output_bias: bool | None = None
    """Of attention's output; None does as attention_bias says."""
    has_mlp_bias: bool = False
    """Whether mlp_bias is looked at."""
    norms: int = 2
    """Of a layer, as wide as the residual stream."""
    head_norm: Literal["none", "head", "whole"] = "none"
    """Norms of queries and keys: over each head, or over all heads together."""
    head_dim: int = 0
    """Where the configuration does not say; 0 divides hidden_size by the heads."""
    key_value_heads: int = 0
    """Where the configuration does not say; 0 takes as many as there are heads."""


FAMILIES: Mapping[str, _Family] = {
    "llama": _Family(has_mlp_bias=True),
    "mistral": _Family(projection_bias=False, output_bias=False, key_value_heads=8),
    "qwen2": _Family(projection_bias=True, output_bias=False, key_value_heads=32),
    "qwen3": _Family(head_norm="head", head_dim=128, key_value_heads=32),
    "gemma3_text": _Family(tied=True, norms=4, head_norm="head", head_dim=256, key_value_heads=4),
    "smollm3": _Family(tied=True, has_mlp_bias=True, key_value_heads=4),
    "olmo2": _Family(head_norm="whole"),
}
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size")


@dataclass(frozen=True)
class TransformerShape:
    """A causal transformer's sizes. Counts are of elements, not of bytes."""

    family: str
    vocabulary_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_key_value_heads: int
    head_dim: int
    tied: bool
    """Whether the head is the embedding."""
    attention_bias: bool = False
    mlp_bias: bool = False
    sliding_window: int = 0
    """Tokens that the layers with a window look back at; 0 where none has one."""
    num_sliding_layers: int = 0

    @property
    def query_size(self) -> int:
        """Width of all heads' queries together."""
        return self.num_heads * self.head_dim

    @property
    def key_size(self) -> int:
        """Width of all heads' keys together, and of their values."""
        return self.num_key_value_heads * self.head_dim

    @property
    def num_parameters(self) -> int:
        """Weights of the model, a head that is the embedding counted once."""
        embeddings = (1 if self.tied else 2) * self.num_embedding_parameters
        return embeddings + self.num_layers * self.num_layer_parameters + self.hidden_size

    @property
    def num_embedding_parameters(self) -> int:
        """Weights of the embedding, which the head has as many of."""
        return self.vocabulary_size * self.hidden_size

    @property
    def num_layer_parameters(self) -> int:
        """Weights of one layer."""
        family, hidden, inner = FAMILIES[self.family], self.hidden_size, self.intermediate_size
        queries, keys = self.query_size, self.key_size
        projection_bias = self.attention_bias if family.projection_bias is None else family.projection_bias
        output_bias = self.attention_bias if family.output_bias is None else family.output_bias
        attention = 2 * hidden * queries + 2 * hidden * keys
        biases = projection_bias * (queries + 2 * keys) + output_bias * hidden + self.mlp_bias * (2 * inner + hidden)
        head_norms = {"none": 0, "head": 2 * self.head_dim, "whole": queries + keys}[family.head_norm]
        return attention + 3 * hidden * inner + biases + family.norms * hidden + head_norms

    @property
    def num_computing_parameters(self) -> int:
        """Weights that each token is multiplied with: all but the embedding, and the head whatever it is."""
        return self.num_parameters + (self.tied - 1) * self.num_embedding_parameters


def operations_of_a_token(shape: TransformerShape, *, seen: float, computed_again: float) -> float:
    """Operations that a training makes for a token.

    6 for each weight (Kaplan et al., 2020: 2 forwards, 4 backwards), and in attention 12 for each position that it
    sees, a unit of the heads' width and a layer.

    Args:
        shape: of the model.
        seen: positions, in the mean.
        computed_again: share of the layers whose activations are, for want of memory: of all of them, a third more.
    """
    once = 6 * shape.num_computing_parameters + 12 * shape.num_layers * shape.query_size * seen
    return once * (1 + computed_again / 3)


def shape_of(config: Mapping[str, object]) -> TransformerShape:
    """The shape that a Hugging Face config.json describes.

    Raises InputError for an architecture that is not known, one with experts, and a size that is missing or no number.
    """
    kind = config.get("model_type")
    family = FAMILIES.get(str(kind))
    if family is None:
        raise InputError(f"the size of a model of type {kind!r} is not known: known are {', '.join(FAMILIES)}")
    if experts := next((name for name in _EXPERTS if config.get(name)), ""):
        raise InputError(f"the size of a model with experts is not known: its configuration has {experts}")
    heads = _size(config, "num_attention_heads")
    hidden = _size(config, "hidden_size")
    windows = config.get("layer_types") or ()
    layers = _size(config, "num_hidden_layers")
    kinds = list(windows) if isinstance(windows, list | tuple) else []
    return TransformerShape(
        family=str(kind),
        vocabulary_size=_size(config, "vocab_size"),
        hidden_size=hidden,
        intermediate_size=_size(config, "intermediate_size"),
        num_layers=layers,
        num_heads=heads,
        num_key_value_heads=_size(config, "num_key_value_heads", otherwise=family.key_value_heads or heads),
        head_dim=_size(config, "head_dim", otherwise=family.head_dim or hidden // heads),
        tied=_switch(config, "tie_word_embeddings", otherwise=family.tied),
        attention_bias=_switch(config, "attention_bias", otherwise=False),
        mlp_bias=family.has_mlp_bias and _switch(config, "mlp_bias", otherwise=False),
        sliding_window=_size(config, "sliding_window", otherwise=0) if "sliding_attention" in kinds else 0,
        num_sliding_layers=kinds.count("sliding_attention"),
    )


def _size(config: Mapping[str, object], name: str, *, otherwise: int | None = None) -> int:
    value = config.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise InputError(f"expected a model configuration with a positive number {name}, got {value!r}")
    return value


def _switch(config: Mapping[str, object], name: str, *, otherwise: bool) -> bool:
    value = config.get(name)
    return otherwise if value is None else bool(value)
