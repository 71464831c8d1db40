"""What octo's own updates hold beside activations when they train: see `octo.memory_model`, and `octo.ml.exact`."""

from octo.memory_terms import WIDTHS, Held, Moment, Training, adapter_parameters
from octo.transformer_shape import TransformerShape

SENT = 1 << 24
"""Elements of gradients that are sent together, at most."""
PIECES = {False: 1 << 17, True: 1 << 24}
"""Elements whose squares are summed together, on a processor and on an accelerator."""
_SQUARED = 12
"""Bytes of an element on the way to a sum of squares: in float64, and half of them once more."""


class ExactCount:
    """Sizes that the moments are made of, in bytes."""

    def __init__(self, shape: TransformerShape, training: Training) -> None:
        self.shape, self.training = shape, training
        self.stage = training.optimizer.zero_stage
        self.width = WIDTHS[training.optimizer.precision]
        adapted = training.lora.rank > 0
        self.num = adapter_parameters(shape, training.lora) if adapted else shape.num_parameters
        self.frozen = shape.num_parameters if adapted else 0
        self.is_alone = training.ranks == 1
        self.share = -(-self.num // training.ranks)
        self.largest = shape.num_embedding_parameters
        """Elements of the largest tensor that is trained: the embedding, and as large a head, or an adapter."""
        if adapted:
            self.largest = training.lora.rank * max(shape.hidden_size, shape.intermediate_size)

    @property
    def weights(self) -> int:
        """Of the model: all of them, or a share beside those of no layer and of one layer, which are gathered."""
        whole, layer = self.shape.num_parameters, self.shape.num_layer_parameters
        if self.stage < 3 or self.is_alone:
            return self.width * (self.num + self.frozen)
        beside = whole - self.shape.num_layers * layer
        # Each rank has adapters whole.
        adapters = self.num if self.frozen else 0
        return self.width * (-(-whole // self.training.ranks) + beside + layer + adapters)

    @property
    def states(self) -> int:
        """Two running means, and the weights in full precision where the model's own are not it."""
        updated = self.num if self.stage == 0 else self.share
        return (8 if self.width == WIDTHS["float32"] else 12) * updated

    @property
    def saved(self) -> int:
        """The own share of weights in full precision and two means."""
        return 12 * self.share * self.training.saves

    def moments(self) -> dict[Moment, Held]:
        """What is held at each, beside weights, the optimizer and activations."""
        summed = 4 * self.share
        # A tied head's gradient waits for the embedding's.
        head = 0 if self.shape.tied else self.largest
        again = self.training.num_micro_batches > 1
        begun = summed if again else 4 * head // self.training.ranks
        sent = 0 if self.is_alone else 2 * self.width * min(self.largest, SENT)
        come, head_come = (0 if self.is_alone else self.width * each for each in (self.largest, head))
        gradient = self.width * self.largest
        squares = _SQUARED * PIECES[self.training.on_accelerator]
        gathered = 0 if self.is_alone else self.largest * (self.width if self.stage else 4 + self.width)
        return {
            "backward": Held(begun + gradient),
            "exchange": Held(begun + gradient, buffers=head_come + sent),
            "reduction": Held(summed + gradient, buffers=come + sent),
            "update": Held(summed, buffers=max(squares, gathered)),
        }
