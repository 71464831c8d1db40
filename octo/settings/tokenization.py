"""Settings of the tokenization job."""

from math import isfinite
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from octo.settings.base import Address, JobSettings, Need, Neutral


class TokenizationSettings(JobSettings):
    """Mix curated corpora by weight and pack them into sequences of tokens."""

    job: ClassVar[str] = "tokenization"
    code_version: ClassVar[int] = 2

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=8, scratch_gib=50)
    """What each of its pods asks of a cluster."""

    corpus: tuple[Address, ...] = ()
    """The curated documents."""
    tokenizer: Address = ""
    """A tokenization artifact whose tokenizer to use; without it, one is trained on the corpus."""
    weights: dict[str, float] = Field(default={})
    """Share of the tokens by source; they need not sum to 1."""
    tokens: int = Field(default=1_000_000, gt=0)
    """Tokens asked for in all, end-of-document tokens included; each source gets its share within one document."""
    sequence_length: int = Field(default=256, gt=1)
    """Tokens in a sequence."""
    vocabulary_size: int = Field(default=2048, ge=258, le=65_536)
    """Tokens of a trained tokenizer: 256 bytes, two special ones, and merges."""
    tokenizer_documents: int = Field(default=4_000, gt=0)
    """Documents that a tokenizer is trained on, drawn evenly from the corpus."""

    @field_validator("weights")
    @classmethod
    def _weights_are_positive(cls, weights: dict[str, float]) -> dict[str, float]:
        for source, weight in weights.items():
            if not (isfinite(weight) and weight > 0):
                raise ValueError(
                    f"expected a positive weight for {source}, got {weight}: leave out a source of weight 0"
                )
        return weights
