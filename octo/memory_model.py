"""How much memory a model takes, in training and in decoding: arithmetic on its shape, of one rank, in bytes.

Everything is counted, nothing is measured. An element of weights and activations has w bytes (float32 4, bfloat16 2); N
are the weights, P a rank's share of them, B DeepSpeed's bucket. The most is held at one of three moments:

| moment    | weights | optimizer | gradients           | beside them                                   |
|-----------|---------|-----------|---------------------|-----------------------------------------------|
| backward  | w N     | masters,  | of earlier micro-   | activations, and a gradient of the head while |
|           |         | two means | batches             | the loss is taken back                        |
| reduction | w N     | 4 P each  | all                 | a bucket, and a copy of it that is sent       |
| update    | w N     |           | float32, of the own | the largest gradient in float64, for the norm |

Weights in float32 are their own masters at stages 0 to 2. So a weight takes 16 bytes at least, where one rank has it.
ZeRO partitions the optimizer (1), gradients (2) and weights (3). Activations are linear in the tokens: attention keeps
queries, keys, values and results, never scores, and the head keeps no logits (`octo.ml.attention`,
`octo.ml.token_logprobs`). Checkpoints are made of a copy of what a rank saves, in the machine's memory. What an
allocator keeps back, and other processes, are not counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import ceil
from typing import Literal, NamedTuple

from octo.settings.base import Precision
from octo.settings.lora import PROJECTIONS, LoraSettings
from octo.settings.midtraining import OptimizerSettings
from octo.transformer_shape import FAMILIES, TransformerShape

WIDTHS: Mapping[Precision, int] = {"float32": 4, "bfloat16": 2}
"""Bytes of an element."""
BUCKET = 500_000_000
"""Elements of the bucket that DeepSpeed reduces gradients in: its own choice."""
SMALL_BUCKET = 1 << 24
"""Where one rank or two add gradients up: the order of more summands depends on where in the bucket they are."""
MOST_GATHERED = 1_000_000_000
"""Elements of weights that ZeRO 3 keeps gathered, and of a share that it updates at a time."""
SLAB_ELEMENTS = {False: 1 << 20, True: 1 << 26}
"""Logits that are looked at together, on a processor and on an accelerator."""
KEPT_LOGITS = {False: 1 << 27, True: 0}
"""Bytes of logits that are kept for the way back, on a processor and on an accelerator, where there are so many."""
SLAB_WIDTH = 12
"""Bytes of a logit while it is looked at: scaled in float32, its weight, and what one of them is made into."""
PIECE = 1 << 17
"""Elements that AdamW updates together on a processor."""
CONTEXT = 1 << 29
"""Of an accelerator, before anything is on it: its libraries' code and workspaces."""
PROCESS = 450 << 20
"""Of a rank's process in its machine's memory: Python, torch and DeepSpeed."""

Moment = Literal["backward", "reduction", "update", "decoding"]


@dataclass(frozen=True)
class Training:
    """How a model is trained, as one rank sees it."""

    num_tokens: int
    """Positions of a micro-batch: sequences by their length, padding included."""
    num_predicted: int
    """Those that carry loss, at most."""
    num_micro_batches: int
    """That a rank computes in one update."""
    ranks: int
    optimizer: OptimizerSettings
    on_accelerator: bool
    """Otherwise on processors."""
    lora: LoraSettings = field(default_factory=LoraSettings)
    """Which adapters are trained instead of all weights, if any."""
    saves: bool = False
    """Whether checkpoints are made beside it, of a copy in the machine's own memory."""


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
    count = _Count(shape, training)
    offloads = optimizer.offload_optimizer == "cpu"
    moments: dict[Moment, _Held] = {
        "backward": _backward(count),
        "reduction": _reduction(count),
        "update": _update(count, elsewhere=offloads and on_accelerator),
    }
    most = max(moments, key=lambda name: sum(moments[name]))
    found = moments[most]
    states = count.states + (count.offload_buffers if offloads else 0)
    return Footprint(
        weights=count.weights,
        gradients=found.gradients,
        optimizer=0 if offloads and on_accelerator else states,
        activations=found.activations,
        logits=found.logits,
        buffers=found.buffers,
        saved=0 if on_accelerator else count.saved,
        process=CONTEXT if on_accelerator else PROCESS,
        moment=most,
        offloaded=((states + count.update_buffers) * offloads + count.saved) * on_accelerator,
    )


