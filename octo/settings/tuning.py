"""Settings of the tuning job."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from octo.settings.bad_steps import BadStepSettings
from octo.settings.base import Address, Need, Neutral, check_divides
from octo.settings.benchmarks import BenchmarkSettings
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import (
    GangSettings,
    OptimizerSettings,
    SequenceParallel,
    check_sequence_parallel,
    training_determinants,
)
from octo.settings.noising import NoisingSettings
from octo.settings.schedule import Schedule


class TuningSettings(BenchmarkSettings):
    """Tune a model, causal or diffusion, on questions and their answers."""

    job: ClassVar[str] = "tuning"
    code_version: ClassVar[int] = 6
    pod_shape = "gang"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, shared_memory_gib=1)
    """What each of its pods asks of a cluster."""

    model: Address = ""
    """Model to tune, of a midtraining job; which objective it has, its configuration says."""
    examples: Address = ""
    """Questions with answers, of the ingestion job."""
    source: str = "solutions"
    """Which source of the examples to take."""
    chat_template: bool = False
    """Ask in the chat template that the model was tuned with, whose special tokens are honoured; else questions are
    given to it as they are."""
    noising: NoisingSettings = NoisingSettings(truncated=0.0, conditioned=0.0)
    """How a diffusion model is trained."""
    unconditional_epochs: float = Field(default=1.0, ge=0)
    """Epochs over which questions cease to be noised: at first each may be, at the end of them none is."""
    padding: Literal["fixed", "batch"] = "fixed"
    """What answers of a diffusion model are filled up to with the pad token, which it is trained to write: fixed,
    max_new_tokens; batch, the longest answer of the update."""
    max_new_tokens: int = Field(default=64, gt=0)
    """Longest answer, end of text included; examples with a longer one are left out, and counted."""
    max_question_tokens: int = Field(default=512, gt=0)
    """Longest question; examples with a longer one are left out, and counted."""
    optimizer: OptimizerSettings = OptimizerSettings()
    """AdamW and DeepSpeed."""
    lora: LoraSettings = LoraSettings()
    """Adapters that are trained instead of all weights; the model that is committed has them in its weights."""
    bad_steps: BadStepSettings = BadStepSettings()
    """What becomes of steps without numbers, and of leaps of the loss."""
    gang: Annotated[GangSettings, Neutral()] = GangSettings()
    """How its ranks work together."""
    num_epochs: float = Field(default=1.0, gt=0)
    """Passes over the examples; each has an order of its own."""
    batch_size: int = Field(default=32, gt=0)
    """Examples per update."""
    micro_batch_size: int = Field(default=32, gt=0)
    """Examples per device pass; must divide batch_size."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""
    schedule: Schedule = ("cosine",)
    """What becomes of the rate after the warm-up, phase by phase, as of midtraining: constant, or cosine:100:0.5."""
    warmup_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the updates over which the rate rises linearly to its peak."""
    final_share: float = Field(default=0.1, ge=0, le=1)
    """Where a phase ends that falls and does not say how far, as a share of the peak: at the step after its last."""
    sequence_parallel: SequenceParallel = 1
    """Ranks that compute each sequence together, as of midtraining."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product; belongs to the result."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_divides(self.micro_batch_size, self.batch_size, what="batch_size")
        check_sequence_parallel(self.sequence_parallel, self.optimizer, self.need)
        return self

    def determinants(self) -> dict[str, JsonValue]:
        """What its gang computes on and, where it matters, how many it is."""
        return training_determinants(self.optimizer, self.need, sequence_parallel=self.sequence_parallel)

    def lacking(self) -> str:
        """The model, or what it learns from."""
        return (
            ""
            if self.model and self.examples
            else "nothing to tune: give --model and --examples, addresses of artifacts"
        )
