"""What AdamW updates of a unit on one rank, and what it keeps for it."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from octo.ml.units import Unit
from octo.settings.midtraining import OptimizerSettings


class Moments:
    """The weights of a part of a unit in full precision, their running means and squares, and the steps done."""

    def __init__(self, unit: Unit, place: slice) -> None:
        """Begin without a step.

        Args:
            unit: whose weights are there already.
            place: which of its elements this rank updates: its share, or all.
        """
        self.unit = unit
        self.place = place
        is_share = place == unit.own
        self._narrow = unit.shard if is_share else unit.flat[place]
        # Weights in full precision are what is updated themselves.
        master = self._narrow if self._narrow.dtype == torch.float32 else self._narrow.float()
        self.states = {
            "weights": master,
            "exp_avg": torch.zeros_like(master),
            "exp_avg_sq": torch.zeros_like(master),
        }
        self.step = torch.zeros((), device=master.device)

    def parts(self, kind: str) -> Iterator[tuple[str, Tensor, slice]]:
        """What there is of each weight, and which of its elements that are."""
        return self.unit.layout.parts(self.states[kind], first=self.place.start)

    def share(self, kind: str) -> Tensor:
        """What there is of this rank's share."""
        return self.states[kind][self.unit.own.start - self.place.start :][: self.unit.share]

    def write_weights(self) -> None:
        """Have the model compute with what is updated."""
        if self._narrow is not self.states["weights"]:
            self._narrow.copy_(self.states["weights"])


def update(
    moments: Sequence[Moments],
    gradients: Iterable[Tensor],
    *,
    learning_rate: float,
    settings: OptimizerSettings,
    scale: Tensor,
    skipped: Tensor,
) -> None:
    """AdamW's update by gradients over `scale`, as torch fuses it; none where `skipped` is 1, on the device."""
    for each, gradient in zip(moments, gradients, strict=True):
        adamw(
            [each.states["weights"]],
            [gradient],
            [each.states["exp_avg"]],
            [each.states["exp_avg_sq"]],
            [],
            [each.step],
            fused=True,
            grad_scale=scale,
            found_inf=skipped,
            amsgrad=False,
            beta1=settings.beta1,
            beta2=settings.beta2,
            lr=learning_rate,
            weight_decay=settings.weight_decay,
            eps=1e-8,
            maximize=False,
        )