def bucket_elements(ranks: int) -> int:
    """Elements of the bucket that so many ranks reduce gradients in."""
    return BUCKET if ranks > 2 else SMALL_BUCKET


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


def adapter_parameters(shape: TransformerShape, lora: LoraSettings) -> int:
    """Weights of adapters of all layers, beside those matrices whose names are known."""
    hidden, inner, queries, keys = shape.hidden_size, shape.intermediate_size, shape.query_size, shape.key_size
    sizes = (hidden + queries, hidden + keys, hidden + keys, queries + hidden, *(3 * [hidden + inner]))
    widths = dict(zip(PROJECTIONS, sizes, strict=True))
    return shape.num_layers * lora.rank * sum(widths.get(name, 0) for name in lora.modules)


def widest(shape: TransformerShape) -> int:
    """Elements of a token that a layer holds at once where nothing is kept for a way back."""
    return 2 * shape.hidden_size + max(3 * shape.intermediate_size, 2 * shape.query_size + 2 * shape.key_size)


class _Held(NamedTuple):
    """What differs from moment to moment."""

    gradients: int
    activations: int = 0
    logits: int = 0
    buffers: int = 0


class _Count:
    """Sizes that the moments are made of, in bytes."""

    def __init__(self, shape: TransformerShape, training: Training) -> None:
        optimizer = training.optimizer
        self.shape, self.training = shape, training
        self.stage = optimizer.zero_stage
        self.width = WIDTHS[optimizer.precision]
        adapted = training.lora.rank > 0
        self.whole = shape.num_parameters
        self.num = adapter_parameters(shape, training.lora) if adapted else self.whole
        self.frozen = self.whole if adapted else 0
        self.share = -(-self.num // training.ranks)
        self.bucket = min(self.num, bucket_elements(training.ranks))
        self.again = training.num_micro_batches > 1
        self.offloads = optimizer.offload_optimizer == "cpu"

    @property
    def num_recomputed(self) -> int:
        """Layers whose activations are computed again on the way back."""
        optimizer = self.training.optimizer
        return ceil(optimizer.checkpointed_layers * self.shape.num_layers) if optimizer.gradient_checkpointing else 0

    @property
    def weights(self) -> int:
        """Of the model: all of them, or a share beside those that are gathered."""
        held = self.num + self.frozen
        return self.width * (-(-held // self.training.ranks) + min(held, MOST_GATHERED) if self.stage == 3 else held)

    @property
    def largest(self) -> int:
        """Elements of the largest tensor that is trained, which is the embedding, or one of the adapters."""
        if self.frozen:
            return self.training.lora.rank * max(self.shape.hidden_size, self.shape.intermediate_size)
        return self.shape.num_embedding_parameters

    @property
    def is_plain_bfloat16(self) -> bool:
        """Whether DeepSpeed's optimizer for bfloat16 has it, which is another than its ZeRO."""
        return self.stage == 1 and self.width == 2 and not self.offloads

    @property
    def states(self) -> int:
        """Two running means, and the weights in full precision where the model's own are not it, of the own share."""
        if self.stage == 0:
            return 8 * self.num
        shares = self.stage < 3 and self.width == 4 and not self.offloads
        return (8 if shares else 12) * self.share

    @property
    def saved(self) -> int:
        """The own share of weights in full precision and two means; before stage 3 of the model's own weights too."""
        return (12 + self.width * (self.stage < 3)) * self.share * self.training.saves

    @property
    def update_buffers(self) -> int:
        """What AdamW makes on its way: a root and a quotient of a piece; on an accelerator one of all at once."""
        if not self.training.on_accelerator or self.offloads:
            return 8 * min(self.share, PIECE)
        return 4 * {0: self.num, 3: min(self.share, MOST_GATHERED)}.get(self.stage, self.share)

    @property
    def norm_buffers(self) -> int:
        """ZeRO takes the norm of a gradient in float64."""
        return 0 if self.stage == 0 or self.is_plain_bfloat16 else 8 * min(self.largest, self.share)

    @property
    def offload_buffers(self) -> int:
        """Gradients of the share in full precision, its weights in the model's, and one tensor on its way."""
        return (4 + self.width) * self.share + 2 * self.width * self.shape.num_embedding_parameters

    @property
    def kept_gradients(self) -> int:
        """Held from one micro-batch to the next, or for as long as the training lasts."""
        if self.stage == 3:
            return (4 + self.width % 4) * self.share
        if self.stage == 1 and self.width == 2:
            return 4 * self.num
        return 4 * (self.share if self.stage == 2 else self.num) if self.again and not self.offloads else 0


def _backward(count: _Count) -> _Held:
    """The loss is on its way back through the head: every layer's activations are there still."""
    shape, training = count.shape, count.training
    precision = training.optimizer.precision
    layer = layer_bytes(shape, precision)
    stream = count.width * shape.hidden_size
    again = count.num_recomputed
    # The last of those that are computed again is whole while it is: beside the others, or where they were.
    kept = again * stream + max(shape.num_layers - again, int(again > 0)) * layer
    final = shape.hidden_size * (4 + 2 * count.width)
    states = training.num_predicted * shape.hidden_size * (count.width + 4)
    logits = training.num_predicted * shape.vocabulary_size
    # Those of one slab are kept as what they are made into, which is counted with it.
    kept_logits = (
        min(count.width * logits, KEPT_LOGITS[training.on_accelerator]) if logits > SLAB_ELEMENTS[False] else 0
    )
    # Stage 2 adds the head's gradient to the own share as soon as it is there.
    added = 4 * min(count.largest, count.share) if count.stage == 2 and not count.again and not count.offloads else 0
    return _Held(
        gradients=count.kept_gradients + count.width * count.largest + added,
        activations=training.num_tokens * (kept + final) + states,
        logits=SLAB_WIDTH * SLAB_ELEMENTS[training.on_accelerator] + kept_logits,
        # At stage 2 a bucket is sent as soon as it is full: the first one when the head's gradient is in it.
        buffers=_reduction(count).buffers if count.stage == 2 and count.num > count.bucket else _empty_bucket(count),
    )


def _reduction(count: _Count) -> _Held:
    """All gradients are there, and are summed over the ranks."""
    width, bucket, largest = count.width, count.bucket, count.largest
    alone = count.training.ranks == 1
    if count.stage == 0:
        return _Held(4 * count.num, buffers=0 if alone else 4 * min(count.num, BUCKET))
    if count.is_plain_bfloat16:
        # Gradients in both precisions.
        return _Held(6 * count.num, buffers=0 if alone else 4 * min(count.num, BUCKET))
    # A bucket is copied to be sent, and widened where it is sent in full precision. A tensor that is larger has none,
    # and is sent as it is by a rank that has it alone.
    widened = 4 * (width == 2)
    sent = (width + widened) * bucket
    sent_alone = (width * (not alone) + widened) * largest * (largest > bucket)
    if count.stage == 1:
        if count.offloads:
            return _Held(4 * count.num, buffers=_empty_bucket(count) + max(sent, 4 * count.share))
        # What was summed is held twice until the bucket is free again.
        summed = (
            sent + 4 * min(bucket, count.share),
            (sent_alone + 4 * min(largest, count.share)) * (largest > bucket),
        )
        return _Held(4 * count.num, buffers=_empty_bucket(count) + max(summed))
    filled = max(width * bucket, _empty_bucket(count))
    own = count.kept_gradients or (0 if count.offloads else 4 * count.share)
    return _Held(own, buffers=max(filled + sent, (width * largest + sent_alone) * (largest > bucket)))


def _update(count: _Count, *, elsewhere: bool) -> _Held:
    """AdamW changes the rank's share; elsewhere, it does so in the machine's memory."""
    if elsewhere:
        return _Held(count.kept_gradients)
    own = {0: 4 * count.num, 3: count.kept_gradients + 4 * min(count.share, MOST_GATHERED)}.get(
        count.stage, 0 if count.offloads else 4 * count.share
    )
    if count.is_plain_bfloat16:
        own = 6 * count.num
    return _Held(own, buffers=max(count.update_buffers, count.norm_buffers))


def _empty_bucket(count: _Count) -> int:
    """An accelerator's memory is taken before it is filled; a processor's only as it is."""
    has_one = count.stage in (2, 3) or (count.stage == 1 and (count.width == 4 or count.offloads))
    return count.width * bucket_elements(count.training.ranks) if count.training.on_accelerator and has_one else 0
