"""Settings of masked-diffusion decoding, shared by every job that decodes."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Exactness = Literal["exact", "approximate"]
"""Whether tokens are those of one plain denoising step after another."""


class DenoisingSettings(BaseModel):
    """How masks become tokens (DiffuCoder, section 4 and appendix)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    order: Literal["origin", "maskgit_plus", "topk_margin", "entropy"] = "entropy"
    """Which positions are unmasked first: origin by chance, maskgit_plus where the drawn token is likeliest,
    topk_margin where the likeliest leads the second by most, entropy where the distribution has least of it."""
    num_steps: int = Field(default=0, ge=0)
    """Denoising steps of a completion; 0 takes one for each token."""
    temperature: float = Field(default=0.0, ge=0)
    """Of drawing tokens; 0 takes the likeliest."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Draw from the likeliest tokens that together exceed this probability; 1 draws from all."""
    top_k: int = Field(default=0, ge=0)
    """Draw from so many likeliest tokens, and those that equal the last of them; 0 draws from all."""
    order_temperature: float = Field(default=0.0, ge=0)
    """Of choosing positions by their confidence; 0 takes the surest, and of equals the leftmost."""
    confidence: Literal["filtered", "model"] = "filtered"
    """Judge positions by what tokens are drawn from, or by the model's own distribution, where top_p leaves no ties."""
    block_length: int = Field(default=0, ge=0)
    """Complete blocks of so many tokens from left to right; 0 has no blocks."""
    cache: Literal["exact", "prompt", "prefix", "dual"] = "exact"
    """Which keys and values steps share. exact: the prompt's, where it sees itself alone, else none; prompt: refuse to
    run where that is not exact. Approximate: prefix keeps what is left of the current block, dual what is right of it
    too (Fast-dLLM)."""
    refresh_every: int = Field(default=0, ge=0)
    """Denoising steps after which prefix and dual compute everything anew, as at a block's start; 0 is then alone."""
    confidence_threshold: float = Field(default=0.0, ge=0, le=1)
    """Approximate: unmask all positions that are at least so sure, and one in any case (Fast-dLLM); 0 goes by steps.
    With order=entropy it is compared to e to the power of minus the entropy, 1 where one token is left."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.confidence == "model" and self.order == "maskgit_plus":
            raise ValueError("expected confidence=filtered with order=maskgit_plus, which judges the drawn token")
        if self.refresh_every and not self.keeps_blocks:
            raise ValueError(f"expected cache=prefix or dual with refresh_every, got cache={self.cache}")
        if self.confidence_threshold and (self.order == "origin" or self.order_temperature or self.num_steps):
            raise ValueError(
                "expected confidence_threshold without order=origin, order_temperature and num_steps: confidence alone "
                "decides what a step unmasks"
            )
        return self

    @property
    def keeps_blocks(self) -> bool:
        """Whether a step takes keys and values as they were at its block's start, or not long ago."""
        return self.cache in ("prefix", "dual")

    def made_exact(self) -> Self:
        """The same without what is approximate."""
        return self.model_copy(update={"cache": "exact", "refresh_every": 0, "confidence_threshold": 0.0})

    @property
    def exactness(self) -> Exactness:
        """Whether the tokens are those of one plain denoising step after another: written beside every completion."""
        return "approximate" if self.keeps_blocks or self.confidence_threshold else "exact"

    def steps_of(self, length: int) -> int:
        """Denoising steps of a completion of that length."""
        return self.num_steps or length


def check_no_temperature(denoising: DenoisingSettings) -> DenoisingSettings:
    """The settings, of a job that has a temperature of its own; ValueError when they have another."""
    if denoising.temperature:
        raise ValueError(f"expected the job's own --temperature, got denoising.temperature={denoising.temperature}")
    return denoising
