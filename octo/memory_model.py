"""How much memory a model takes, in training and in decoding: arithmetic on its shape, of one rank, in bytes.

Everything is counted, nothing is measured. An element of weights and activations has w bytes (float32 4, bfloat16 2); N
are the weights, P those that a rank updates: its share, or all at stage 0. The most is held at one of four moments:

| moment    | weights | optimizer | gradients             | beside them                                  |
|-----------|---------|-----------|-----------------------|----------------------------------------------|
| backward  | w N     | masters,  | the sum of earlier    | activations, logits, a gradient of the head  |
| exchange  | w N     | two means | micro-batches         | activations, the gradient of the head, what  |
|           |         | 4 P each  |                       | has come of it, what is sent and received    |
| reduction | w N     |           | the sum of all, in    | the gradient of the embedding, what has come |
|           |         |           | float32, of the share | of its unit, and what is sent and received   |
| update    | w N     |           |                       | a unit's weights while they are gathered     |

Weights in float32 are their own masters. So a weight takes 16 bytes at least, where one rank has it, and gradients are
summed over the ranks layer by layer at every stage (`octo.ml.gradients`); `octo.memory_plain` says what DeepSpeed holds
instead. Activations are linear in the tokens: attention keeps queries, keys, values and results, never scores, and the
head keeps no logits (`octo.ml.attention`, `octo.ml.token_logprobs`). Checkpoints are made of a copy of what a rank
saves, in the machine's memory. What an allocator keeps back, and other processes, are not counted.
"""

from dataclasses import dataclass, fields
from math import ceil

from octo.memory_exact import ExactCount
from octo.memory_plain import PlainCount
from octo.memory_terms import WIDTHS, Moment, Training, adapter_parameters
from octo.settings.base import Precision
from octo.transformer_shape import FAMILIES, TransformerShape

__all__ = [
    "PARTS",
    "WIDTHS",
    "Footprint",
    "Training",
    "adapter_parameters",
    "decoding_footprint",
    "footprint",
    "key_value_elements",
]

SLAB_ELEMENTS = {False: 1 << 20, True: 1 << 26}
"""Logits that are looked at together, on a processor and on an accelerator."""
KEPT_LOGITS = {False: 1 << 27, True: 0}
"""Bytes of logits that are kept for the way back, on a processor and on an accelerator, where there are so many."""
SLAB_WIDTH = 12
"""Bytes of a logit while it is looked at: scaled in float32, its weight, and what one of them is made into."""
CONTEXT = 1 << 29
"""Of an accelerator, before anything is on it: its libraries' code and workspaces."""
PROCESS = 450 << 20
"""Of a rank's process in its machine's memory: Python, torch and DeepSpeed."""


@dataclass(frozen=True)
class Footprint:
    """Bytes that a rank holds at the moment at which it holds most, on what it computes with."""

    weights: int = 0
    gradients: int = 0
    optimizer: int = 0
    """Copies of the weights in full precision, and AdamW's two means."""
    activations: int = 0
    """Of a decoder, with its keys and values."""
    logits: int = 0
    buffers: int = 0
    """Of communication and of the update."""
    saved: int = 0
    """A copy of what the rank saves: its share of the optimizer and of the weights. The room for it stays taken."""
    process: int = 0
    """Before there is a model."""
    moment: Moment = "backward"
    offloaded: int = 0
    """Optimizer, and what is being saved, in the machine's own memory, where the rank computes elsewhere."""

    @property
    def total(self) -> int:
        """All of it, without what is offloaded."""
        return sum(getattr(self, name) for name in PARTS)


PARTS = tuple(each.name for each in fields(Footprint) if each.name not in ("moment", "offloaded"))
"""Names of what a footprint is the sum of."""


def footprint(shape: TransformerShape, training: Training) -> Footprint:
    """What one rank holds when it trains."""
    optimizer, on_accelerator = training.optimizer, training.on_accelerator
    count = (PlainCount if optimizer.reduction == "plain" else ExactCount)(shape, training)
    moments = count.moments()
    activations = _activations(shape, training)
    logits = _logits(shape, training)
    beside: dict[Moment, int] = {"backward": activations + logits, "exchange": activations}
    most = max(moments, key=lambda name: sum(moments[name]) + beside.get(name, 0))
    is_elsewhere = optimizer.offload_optimizer == "cpu" and on_accelerator
    return Footprint(
        weights=count.weights,
        gradients=moments[most].gradients,
        optimizer=0 if is_elsewhere else count.states,
        activations=activations if most in beside else 0,
        logits=logits if most == "backward" else 0,
        buffers=moments[most].buffers,
        saved=0 if on_accelerator else count.saved,
        process=CONTEXT if on_accelerator else PROCESS,
        moment=most,
        offloaded=(count.states * is_elsewhere + count.saved) * on_accelerator,
    )


