"""What DeepSpeed holds beside activations when it trains: sizes of `octo.memory_model`, where its moments are told.

Each term was read in DeepSpeed 0.19.8's source. N are the weights, P a rank's share of them.

| moment    | optimizer | gradients           | beside them                                   |
|-----------|-----------|---------------------|-----------------------------------------------|
| backward  | masters,  | of earlier micro-   | a gradient of the head while the loss is      |
|           | two means | batches             | taken back                                    |
| reduction | 4 P each  | all                 | a bucket, and a copy of it that is sent       |
| update    |           | float32, of the own | the largest gradient in float64, for the norm |
"""

from octo.memory_terms import WIDTHS, Held, Moment, Training, adapter_parameters
from octo.transformer_shape import TransformerShape

BUCKET = 500_000_000
"""Elements of the bucket that DeepSpeed reduces gradients in: its own choice."""
SMALL_BUCKET = 1 << 24
"""Where one rank or two add gradients up: the order of more summands depends on where in the bucket they are."""
MOST_GATHERED = 1_000_000_000
"""Elements of weights that ZeRO 3 keeps gathered, and of a share that it updates at a time."""


def bucket_elements(ranks: int) -> int:
    """Elements of the bucket that so many ranks reduce gradients in."""
    return BUCKET if ranks > 2 else SMALL_BUCKET


class PlainCount:
    """Sizes that the moments are made of, in bytes."""

    def __init__(self, shape: TransformerShape, training: Training) -> None:
        optimizer = training.optimizer
        self.shape, self.training = shape, training
        self.stage = optimizer.zero_stage
        self.width = WIDTHS[optimizer.precision]
        adapted = training.lora.rank > 0
        self.num = adapter_parameters(shape, training.lora) if adapted else shape.num_parameters
        self.frozen = shape.num_parameters if adapted else 0
        self.share = -(-self.num // training.ranks)
        self.bucket = min(self.num, bucket_elements(training.ranks))
        self.again = training.num_micro_batches > 1
        self.offloads = optimizer.offload_optimizer == "cpu"

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
        return (8 if shares else 12) * self.share + self.offload_buffers

    @property
    def saved(self) -> int:
        """The own share of weights in full precision and two means; before stage 3 of the model's own weights too."""
        return (12 + self.width * (self.stage < 3)) * self.share * self.training.saves

    def moments(self) -> dict[Moment, Held]:
        """What is held at each, beside weights, the optimizer and activations."""
        elsewhere = self.offloads and self.training.on_accelerator
        return {
            "backward": _backward(self),
            "reduction": _reduction(self),
            "update": _update(self, elsewhere=elsewhere),
        }

    @property
    def norm_buffers(self) -> int:
        """ZeRO takes the norm of a gradient in float64."""
        return 0 if self.stage == 0 or self.is_plain_bfloat16 else 8 * min(self.largest, self.share)

    @property
    def offload_buffers(self) -> int:
        """Of the share, beside an optimizer that is offloaded: gradients and weights, and a tensor on its way."""
        kept = (4 + self.width) * self.share + 2 * self.width * self.shape.num_embedding_parameters
        return kept if self.offloads else 0

    @property
    def kept_gradients(self) -> int:
        """Held from one micro-batch to the next, or for as long as the training lasts."""
        if self.stage == 3:
            return (4 + self.width % 4) * self.share
        if self.stage == 1 and self.width == 2:
            return 4 * self.num
        return 4 * (self.share if self.stage == 2 else self.num) if self.again and not self.offloads else 0


def _backward(count: PlainCount) -> Held:
    """The loss is on its way back through the head."""
    # Stage 2 adds the head's gradient to the own share as soon as it is there.
    added = 4 * min(count.largest, count.share) if count.stage == 2 and not count.again and not count.offloads else 0
    return Held(
        count.kept_gradients + count.width * count.largest + added,
        # At stage 2 a bucket is sent as soon as it is full: the first one when the head's gradient is in it.
        buffers=_reduction(count).buffers if count.stage == 2 and count.num > count.bucket else _empty_bucket(count),
    )


def _reduction(count: PlainCount) -> Held:
    """All gradients are there, and are summed over the ranks."""
    width, bucket, largest = count.width, count.bucket, count.largest
    alone = count.training.ranks == 1
    if count.stage == 0:
        return Held(4 * count.num, buffers=0 if alone else 4 * min(count.num, BUCKET))
    if count.is_plain_bfloat16:
        # Gradients in both precisions.
        return Held(6 * count.num, buffers=0 if alone else 4 * min(count.num, BUCKET))
    # A bucket is copied to be sent, and widened where it is sent in full precision. A tensor that is larger has none,
    # and is sent as it is by a rank that has it alone.
    widened = 4 * (width == 2)
    sent = (width + widened) * bucket
    sent_alone = (width * (not alone) + widened) * largest * (largest > bucket)
    if count.stage == 1:
        if count.offloads:
            return Held(4 * count.num, buffers=_empty_bucket(count) + max(sent, 4 * count.share))
        # What was summed is held twice until the bucket is free again.
        summed = (
            sent + 4 * min(bucket, count.share),
            (sent_alone + 4 * min(largest, count.share)) * (largest > bucket),
        )
        return Held(4 * count.num, buffers=_empty_bucket(count) + max(summed))
    filled = max(width * bucket, _empty_bucket(count))
    own = count.kept_gradients or (0 if count.offloads else 4 * count.share)
    return Held(own, buffers=max(filled + sent, (width * largest + sent_alone) * (largest > bucket)))


def _update(count: PlainCount, *, elsewhere: bool) -> Held:
    """AdamW changes the rank's share; elsewhere, it does so in the machine's memory."""
    if elsewhere:
        return Held(count.kept_gradients)
    own = {0: 4 * count.num, 3: count.kept_gradients + 4 * min(count.share, MOST_GATHERED)}.get(
        count.stage, 0 if count.offloads else 4 * count.share
    )
    if count.is_plain_bfloat16:
        own = 6 * count.num
    return Held(own, buffers=count.norm_buffers)


def _empty_bucket(count: PlainCount) -> int:
    """An accelerator's memory is taken before it is filled; a processor's only as it is."""
    has_one = count.stage in (2, 3) or (count.stage == 1 and (count.width == 4 or count.offloads))
    return count.width * bucket_elements(count.training.ranks) if count.training.on_accelerator and has_one else 0
