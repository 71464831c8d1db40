"""Settings of the curation job."""

from typing import Annotated, ClassVar

from pydantic import Field

from octo.settings.base import Address, Need, Neutral
from octo.settings.benchmarks import BenchmarkSettings
from octo.settings.near import NearSettings


class CurationSettings(BenchmarkSettings):
    """Keep the documents worth learning from: quality rules, dedup of copies and near matches, decontamination."""

    job: ClassVar[str] = "curation"
    code_version: ClassVar[int] = 7
    pod_shape = "fleet"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4)
    """What each of its pods asks of a cluster."""

    documents: Address = ""
    """The documents to curate."""
    unfiltered: tuple[str, ...] = ()
    """Sources that skip the quality rules, such as generated problems; dedup and decontamination still apply."""
    min_words: int = Field(default=50, ge=0)
    """A document with fewer words is too_short."""
    min_alphabetic_share: float = Field(default=0.6, ge=0, le=1)
    """A document with a smaller share of words that hold a letter is low_alphabetic."""
    max_repeated_share: float = Field(default=0.2, ge=0, le=1)
    """A document with a larger share of characters in repeated lines is repetitive."""
    near: NearSettings = NearSettings()
    """Near matches: which documents are left out for one that is much like them."""
    max_document_seconds: float = Field(default=60, gt=0)
    """A document on which the rules and the search for problems take more processor time is too_slow."""

    def lacking(self) -> str:
        """The documents, or a word on benchmarks."""
        if not self.documents:
            return "nothing to curate: give --documents, the address of an ingestion artifact"
        return self.lacking_benchmarks()
