"""Settings of the evaluation job."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from octo.settings.base import Address, JobSettings, Need, Neutral, Precision, Stops, Verbatim
from octo.settings.denoising import DenoisingSettings, check_no_temperature
from octo.settings.scoring import ScoringSettings


class EvaluationSettings(JobSettings):
    """Greedy accuracy and pass@k of models on held-out problems."""

    job: ClassVar[str] = "evaluation"
    code_version: ClassVar[int] = 5
    pod_shape = "fleet"
    image = "train"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4)
    """What each of its pods asks of a cluster."""

    models: tuple[Address, ...] = ()
    """Models to evaluate, of midtraining or rl jobs; one index each, and each training of an artifact of several."""
    problems: Address = ""
    """Held-out problems, of the ingestion job."""
    source: str = "evaluation"
    """Which source of the problems to take."""
    chat_template: bool = False
    """Ask in the chat template that the model was tuned with, whose special tokens are honoured; else questions are
    given to it as they are."""
    scoring: ScoringSettings = ScoringSettings()
    """What makes a completion right."""
    num_samples: int = Field(default=8, gt=0)
    """Completions sampled for each problem, for pass@k."""
    k: tuple[Annotated[int, Field(gt=0)], ...] = (1, 2, 4, 8)
    """The k of pass@k; none above num_samples."""
    max_new_tokens: int = Field(default=48, gt=0)
    """A completion is cut there. It never changes with training: before and after are cut alike."""
    stops: Annotated[Stops, Verbatim()] = ()
    """A completion ends where one of these strings is complete in its text, and is read up to there."""
    temperature: float = Field(default=1.0, gt=0)
    """Of the samples; greedy decoding has none."""
    denoising: DenoisingSettings = DenoisingSettings()
    """How diffusion models complete a problem, greedily or at the temperature of the samples."""
    batch_size: int = Field(default=256, gt=0)
    """Completions decoded side by side."""
    num_examples: int = Field(default=4, ge=0)
    """Completions kept to be read by people."""
    precision: Precision = "float32"
    """Numbers of weights and activations; probabilities are float32 or better in any case. bfloat16 is for accelerators
    and for processors that multiply it."""
    threads: int = Field(default=1, gt=0)
    """Processor threads of a matrix product; belongs to the result."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if too_large := [k for k in self.k if k > self.num_samples]:
            raise ValueError(f"expected num_samples of {max(too_large)} or more for that k, got {self.num_samples}")
        return self

    @field_validator("denoising")
    @classmethod
    def _temperature_is_given_elsewhere(cls, denoising: DenoisingSettings) -> DenoisingSettings:
        return check_no_temperature(denoising)

    def determinants(self) -> dict[str, JsonValue]:
        """What the models are computed with."""
        return {"device": self.need.device}

    def lacking(self) -> str:
        """The models, or what they are judged by."""
        return (
            ""
            if self.models and self.problems
            else "nothing to evaluate: give --models and --problems, addresses of artifacts"
        )
