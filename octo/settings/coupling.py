"""Settings of how coupled-GRPO scores completions, shared by every job that trains by it."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CouplingSettings(BaseModel):
    """Which masks a completion is scored under, as a diffusion model gives it no log-probability (DiffuCoder)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    estimator: Literal["coupled", "decoupled", "full_mask", "random_prompt"] = "coupled"
    """coupled: the whole completion masked, and pairs of masks of which one has what the other lacks; decoupled: as
    many masks, each drawn by itself; full_mask: the whole completion masked; random_prompt: that, and some of the
    prompt (d1)."""
    num_pairs: int = Field(default=1, ge=1)
    """Pairs of masks of coupled and decoupled (lambda): two forward passes each, beside the whole mask's."""
    least_noise: float = Field(default=0.2, gt=0, lt=1)
    """A pair's first mask covers each token with a probability between this, its second with what is left to 1."""
    most_noise: float = Field(default=0.8, gt=0, lt=1)
    """And this. A token weighs one over its probability: near 0 and 1, some weigh very much."""
    p_mask_prompt: float = Field(default=0.15, ge=0, le=1)
    """The probability with which random_prompt masks a token of the prompt."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.least_noise > self.most_noise:
            raise ValueError(f"expected most_noise of {self.least_noise} (least_noise) or more, got {self.most_noise}")
        return self