def _logits(shape: TransformerShape, training: Training) -> int:
    """What is looked at together, and what is kept; those of one slab are kept as what they are made into."""
    num = training.num_predicted * shape.vocabulary_size
    most = KEPT_LOGITS[training.on_accelerator] if num > SLAB_ELEMENTS[False] else 0
    kept = min(WIDTHS[training.optimizer.precision] * num, most)
    return SLAB_WIDTH * SLAB_ELEMENTS[training.on_accelerator] + kept


def _activations(shape: TransformerShape, training: Training) -> int:
    """When the loss is on its way back through the head: every layer's are there still."""
    precision = training.optimizer.precision
    width = WIDTHS[precision]
    layer = layer_bytes(shape, precision)
    stream = width * shape.hidden_size
    optimizer = training.optimizer
    again = ceil(optimizer.checkpointed_layers * shape.num_layers) if optimizer.gradient_checkpointing else 0
    # The last of those that are computed again is whole while it is: beside the others, or where they were.
    kept = again * stream + max(shape.num_layers - again, int(again > 0)) * layer
    final = shape.hidden_size * (4 + 2 * width)
    states = training.num_predicted * shape.hidden_size * (width + 4)
    return training.num_tokens * (kept + final) + states


def decoding_footprint(
    shape: TransformerShape,
    *,
    num_sequences: int,
    length: int,
    precision: Precision,
    on_accelerator: bool,
    keeps_keys: bool = True,
) -> Footprint:
    """What one process holds when it decodes sequences of that length, prompt and completion, side by side.

    Without kept keys and values, as of a diffusion model, every step reads whole canvases.
    """
    width = WIDTHS[precision]
    tokens = num_sequences * length
    read = tokens if not keeps_keys else num_sequences * max(1, length // 2)
    return Footprint(
        weights=width * shape.num_parameters,
        activations=width * (key_value_elements(shape, num_sequences, length) * keeps_keys + read * widest(shape)),
        logits=SLAB_WIDTH * SLAB_ELEMENTS[on_accelerator] + 3 * 4 * num_sequences * shape.vocabulary_size,
        process=CONTEXT if on_accelerator else PROCESS,
        moment="decoding",
    )


def key_value_elements(shape: TransformerShape, num_sequences: int, length: int) -> int:
    """Elements of the keys and values of all layers; those with a window keep no more than it."""
    windowed = min(length, shape.sliding_window) * shape.num_sliding_layers
    whole = length * (shape.num_layers - shape.num_sliding_layers)
    return 2 * num_sequences * shape.key_size * (windowed + whole)


def layer_bytes(shape: TransformerShape, precision: Precision) -> int:
    """What one layer keeps of a token for the way back.

    A norm keeps what it reads, in float32, what it makes of that, and its result, except where the result is only added
    to the stream; attention keeps queries, keys, values and results, and the root of a number a head; the feed-forward
    keeps four times its width.
    """
    width, wide = WIDTHS[precision], 4
    family = FAMILIES[shape.family]
    queries, keys = shape.query_size, shape.key_size
    # What norms read is float32 in any case; before the layer, a second and a third tensor have the model's width.
    norms_before = 1 if family.head_norm == "whole" else 2
    stream = shape.hidden_size * {2: wide + 2 * width, 1: 3 * width}[norms_before]
    norms = 2 * stream + (family.norms - 2) * shape.hidden_size * (wide + width)
    heads = (queries + keys) * (wide + width) if family.head_norm != "none" else 0
    attention = width * (2 * queries + 2 * keys) + 4 * shape.num_heads
    return norms + heads + attention + width * 4 * shape.intermediate_size


def widest(shape: TransformerShape) -> int:
    """Elements of a token that a layer holds at once where nothing is kept for a way back."""
    return 2 * shape.hidden_size + max(3 * shape.intermediate_size, 2 * shape.query_size + 2 * shape.key_size)
