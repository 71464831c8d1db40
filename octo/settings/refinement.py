"""Settings of the refinement job."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from octo.settings.base import Address, Need, Neutral
from octo.settings.endpoint import AskingSettings, EndpointSettings
from octo.settings.prompts import REWRITING, version_of


class GuardSettings(BaseModel):
    """What a rewritten document must have kept of its original."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    least_length: float = Field(default=0.5, ge=0)
    """Characters of the new text as a share of the old one's, at least; one with fewer is too_short."""
    most_length: float = Field(default=2.0, gt=0)
    """And at most; one with more is too_long."""
    least_formulas: float = Field(default=0.8, ge=0, le=1)
    """Share of the old text's formulas that the new one has, at least; else it is formulas_lost."""
    least_numbers: float = Field(default=0.7, ge=0, le=1)
    """Share of the old text's numbers that the new one has, at least; else it is numbers_lost."""
    least_familiar: float = Field(default=0.4, ge=0, le=1)
    """Share of the new text's words that the old one has too, at least; else it is foreign."""
    most_repeated: float = Field(default=0.3, ge=0, le=1)
    """Share of the new text's runs of eight words that it has had before, less that of the old one's, at most; else it
    is repetitive."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.least_length > self.most_length:
            raise ValueError(f"expected least_length up to most_length, got {self.least_length} > {self.most_length}")
        return self


class RefinementSettings(AskingSettings):
    """Let a language model write documents anew, without noise, and take what has kept their substance."""

    job: ClassVar[str] = "refinement"
    code_version: ClassVar[int] = 1
    pod_shape = "fleet"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4, scratch_gib=50)
    """What each of its pods asks of a cluster."""

    documents: Address = ""
    """The documents to write anew."""
    untouched: tuple[str, ...] = ()
    """Sources that pass as they are, such as generated problems."""
    endpoint: EndpointSettings = EndpointSettings(max_new_tokens=8192)
    """Who answers."""
    instructions: str = ""
    """What the model is told in place of octo's own words; it must answer with the new text alone."""
    max_document_characters: int = Field(default=24_000, gt=0)
    """A longer document is not asked about: it is too_large."""
    guards: GuardSettings = GuardSettings()
    """What a rewritten document must have kept."""
    on_failure: Literal["drop", "keep"] = "drop"
    """What becomes of a document whose new text fails: it is dropped, or kept as it was."""
    max_unanswered_share: float = Field(default=0.5, ge=0, le=1)
    """The job fails where more than this share of a shard's documents, and more than ten, have no usable answer."""

    @property
    def told(self) -> str:
        """What the model is told."""
        return self.instructions or REWRITING

    def determinants(self) -> dict[str, JsonValue]:
        """The instructions, and the version of the rules that answer where no model does."""
        return {**super().determinants(), "prompt": version_of(self.told)}

    def lacking(self) -> str:
        """The documents, or who writes them anew."""
        if not self.documents:
            return "nothing to refine: give --documents, the address of a classification or a curation artifact"
        return self.lacking_model()
