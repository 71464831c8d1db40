"""Settings of the reinforcement-learning job."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from octo.settings.bad_steps import BadStepSettings
from octo.settings.base import Address, Need, Neutral, ServiceUrl, ServingRole, Stops, Verbatim, check_divides
from octo.settings.benchmarks import BenchmarkSettings
from octo.settings.coupling import CouplingSettings
from octo.settings.denoising import DenoisingSettings, check_no_temperature
from octo.settings.lora import LoraSettings
from octo.settings.midtraining import GangSettings, OptimizerSettings, training_determinants
from octo.settings.schedule import Schedule, phases_of
from octo.settings.scoring import RewardSettings


class RolloutSettings(BaseModel):
    """Who samples the completions: the learner itself, or workers that serve it over HTTP.

    The same chunks are sampled from the same draws wherever that happens, so only what computes them belongs to the
    result, and not how many there are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    prompts_per_chunk: int = Field(default=16, gt=0)
    """Prompts sampled side by side, the unit that a worker is asked for; their padding belongs to the result."""
    engine: Literal["torch", "vllm"] = "torch"
    """What computes them: octo's own sampler, or vLLM, which workers alone can have."""
    tensor_parallel: int = Field(default=1, gt=0)
    """Accelerators that vLLM spreads one model over."""
    largest_gap: Annotated[float, Neutral(), Field(ge=0)] = 0.0
    """Refuse completions whose log-probabilities differ by more from the learner's own, on average: they were sampled
    with other weights or another temperature. 0 allows three times what rounding does to them, which the learner
    measures in every step."""
    pods: Annotated[int, Neutral(), Field(ge=0)] = 0
    """Pods of workers on a cluster; 0 lets the learner sample."""
    servers: Annotated[tuple[ServiceUrl, ...], Neutral()] = ()
    """URLs of the workers, http://host:port each; none lets the learner sample. On a cluster they are filled in."""
    port: Annotated[int, Neutral(), Field(ge=1, le=65_535)] = 8500
    """Where a worker listens."""
    request_seconds: Annotated[float, Neutral(), Field(gt=0)] = 900
    """An answer that takes longer is given up, and its chunk is asked of another worker."""
    patience_seconds: Annotated[float, Neutral(), Field(gt=0)] = 900
    """The learner ends when no worker has answered for so long: a pod that was lost is replaced by then."""
    idle_seconds: Annotated[float, Neutral(), Field(gt=0)] = 3600
    """A worker ends when no learner has asked it for so long."""
    cpus: Annotated[float, Neutral(), Field(gt=0)] = 2
    """Processor cores of a worker's pod."""
    memory_gib: Annotated[float, Neutral(), Field(gt=0)] = 4
    """Memory of a worker's pod, without its shared memory, in GiB."""
    scratch_gib: Annotated[float, Neutral(), Field(gt=0)] = 10
    """Local disk of a worker's pod, which holds the weights once or twice, in GiB."""
    shared_memory_gib: Annotated[float, Neutral(), Field(gt=0)] = 1
    """Shared memory of a worker's pod, in GiB."""
    accelerator_memory_gib: Annotated[float, Neutral(), Field(ge=0)] = 0
    """Memory that an accelerator of a worker must have at least, in GiB."""
    interconnect: Annotated[str, Neutral()] = ""
    """A link between a worker's accelerators that the pool must name; empty takes any."""


class DiffusionPolicySettings(BaseModel):
    """What is otherwise where the policy is a diffusion model: coupled-GRPO (DiffuCoder, section 5)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    denoising: DenoisingSettings = DenoisingSettings()
    """How completions are sampled, at the temperature of the training."""
    coupling: CouplingSettings = CouplingSettings()
    """Under which masks they are scored."""
    num_passes: int = Field(default=2, gt=0)
    """Updates on the completions of a step, each of which draws masks of its own."""
    kl_weight: float = Field(default=0.01, ge=0)
    """Weight of the divergence from the reference; 0 has no reference."""
    reference_every: int = Field(default=64, gt=0)
    """Steps after which the reference becomes the policy."""
    variance_every: int = Field(default=0, ge=0)
    """Steps between two measurements of how much scores depend on masks, coupled ones and others; 0 measures never."""

    @field_validator("denoising")
    @classmethod
    def _temperature_is_given_elsewhere(cls, denoising: DenoisingSettings) -> DenoisingSettings:
        return check_no_temperature(denoising)


class BandSettings(BaseModel):
    """How often the model must solve a problem to practise on it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    least: float = Field(default=0.0, ge=0, le=1)
    """A problem that it solves in a smaller share of its tries is too_hard."""
    most: float = Field(default=1.0, ge=0, le=1)
    """One that it solves in a larger share is too_easy."""

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"expected least up to most, got {self.least:g} and {self.most:g}")
        return self


