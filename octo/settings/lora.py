"""Settings of low-rank adapters, for the trainings that may train them instead of all weights."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What transformers calls a layer's matrices in most architectures."""


class LoraSettings(BaseModel):
    """Low-rank adapters (LoRA): a narrow product beside each matrix is trained, the weights themselves stay."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    rank: int = Field(default=0, ge=0)
    """Width of the adapters; 0 has none, and trains all weights."""
    alpha: float = Field(default=16.0, gt=0)
    """What an adapter adds is multiplied by alpha over rank."""
    modules: tuple[Annotated[str, Field(min_length=1)], ...] = PROJECTIONS
    """Names of the linear layers that get one, as the model's class calls them."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.rank and not self.modules:
            raise ValueError("expected names of linear layers in modules, got none: a rank of 0 trains all weights")
        return self
