"""Settings of what a training does with a step that holds no numbers, or whose loss leaps; every training has them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class BadStepSettings(BaseModel):
    """What becomes of a step that is not to change the weights. It never does, whatever is said here."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    action: Literal["stop", "skip"] = "stop"
    """stop: the training fails, and names what the step was made from; skip: it goes on with the weights as they were,
    and counts the step."""
    most_in_a_row: int = Field(default=3, gt=0)
    """Steps that are skipped one after another, at most: after more, the training fails all the same."""
    spike_deviations: float = Field(default=0, ge=0)
    """A loss so many deviations above the median of those before is bad, too; 0 looks for numbers alone, as what is a
    leap depends on the objective: diffusion losses vary with the noise, and a new mixture begins with another loss."""
    spike_steps: int = Field(default=64, ge=16)
    """Steps before, whose losses the median and the deviation are of; there is no limit before the 16th of them. The
    loss of the step right before is not among them: it is not known yet when a step is begun."""