class RlSettings(BenchmarkSettings):
    """Train a policy by GRPO against exact answers, or tests; by coupled-GRPO where it is a diffusion model."""

    job: ClassVar[str] = "rl"
    code_version: ClassVar[int] = 9
    pod_shape = "gang"
    main_role = "learner"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, shared_memory_gib=1)
    """What each of its pods asks of a cluster."""

    role: Annotated[Literal["learner", "rollout"], Neutral()] = "learner"
    """What this process is: the learner, or a worker that samples for it."""
    rollout: RolloutSettings = RolloutSettings()
    """Who samples the completions."""
    model: Address = ""
    """Model to start from, of a midtraining or rl job."""
    problems: Address = ""
    """Problems to practise on, of the ingestion job."""
    source: str = "prompts"
    """Which source of the problems to take."""
    pass_rates: tuple[Address, ...] = ()
    """Evaluations of the model, with samples, on the problems that it practises on: those alone are practised on that
    it solves as often as --band says. None takes all."""
    band: BandSettings = BandSettings()
    """How often the model must solve a problem, by these evaluations."""
    chat_template: bool = False
    """Ask in the chat template that the model was tuned with, whose special tokens are honoured; else questions are
    given to it as they are."""
    reward: RewardSettings = RewardSettings()
    """What a completion is worth."""
    optimizer: OptimizerSettings = OptimizerSettings(weight_decay=0.0)
    """AdamW and DeepSpeed."""
    lora: LoraSettings = LoraSettings()
    """Adapters that are trained instead of all weights; completions are sampled with them in the weights, as they are
    in the model that is committed."""
    bad_steps: BadStepSettings = BadStepSettings()
    """What becomes of steps without numbers, and of leaps of the loss."""
    gang: Annotated[GangSettings, Neutral()] = GangSettings(checkpoint_every=25)
    """How the learner's ranks work together."""
    num_seeds: int = Field(default=1, gt=0)
    """Trainings alike but for their seeds: seed, the next one, and so on. All are in the artifact, one index each; one
    that starts from a model of several goes on from its own."""
    num_steps: int = Field(default=24, gt=0)
    """Optimizer updates."""
    prompts_per_step: int = Field(default=48, gt=0)
    """Prompts of one update."""
    group_size: int = Field(default=8, gt=1)
    """Completions of one prompt, whose rewards are compared with each other."""
    micro_batch_size: int = Field(default=96, gt=0)
    """Completions per device pass; must divide prompts_per_step * group_size."""
    max_new_tokens: int = Field(default=48, gt=0)
    """A completion is cut there. One that was cut after its final answer is judged by it, another has none."""
    stops: Annotated[Stops, Verbatim()] = ()
    """A completion ends where one of these strings is complete in its text, and is read up to there."""
    temperature: float = Field(default=1.0, gt=0)
    """Of sampling; the policy that is trained is the one at this temperature."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak learning rate."""
    warmup_steps: int = Field(default=3, ge=0)
    """Updates over which the rate rises linearly to its peak: Adam's first steps are its boldest."""
    schedule: Schedule = ("constant",)
    """What becomes of the rate after the warm-up, phase by phase, as of midtraining: constant, or cosine:100:0.5."""
    final_share: float = Field(default=0.1, ge=0, le=1)
    """Where a phase ends that falls and does not say how far, as a share of the peak: at the step after its last."""
    clip_low: float = Field(default=0.2, gt=0)
    """How far the ratio of new to old probability may fall below 1."""
    clip_high: float = Field(default=0.2, gt=0)
    """How far it may rise above 1; more than clip_low lets rare tokens grow (DAPO)."""
    normalize_advantages: bool = True
    """Divide by the group's deviation (GRPO); without, by nothing (Dr. GRPO)."""
    baseline: Literal["mean", "leave_one_out"] = "mean"
    """What a reward is compared with: the mean of its group, or of the others in it."""
    diffusion: DiffusionPolicySettings = DiffusionPolicySettings()
    """What is otherwise where the policy is a diffusion model."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product; belongs to the result."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        num_completions = self.prompts_per_step * self.group_size
        check_divides(
            self.micro_batch_size, num_completions, what="the completions of a step (prompts_per_step * group_size)"
        )
        if self.band != BandSettings() and not self.pass_rates:
            raise ValueError("expected pass_rates, evaluations that tell how often the model solves what, with a band")
        phases_of(self.schedule, num_steps=self.num_steps, warmup_steps=self.warmup_steps, final_share=self.final_share)
        if self.role == "learner" and not (self.rollout.pods or self.rollout.servers):
            if self.rollout.engine == "vllm":
                raise ValueError("expected rollout.pods, or rollout.servers, with rollout.engine=vllm, got neither")
            if self.optimizer.zero_stage == 3:
                raise ValueError(
                    "expected rollout.pods, or rollout.servers, with optimizer.zero_stage=3, which leaves no rank with "
                    "weights to sample with, got neither: give some, or take stage 2"
                )
        return self

    def serving_role(self) -> ServingRole | None:
        """The workers' pods, whose accelerators follow from the engine; None where the learner samples."""
        rollout = self.rollout
        if not rollout.pods:
            return None
        vllm = rollout.engine == "vllm"
        need = Need(
            pods=rollout.pods,
            cpus=rollout.cpus,
            memory_gib=rollout.memory_gib,
            scratch_gib=rollout.scratch_gib,
            shared_memory_gib=rollout.shared_memory_gib,
            # octo's own sampler uses one, and must use the learner's kind: another one rounds differently.
            accelerators=rollout.tensor_parallel if vllm else min(1, self.need.accelerators),
            accelerator_memory_gib=rollout.accelerator_memory_gib,
            interconnect=rollout.interconnect,
            spot=self.need.spot,
            deadline_seconds=self.need.deadline_seconds,
            retries=self.need.retries,
        )
        return ServingRole(
            name="rollout",
            need=need,
            image="inference" if vllm else "train",
            port=rollout.port,
            settings=self.model_copy(update={"role": "rollout"}),
        )

    def served_by(self, urls: tuple[str, ...]) -> Self:
        """The settings of a learner whose workers are found at those URLs."""
        return self.model_copy(update={"rollout": self.rollout.model_copy(update={"servers": urls})})

    def determinants(self) -> dict[str, JsonValue]:
        """What its gang computes on and, where it matters, how many it is."""
        return training_determinants(self.optimizer, self.need)

    def lacking(self) -> str:
        """The model, or what it practises on."""
        return (
            ""
            if self.model and self.problems
            else "nothing to practise: give --model and --problems, addresses of artifacts"
        )
