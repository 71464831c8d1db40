"""Telling of a training's steps: as attributes of their spans, as metrics, and beside the progress."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from octo.progress import ProgressReport
from octo.telemetry import Span, Telemetry

BY_SOURCE = "loss."
"""What the name of a figure begins with that is the loss of one source."""
PROGRESS = {
    "tokens_per_second": ("tokens/s", 1.0),
    "loss": ("loss", 1.0),
    "learning_rate": ("rate", 1.0),
    "gradient_norm": ("norm", 1.0),
    "share_of_peak": ("% of peak", 100.0),
    "memory_bytes": ("GiB", 2.0**-30),
    "skipped": ("skipped", 1.0),
}
"""Figures beside the progress, after the one that is asked for: what they are called there, and times what."""


@dataclass(frozen=True)
class Told:
    """Where it is told."""

    telemetry: Telemetry
    progress: ProgressReport
    training: int
    """Which of a job's trainings it is."""

    def step(
        self,
        figures: Mapping[str, float],
        measured: Mapping[str, float],
        *,
        epochs: Mapping[str, float],
        span: Span,
        done: tuple[int, int],
        shown: str,
    ) -> None:
        """Tell of a step, and end its span.

        Args:
            figures: that its line has.
            measured: what came from clocks.
            epochs: of each source up to now.
            span: of the step.
            done: how many steps are, and how many are to be.
            shown: the figure that stands first beside the progress.
        """
        known = {name: value for name, value in {**figures, **measured}.items() if math.isfinite(value)}
        whole = {name: value for name, value in known.items() if not name.startswith(BY_SOURCE)}
        losses = {name.removeprefix(BY_SOURCE): value for name, value in known.items() if name.startswith(BY_SOURCE)}
        for name, value in whole.items():
            span.set_attribute(f"octo.{name}", value)
        for name, by_source in (("loss", losses), ("epochs", epochs)):
            if by_source:
                span.set_attribute(
                    f"octo.sources.{name}", [f"{source}={value:.6g}" for source, value in by_source.items()]
                )
        span.end()
        self._measure(whole, losses, epochs)
        first = {shown: known[shown]} if shown in known else {}
        beside = {called: known[name] * unit for name, (called, unit) in PROGRESS.items() if name in known}
        self.progress.advance(done[0], done[1], "steps", **{**first, **beside})

    def _measure(self, whole: Mapping[str, float], losses: Mapping[str, float], epochs: Mapping[str, float]) -> None:
        of_it = {"octo.training": self.training}
        self.telemetry.measure({f"octo.training.{name}": value for name, value in whole.items()}, of_it)
        for name, by_source in (("loss", losses), ("epochs", epochs)):
            for source, value in by_source.items():
                self.telemetry.measure({f"octo.training.source.{name}": value}, {**of_it, "octo.source": source})
