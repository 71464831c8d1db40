"""Settings of the mid-training job, and the groups that every training job shares."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from octo.settings.base import Address, JobSettings, Need, Neutral


class ModelShape(BaseModel):
    """The shape of a new model; a model that is continued brings its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    architecture: Literal["llama", "qwen2"] = "llama"
    """Which of transformers' model classes to build."""
    hidden_size: int = Field(default=192, gt=0)
    """Width of the residual stream."""
    intermediate_size: int = Field(default=512, gt=0)
    """Width inside the feed-forward layers."""
    num_layers: int = Field(default=2, gt=0)
    """Transformer layers."""
    num_heads: int = Field(default=6, gt=0)
    """Attention heads; must divide hidden_size."""
    num_key_value_heads: int = Field(default=6, gt=0)
    """Key-value heads of grouped-query attention; must divide num_heads."""


class OptimizerSettings(BaseModel):
    """AdamW and DeepSpeed, as every training job uses them."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the gradient's running mean."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the gradient's running square."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay."""
    gradient_clipping: float = Field(default=1.0, gt=0)
    """Largest norm of a gradient; a longer one is scaled down to it."""
    zero_stage: Literal[1, 2] = 1
    """What DeepSpeed's ZeRO partitions over the ranks: 1 optimizer states, 2 gradients too."""


class MidtrainingSettings(JobSettings):
    """Train a causal language model on packed tokens, from random weights or from another model."""

    job: ClassVar[str] = "midtraining"
    code_version: ClassVar[int] = 1
    pod_shape = "gang"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, shared_memory_gib=1)
    """What each of its pods asks of a cluster."""

    tokens: Address = ""
    """Packed tokens to train on, of the tokenization job."""
    model: Address = ""
    """Model to continue, of a midtraining or rl job; empty starts from random weights."""
    shape: ModelShape = ModelShape()
    """Shape of a new model."""
    optimizer: OptimizerSettings = OptimizerSettings()
    """AdamW and DeepSpeed."""
    num_steps: int = Field(default=0, ge=0)
    """Optimizer updates; 0 makes one pass over the tokens. No sequence is seen twice."""
    batch_size: int = Field(default=16, gt=0)
    """Sequences per update."""
    micro_batch_size: int = Field(default=16, gt=0)
    """Sequences per device pass; must divide batch_size."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """constant for the stable stage, cosine for the decay stage."""
    warmup_steps: int = Field(default=0, ge=0)
    """Updates over which the rate rises linearly to its peak."""
    final_share: float = Field(default=0.1, ge=0, le=1)
    """Where cosine ends, as a share of the peak."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product. It belongs to the result: sums are rounded in another order."""
