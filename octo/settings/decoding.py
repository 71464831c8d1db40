"""Settings of the decoding job."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from octo.settings.base import Address, JobSettings, Need, Neutral, Precision
from octo.settings.denoising import DenoisingSettings, check_no_temperature


class DecodingSettings(JobSettings):
    """Complete prompts with a model, causal or diffusion, and keep the completions and how they came to be."""

    job: ClassVar[str] = "decoding"
    code_version: ClassVar[int] = 4
    pod_shape = "fleet"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4)
    """What each of its pods asks of a cluster."""

    model: Address = ""
    """Model to decode with, of a midtraining, tuning or rl job; which kind it is, its configuration says."""
    prompts: Address = ""
    """Where the prompts are: problems or other documents, of the ingestion job."""
    source: str = "evaluation"
    """Which source of them to take. A document that asks a question is completed from there, any other from its end."""
    chat_template: bool = False
    """Ask in the chat template that the model was tuned with, whose special tokens are honoured; else questions are
    given to it as they are."""
    prompts_per_shard: int = Field(default=8, gt=0)
    """Prompts that are decoded side by side and committed together: what a stopped job has to decode again, at most,
    in each of its processes."""
    num_samples: int = Field(default=1, gt=0)
    """Completions of each prompt."""
    temperature: float = Field(default=0.0, ge=0)
    """Of drawing tokens; 0 takes the likeliest."""
    max_new_tokens: int = Field(default=256, gt=0)
    """Length of a diffusion model's completion, and the limit of a causal model's."""
    denoising: DenoisingSettings = DenoisingSettings()
    """How a diffusion model unmasks tokens."""
    draft_length: int = Field(default=0, ge=0)
    """Denoising steps that a diffusion model guesses ahead and verifies in one forward pass; no token changes."""
    agreement_prompts: int = Field(default=1, ge=0)
    """Where denoising is approximate, prompts of each shard that are completed exactly too: the share of tokens that
    are the same is counted."""
    analyses: bool = True
    """Whether a diffusion model's decoding is analysed: AR-ness, orders, the entropy sink, and how one completion came
    to be."""
    engine: Literal["torch", "vllm"] = "torch"
    """What decodes causal models: octo's own sampler, or vLLM on an accelerator."""
    output_format: Literal["parquet", "jsonl"] = "parquet"
    """How completions are written."""
    precision: Precision = "float32"
    """Numbers of weights and activations; probabilities are float32 or better in any case. bfloat16 is for accelerators
    and for processors that multiply it."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product; belongs to the result."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.draft_length and self.denoising.exactness != "exact":
            raise ValueError(
                f"expected exact denoising with draft_length, which verifies drafts by it, got cache="
                f"{self.denoising.cache} and confidence_threshold={self.denoising.confidence_threshold}"
            )
        if self.draft_length and self.engine == "vllm":
            raise ValueError(
                f"expected engine=torch with draft_length, as vLLM decodes causal models alone, got {self.engine}"
            )
        return self

    @field_validator("denoising")
    @classmethod
    def _temperature_is_given_elsewhere(cls, denoising: DenoisingSettings) -> DenoisingSettings:
        return check_no_temperature(denoising)

    def determinants(self) -> dict[str, JsonValue]:
        """What the model is computed with; and by how many, where these share it."""
        spread = {"accelerators": self.need.accelerators} if self.engine == "vllm" else {}
        return {"device": self.need.device, **spread}

    def lacking(self) -> str:
        """The model, or what it answers."""
        return (
            ""
            if self.model and self.prompts
            else "nothing to decode: give --model and --prompts, addresses of artifacts"
        )
