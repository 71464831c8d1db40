"""Settings of the reinforcement-learning job."""

from typing import Annotated, ClassVar

from pydantic import Field

from octo.settings.base import Address, JobSettings, Need, Neutral
from octo.settings.midtraining import OptimizerSettings


class RlSettings(JobSettings):
    """Train a policy by GRPO against exact answers."""

    job: ClassVar[str] = "rl"
    code_version: ClassVar[int] = 1
    pod_shape = "gang"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, shared_memory_gib=1)
    """What each of its pods asks of a cluster."""

    model: Address = ""
    """Model to start from, of a midtraining or rl job."""
    problems: Address = ""
    """Problems to practise on, of the ingestion job."""
    source: str = "prompts"
    """Which source of the problems to take."""
    optimizer: OptimizerSettings = OptimizerSettings(weight_decay=0.0)
    """AdamW and DeepSpeed."""
    num_steps: int = Field(default=24, gt=0)
    """Optimizer updates."""
    prompts_per_step: int = Field(default=48, gt=0)
    """Prompts of one update."""
    group_size: int = Field(default=8, gt=1)
    """Completions of one prompt, whose rewards are compared with each other."""
    micro_batch_size: int = Field(default=96, gt=0)
    """Completions per device pass; must divide prompts_per_step * group_size."""
    max_new_tokens: int = Field(default=48, gt=0)
    """A completion is cut there, and a cut one has no final answer."""
    temperature: float = Field(default=1.0, gt=0)
    """Of sampling; the policy that is trained is the one at this temperature."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak learning rate."""
    warmup_steps: int = Field(default=3, ge=0)
    """Updates over which the rate rises linearly to its peak, where it stays: Adam's first steps are its boldest."""
    clip_low: float = Field(default=0.2, gt=0)
    """How far the ratio of new to old probability may fall below 1."""
    clip_high: float = Field(default=0.2, gt=0)
    """How far it may rise above 1; more than clip_low lets rare tokens grow (DAPO)."""
    normalize_advantages: bool = True
    """Divide by the group's deviation (GRPO); without, by nothing (Dr. GRPO)."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product; belongs to the result."""
