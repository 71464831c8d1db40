"""Settings of the classification job."""

import platform
from importlib import metadata
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from octo.errors import UsageError
from octo.settings.base import Address, JobSettings, Need, Neutral

PACKAGE = "fasttext-community"


class FastTextSettings(BaseModel):
    """fastText's own settings; the defaults are those that DeepSeekMath and MegaMath tell of."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    dimension: int = Field(default=256, gt=0)
    """Numbers of a word's vector."""
    learning_rate: float = Field(default=0.1, gt=0)
    """Of the first step; it falls to nothing."""
    epochs: int = Field(default=3, gt=0)
    """Times that every graded document is learned from."""
    word_ngrams: int = Field(default=3, gt=0)
    """Words in a row that have a vector of their own, at most."""
    min_count: int = Field(default=3, gt=0)
    """A word that is rarer has no vector."""
    buckets: int = Field(default=2_000_000, gt=0)
    """Vectors that runs of words share; with 256 numbers each, two million take 2 GB."""
    max_token_characters: int = Field(default=100, gt=0)
    """A longer token is left out."""


class ClassificationSettings(JobSettings):
    """Learn from graded documents which ones are worth keeping, and keep those of all documents."""

    job: ClassVar[str] = "classification"
    code_version: ClassVar[int] = 1
    pod_shape = "fleet"

    need: Annotated[Need, Neutral()] = Need(cpus=1, memory_gib=8, scratch_gib=50)
    """What each of its pods asks of a cluster."""

    documents: Address = ""
    """The documents to score."""
    graded: Address = ""
    """What the classifier learns from, of the grading job."""
    untouched: tuple[str, ...] = ()
    """Sources that are kept without a score, such as generated problems."""
    least_score: int = Field(default=3, ge=1, le=5)
    """A document with this score or a better one is worth keeping."""
    threshold: float = Field(default=0.4, ge=0, le=1)
    """A document is kept whose probability of being worth it is at least this; low ones leave noise to refinement."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of the graded documents that is not learned from: recall and precision are of these."""
    fasttext: FastTextSettings = FastTextSettings()
    """How it learns; on one thread, so that it learns the same every time."""

    def determinants(self) -> dict[str, JsonValue]:
        """The build of fastText: another one, or another kind of processor, may round otherwise."""
        try:
            version = metadata.version(PACKAGE)
        except metadata.PackageNotFoundError:
            raise UsageError(f"the package {PACKAGE} is not installed: install octo with its dependencies") from None
        return {PACKAGE: version, "machine": platform.machine()}

    def lacking(self) -> str:
        """The documents, or what to learn from."""
        if self.documents and self.graded:
            return ""
        return "nothing to classify: give --documents, and --graded, the address of a grading artifact"
