"""Settings of how completions are scored, by a trainer and by an evaluation alike."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from octo.settings.base import Neutral


class ScoringSettings(BaseModel):
    """What makes a completion right, and what finding out may use."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["number", "mathematics", "code"] = "number"
    """number: its last number is the answer (-5, 0.5, 1,234, 3/4, 50%); mathematics: what is in its last box equals the
    answer; code: its program passes the problem's tests, in the sandbox."""
    cpu_seconds: int = Field(default=5, gt=0)
    """Processor time of one test of a program."""
    completion_cpu_seconds: int = Field(default=0, ge=0)
    """Processor time of all tests of a program together; those after which it is used up count as timed out. 0 takes
    four times what one test may use. It may wait for six times as long."""
    weaker_verdicts: Literal["count", "refuse"] = "count"
    """Whether a pass counts that rests on what only the program can say of its own objects, as that two are equal."""
    stop_at_timeout: bool = False
    """Stop at the first test of a program that times out: those behind it count as timed out, too."""
    memory_mib: int = Field(default=512, ge=64)
    """Memory of one test of a program, in MiB."""
    workers: Annotated[int, Neutral(), Field(gt=0)] = 2
    """Programs, or formulas, that are judged side by side."""
    weaker: Annotated[bool, Neutral()] = False
    """Run programs even where octo doctor finds too few layers to hold one that wants to do harm."""


class RewardSettings(ScoringSettings):
    """What a completion is worth to the trainer: 1 or 0, right or wrong; for a program, a weighted sum."""

    pass_weight: float = Field(default=2.0, ge=0)
    """Weight of the share of a program's tests that pass (DiffuCoder, section 6.4)."""
    format_weight: float = Field(default=0.5, ge=0)
    """Weight of the format: 1 for a fenced block of Python that parses, half for one that does not, else nothing."""
