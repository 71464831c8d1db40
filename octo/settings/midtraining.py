"""Settings of the mid-training job, and the groups that every training job shares."""

import re
from math import isfinite
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from octo.settings.bad_steps import BadStepSettings
from octo.settings.base import Address, JobSettings, Need, Neutral, Precision, check_divides
from octo.settings.lora import LoraSettings
from octo.settings.noising import NoisingSettings
from octo.settings.schedule import Schedule, phases_of


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
    initializer_range: float = Field(default=0.02, gt=0)
    """Standard deviation of new weights. 0.02 is usual and right for widths of thousands; of narrow models it leaves
    attention without a preference for hundreds of updates: take about 0.7 over the root of hidden_size."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.hidden_size % self.num_heads:
            raise ValueError(f"expected num_heads that divide hidden_size {self.hidden_size}, got {self.num_heads}")
        if self.hidden_size // self.num_heads % 2:
            raise ValueError(
                f"expected heads of an even width, whose halves turn, got {self.hidden_size // self.num_heads} "
                f"(hidden_size {self.hidden_size} over num_heads {self.num_heads})"
            )
        if self.num_heads % self.num_key_value_heads:
            raise ValueError(
                f"expected num_key_value_heads that divide num_heads {self.num_heads}, got {self.num_key_value_heads}"
            )
        return self


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
    precision: Precision = "float32"
    """Numbers of weights and activations; with bfloat16 the optimizer keeps float32 copies of the weights."""
    reduction: Literal["fixed-order", "plain"] = "fixed-order"
    """How gradients are added up. fixed-order: micro-batch by micro-batch, so that the result is the same to the last
    bit on every number of ranks and at every zero_stage; plain: as DeepSpeed does, where the number of ranks and the
    stage belong to the result."""
    zero_stage: Annotated[Literal[0, 1, 2, 3], Neutral()] = 1
    """What ZeRO partitions over the ranks: 0 nothing, 1 optimizer states, 2 gradients, 3 weights too."""
    offload_optimizer: Annotated[Literal["none", "cpu"], Neutral()] = "none"
    """Keep optimizer states in the memory of the processor, and update there: slower, and room on the accelerator."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass: less memory, a third more work."""
    checkpointed_layers: float = Field(default=1, gt=0, le=1)
    """Share of the layers that gradient_checkpointing is of, the first ones: less work again where memory is left."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        is_plain = self.reduction == "plain"
        if self.precision == "bfloat16" and self.zero_stage == 0 and is_plain:
            raise ValueError(
                "expected zero_stage 1, 2 or 3 with bfloat16 and reduction plain, got 0, which adds gradients up in "
                "bfloat16"
            )
        if self.offload_optimizer == "cpu" and not is_plain:
            raise ValueError(
                "expected reduction plain with offload_optimizer cpu, got fixed-order, which updates where it computes"
            )
        if self.offload_optimizer == "cpu" and self.zero_stage == 0:
            raise ValueError("expected zero_stage 1, 2 or 3 with offload_optimizer cpu, got 0")
        return self


class GangSettings(BaseModel):
    """How the ranks of a training work together. Nothing of it changes a result."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    checkpoint_every: int = Field(default=200, ge=0)
    """Steps between two checkpoints; 0 makes none."""
    checkpoints_kept: int = Field(default=2, ge=1)
    """Checkpoints that are kept while the training lasts: so many of the newest."""
    checkpoints_kept_each: int = Field(default=0, ge=0)
    """Beside these, each so manieth checkpoint is kept while the training lasts, such as each tenth; 0 keeps none."""
    collective_seconds: int = Field(default=1800, gt=0)
    """How long ranks wait in a collective for others that do not come, before all are ended and it is told who waited
    where for whom. Ranks may be so far apart where they sample and reward; a slow step of all counts for nothing."""
    nccl: dict[str, str] = {}
    """Variables of NCCL without the prefix, such as DEBUG=INFO; they go before what the environment says."""

    @field_validator("nccl")
    @classmethod
    def _are_variables(cls, nccl: dict[str, str]) -> dict[str, str]:
        for name in nccl:
            if name.startswith("NCCL_") or not re.fullmatch("[A-Z][A-Z0-9_]*", name):
                raise ValueError(f"expected a variable of NCCL without NCCL_ before it, such as DEBUG, got {name!r}")
        return nccl


def check_rising(steps: tuple[int, ...], *, below: int) -> None:
    """ValueError unless the steps rise, and end before a training of so many, where that is known."""
    if list(steps) != sorted(set(steps)) or (below and steps and steps[-1] >= below):
        before = f" below {below} (num_steps)" if below else ""
        raise ValueError(f"expected keep_steps that rise{before}, got {','.join(map(str, steps))}")


