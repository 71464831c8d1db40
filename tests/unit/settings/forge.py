"""A settings class with a field of every shape, for the tests of this folder."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from octo.settings.base import Address, JobSettings, Neutral, Verbatim


class OptimizerSettings(BaseModel):
    """A nested group."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = "adamw"
    """Which one."""
    zero_stage: Literal[0, 1, 2, 3] = 1
    """What is partitioned."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay of the moments."""
    weight_decay: float = 0.1
    """Decoupled decay."""
    log_norms: Annotated[bool, Neutral()] = False
    """Also write the norms down."""


class ForgeSettings(JobSettings):
    """Forge a model from 100% iron."""

    job: ClassVar[str] = "forge"
    code_version: ClassVar[int] = 3

    model: Address = ""
    """The model to start from."""
    ores: tuple[Address, ...] = ()
    """What goes in."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """How the rate moves."""
    optimizer: OptimizerSettings = OptimizerSettings(weight_decay=0.0)
    """AdamW."""
    weights: dict[str, float] = Field(default={})
    """Share by source."""
    labels: tuple[str, ...] = ("a", "b")
    """Names."""
    mottoes: Annotated[tuple[str, ...], Verbatim()] = ()
    """Sentences, commas and all."""
    steps: tuple[int, ...] = (1, 2)
    """When to look."""
    shuffled: bool = True
    """Whether the order is random."""
    limit: int | None = 5
    """Most documents; null takes all."""
    cache: Annotated[Path | None, Neutral()] = None
    """Where to keep files."""
    draft: OptimizerSettings | None = None
    """Another optimizer."""
    token: SecretStr | None = None
    """Opens the hub."""

    @field_validator("labels")
    @classmethod
    def _labels_are_words(cls, labels: tuple[str, ...]) -> tuple[str, ...]:
        if "" in labels:
            raise ValueError("expected words")
        return labels

    @model_validator(mode="after")
    def _cosine_is_slow(self) -> "ForgeSettings":
        if self.schedule == "cosine" and self.learning_rate > 1:
            raise ValueError("a cosine from above 1 diverges: lower --learning-rate")
        return self
