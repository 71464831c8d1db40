"""Settings of masked-diffusion training, shared by mid-training and tuning."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class NoisingSettings(BaseModel):
    """How text becomes noise, and what predicting it back is worth (DiffuCoder, section 2 and appendix A)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    attention: Literal["bidirectional", "prefix"] = "bidirectional"
    """Of a causal model that becomes a diffusion model: bidirectional lets every position see every other; prefix keeps
    a prompt from seeing its completion, so that decoding reads it once."""
    anneal_steps: int = Field(default=0, ge=0)
    """Updates over which a causal model's attention is opened to both directions; 0 opens it at once."""
    least_noise: float = Field(default=1e-3, gt=0, lt=1)
    """The smallest share of tokens to mask, in the mean: losses are divided by it."""
    truncated: float = Field(default=0.01, ge=0, le=1)
    """Share of the sequences that are cut at a random length, so that ends are seen anywhere."""
    conditioned: float = Field(default=0.01, ge=0, le=1)
    """Share of the sequences whose beginning, of a random length, stays without noise."""
    weighting: Literal["uniform", "context"] = "uniform"
    """What a masked token counts: uniform, one over the noise; context, by the tokens near it that are not masked
    (CART of Dream)."""
    context_decay: float = Field(default=0.8, gt=0, lt=1)
    """With weighting=context, the share of the weight that the nearest token has of all to its side."""