def training_determinants(
    optimizer: OptimizerSettings, need: Need, *, sequence_parallel: int = 1
) -> dict[str, JsonValue]:
    """What else belongs to the result of a training that its gang computes, see `octo.ml.placement`.

    An accelerator rounds otherwise than a processor; plainly reduced gradients depend on who adds them up.
    """
    facts: dict[str, JsonValue] = {"device": need.device}
    if optimizer.reduction == "plain":
        facts |= {
            "ranks": ranks_of(need),
            "zero_stage": optimizer.zero_stage,
            "offload_optimizer": optimizer.offload_optimizer,
        }
    if sequence_parallel > 1:
        facts["sequence_parallel"] = sequence_parallel
    return facts


def ranks_of(need: Need) -> int:
    """The ranks of a gang: one for each accelerator, or for each pod where pods have none."""
    return need.pods * max(1, need.accelerators)


SequenceParallel = Annotated[int, Neutral(), Field(gt=0)]
"""Where it is not 1 a training's determinants have it."""


def check_sequence_parallel(size: int, optimizer: OptimizerSettings, need: Need) -> None:
    """ValueError where so many ranks of a gang cannot compute sequences together."""
    if size > 1 and optimizer.reduction != "plain":
        raise ValueError(
            f"expected optimizer.reduction plain with sequence_parallel {size}, got fixed-order: the gradient of a "
            "weight is a sum over positions, whose order follows from where a sequence is cut"
        )
    if ranks_of(need) % size:
        raise ValueError(
            f"expected a sequence_parallel that divides the {ranks_of(need)} ranks (need.pods times "
            f"need.accelerators), got {size}"
        )


