"""Settings of how code problems prove themselves at ingestion."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from octo.settings.base import Neutral


class ProofSettings(BaseModel):
    """What a code problem must show before it is taken, and what finding out may use."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    kind: Literal["whole", "partial", "none"] = "whole"
    """whole: its reference solution passes, and an empty, a constant and a raising program fail, twice each, or it is
    set aside with the reason; partial: so, but one without a reference solution need only be failed by those programs;
    none: nothing is run."""
    weaker_verdicts: Literal["count", "refuse"] = "count"
    """Whether a pass counts that rests on what only the program can say of its own objects, as that two are equal; as
    whoever scores programs is told."""
    max_set_aside: float = Field(default=0.2, ge=0, le=1)
    """The job fails when more than this share of a source's problems is set aside."""
    cpu_seconds: int = Field(default=5, gt=0)
    """Processor time of one test; all of a program may use four times as much, and wait for six times as long."""
    memory_mib: int = Field(default=512, ge=64)
    """Memory of one test, in MiB."""
    workers: Annotated[int, Neutral(), Field(gt=0)] = 2
    """Programs that are judged side by side."""
    weaker: Annotated[bool, Neutral()] = False
    """Run programs even where octo doctor finds too few layers to hold one that wants to do harm."""
