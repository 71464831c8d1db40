"""Settings of the grading job."""

from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, field_validator

from octo.settings.base import Address, Need, Neutral
from octo.settings.endpoint import AskingSettings
from octo.settings.prompts import RUBRIC, version_of

UNDATED = "undated"
"""The year of documents that bear none."""


class GradingSettings(AskingSettings):
    """Let a language model score a sample of documents from 0 to 5, as many of each year."""

    job: ClassVar[str] = "grading"
    code_version: ClassVar[int] = 1
    pod_shape = "fleet"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4)
    """What each of its pods asks of a cluster."""

    documents: Address = ""
    """The documents to draw from."""
    untouched: tuple[str, ...] = ()
    """Sources that are not drawn from, such as generated problems."""
    per_year: int = Field(default=10_000, ge=0)
    """Documents that are drawn of each year, and of those without a date; of a year that has fewer, all."""
    quotas: dict[str, int] = Field(default={})
    """By year, or undated, where it is another number than per_year."""
    max_document_characters: int = Field(default=12_000, gt=0)
    """A longer document is judged by its beginning."""
    rubric: str = ""
    """Instructions in place of octo's own, which add up points. An answer must end with "Final score: N", of 0 to 5."""

    @field_validator("quotas")
    @classmethod
    def _are_years(cls, quotas: dict[str, int]) -> dict[str, int]:
        for year, number in quotas.items():
            if year != UNDATED and not (len(year) == 4 and year.isascii() and year.isdigit()):
                raise ValueError(f"expected a year, such as 2019, or {UNDATED}, got {year!r}")
            if number < 0:
                raise ValueError(f"expected a number of documents of {year} that is 0 or more, got {number}")
        return quotas

    @property
    def instructions(self) -> str:
        """What the model is told."""
        return self.rubric or RUBRIC

    def quota(self, year: str) -> int:
        """Documents that are drawn of a year."""
        return self.quotas.get(year, self.per_year)

    def determinants(self) -> dict[str, JsonValue]:
        """The instructions, and the version of the rules that answer where no model does."""
        return {**super().determinants(), "prompt": version_of(self.instructions)}

    def lacking(self) -> str:
        """The documents, or who scores them."""
        if not self.documents:
            return "nothing to grade: give --documents, the address of an ingestion or a curation artifact"
        return self.lacking_model()