class MidtrainingSettings(JobSettings):
    """Train a language model on packed tokens, causal or by masked diffusion, from random weights or another model."""

    job: ClassVar[str] = "midtraining"
    code_version: ClassVar[int] = 7
    pod_shape = "gang"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, shared_memory_gib=1)
    """What each of its pods asks of a cluster."""

    tokens: tuple[Address, ...] = ()
    """Packed tokens to train on, of tokenization jobs with one tokenizer and one length."""
    weights: dict[str, float] = Field(default={})
    """Share of the sequences by source; they need not sum to 1. None mixes in proportion to what each source has."""
    most_epochs: Annotated[float, Neutral(), Field(gt=0)] = 4
    """More epochs than this of any source are warned of: repeated data is worth ever less from about four on."""
    cache_gib: Annotated[float, Neutral(), Field(ge=0)] = 8
    """Local disk for tokens, of each rank, in GiB. Parts that all fit are fetched whole, others read by ranges."""
    model: Address = ""
    """Model to continue, of a midtraining or rl job; empty starts from random weights."""
    continue_optimizer: bool = False
    """Go on with the optimizer's states that are kept beside the model, as a decay does from its stable stage; else
    AdamW begins anew."""
    keep_optimizer: bool = False
    """Keep the optimizer's states beside the model, for trainings that go on with them: two numbers of float32 a
    weight, and a third with bfloat16, so 8 to 12 bytes a weight; 64 to 96 GB of 8 billion."""
    shape: ModelShape = ModelShape()
    """Shape of a new model."""
    objective: Literal["causal", "diffusion"] = "causal"
    """causal: predict the next token; diffusion: predict masked tokens from both sides, for which a causal model is
    adapted."""
    noising: NoisingSettings = NoisingSettings()
    """How a diffusion model is adapted and trained."""
    optimizer: OptimizerSettings = OptimizerSettings()
    """AdamW and DeepSpeed."""
    lora: LoraSettings = LoraSettings()
    """Adapters that are trained instead of all weights; the model that is committed has them in its weights."""
    bad_steps: BadStepSettings = BadStepSettings()
    """What becomes of steps without numbers, and of leaps of the loss."""
    gang: Annotated[GangSettings, Neutral()] = GangSettings()
    """How its ranks work together."""
    num_seeds: int = Field(default=1, gt=0)
    """Trainings alike but for their seeds: seed, the next one, and so on. All are in the artifact, one index each; one
    that starts from a model of several goes on from its own."""
    num_steps: int = Field(default=0, ge=0)
    """Optimizer updates; 0 makes as many as one pass over all sequences of the sources has."""
    first_step: int = Field(default=0, ge=0)
    """Updates whose data the model that is continued has seen already: reading begins behind them, in the order of this
    mixture, instead of at its first sequence. Its own steps, and its schedule, are counted from 0 all the same."""
    keep_steps: Annotated[tuple[Annotated[int, Field(gt=0)], ...], Neutral()] = ()
    """After so many updates, commit what the training is then as an artifact of its own: the one that a training of
    these settings would make that ends there, with the same schedule (num_steps=STEP, schedule_steps)."""
    batch_size: int = Field(default=16, gt=0)
    """Sequences per update."""
    micro_batch_size: int = Field(default=16, gt=0)
    """Sequences per device pass; must divide batch_size."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Peak learning rate."""
    schedule: Schedule = ("constant",)
    """What becomes of the rate after the warm-up, phase by phase: SHAPE, SHAPE:STEPS or SHAPE:STEPS:SHARE, of constant,
    linear, cosine and sqrt. constant is a stable stage, cosine a decay, constant,linear:2000:0 both in a row."""
    schedule_steps: int = Field(default=0, ge=0)
    """Updates that the schedule is made for, of which num_steps may be the first ones: a longer training as it is on
    its way; 0 takes as many as there are."""
    warmup_steps: int = Field(default=0, ge=0)
    """Updates over which the rate rises linearly to its peak."""
    final_share: float = Field(default=0.1, ge=0, le=1)
    """Where a phase ends that falls and does not say how far, as a share of the peak: at the step after its last."""
    sequence_parallel: SequenceParallel = 1
    """Ranks that compute each sequence together, a part of its positions each, where one has no memory for all. It
    divides the number of ranks and the model's attention heads, needs optimizer.reduction plain, and belongs to the
    result: sums are rounded in another order."""
    compile: Literal["none", "layers"] = "none"
    """layers: compile them, which takes some 20 seconds of a processor and a C++ compiler on the machine, and saves up
    to a fifth of a step. It belongs to the result: sums are rounded in another order, which every process and any
    number of ranks have alike, where their processors have vectors of one width."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product. It belongs to the result: sums are rounded in another order."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check_divides(self.micro_batch_size, self.batch_size, what="batch_size")
        if self.lora.rank and (self.keep_optimizer or self.continue_optimizer):
            raise ValueError(
                f"expected neither keep_optimizer nor continue_optimizer with lora.rank {self.lora.rank}: adapters go "
                "into the model's weights at the end, and nobody goes on with their optimizer"
            )
        check_sequence_parallel(self.sequence_parallel, self.optimizer, self.need)
        if self.compile != "none" and self.optimizer.zero_stage == 3:
            raise ValueError("expected zero_stage 0, 1 or 2 with compile layers, got 3, which gathers weights between")
        if self.schedule_steps and self.num_steps > self.schedule_steps:
            raise ValueError(
                f"expected num_steps of {self.schedule_steps} (schedule_steps) at most, got {self.num_steps}: the "
                "schedule ends before"
            )
        check_rising(self.keep_steps, below=self.num_steps)
        if steps := self.schedule_steps or self.num_steps:
            phases_of(self.schedule, num_steps=steps, warmup_steps=self.warmup_steps, final_share=self.final_share)
        return self

    def ending_at(self, step: int, *, num_steps: int) -> Self:
        """The settings of a training that ends after so many updates of this one, which has `num_steps`."""
        whole = self.schedule_steps or num_steps
        return self.model_copy(update={"num_steps": step, "schedule_steps": whole, "keep_steps": ()})

    @field_validator("weights")
    @classmethod
    def _weights_are_positive(cls, weights: dict[str, float]) -> dict[str, float]:
        for source, weight in weights.items():
            if not (isfinite(weight) and weight > 0):
                raise ValueError(
                    f"expected a positive weight for {source}, got {weight}: leave out a source of weight 0"
                )
        return weights

    def determinants(self) -> dict[str, JsonValue]:
        """What its gang computes on and, where it matters, how many it is."""
        return training_determinants(self.optimizer, self.need, sequence_parallel=self.sequence_parallel)

    def lacking(self) -> str:
        """The tokens, or the model whose optimizer is continued."""
        if not self.tokens:
            return "nothing to train on: give --tokens, addresses of tokenization artifacts"
        if self.continue_optimizer and not self.model:
            return "no optimizer to continue: give --model, or leave --continue-optimizer out"
        return ""


def keeps(training: MidtrainingSettings, other: MidtrainingSettings) -> bool:
    """Whether the other one is a step of this training that is kept, if both begin with the same model and tokens."""
    return other.num_steps in training.keep_steps and other == training.ending_at(
        other.num_steps, num_steps=training.num_steps
    )
