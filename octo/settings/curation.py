"""Settings of the curation job."""

from importlib.metadata import version
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, field_validator

from octo.settings.base import Address, Need, Neutral
from octo.settings.benchmarks import BenchmarkSettings
from octo.settings.gates import (
    OBJECTS,
    LanguageSettings,
    LicenceSettings,
    PersonalData,
    UrlSettings,
    digest_of_list,
)
from octo.settings.lines import LineSettings
from octo.settings.near import NearSettings
from octo.settings.rules import C4Settings, FinewebSettings, GopherSettings, MathematicsSettings, RuleSet


class CurationSettings(BenchmarkSettings):
    """Keep the documents worth learning from: quality rules, dedup of copies and near matches, decontamination."""

    job: ClassVar[str] = "curation"
    code_version: ClassVar[int] = 10
    pod_shape = "fleet"

    need: Annotated[Need, Neutral()] = Need(cpus=2, memory_gib=4)
    """What each of its pods asks of a cluster."""

    documents: Address = ""
    """The documents to curate."""
    unfiltered: tuple[str, ...] = ()
    """Sources that skip the quality rules, such as generated problems; dedup and decontamination still apply."""
    rules: tuple[RuleSet, ...] = ("basic",)
    """Rule sets that documents are asked by, in this order: basic (--min-words, --min-alphabetic-share and
    --max-repeated-share), gopher (quality and repetition), c4 (which takes out lines that are no sentences), fineweb,
    mathematics (whether it is about that at all). Each sees a document as the ones before have left it."""
    min_words: int = Field(default=50, ge=0)
    """basic: a document with fewer words is too_short."""
    min_alphabetic_share: float = Field(default=0.6, ge=0, le=1)
    """basic: a document with a smaller share of words that hold a letter is low_alphabetic."""
    max_repeated_share: float = Field(default=0.2, ge=0, le=1)
    """basic: a document with a larger share of characters in repeated lines is repetitive."""
    gopher: GopherSettings = GopherSettings()
    """Thresholds of Gopher's rules."""
    c4: C4Settings = C4Settings()
    """Thresholds of C4's rules."""
    fineweb: FinewebSettings = FinewebSettings()
    """Thresholds of FineWeb's rules."""
    mathematics: MathematicsSettings = MathematicsSettings()
    """What a document about mathematics has."""
    urls: UrlSettings = UrlSettings()
    """Hosts that documents may be from, and may not."""
    licences: LicenceSettings = LicenceSettings()
    """Licences that documents may have, and may not."""
    language: LanguageSettings = LanguageSettings()
    """Languages that documents may be in; asked before --rules, and not of --unfiltered sources."""
    mask: tuple[PersonalData, ...] = ()
    """Personal data in place of which a mask stands in what is kept, of all sources: email, ip (of machines that all
    can reach) and key (of services, by their known beginnings, and private keys)."""
    near: NearSettings = NearSettings()
    """Near matches: which documents are left out for one that is much like them."""
    lines: LineSettings = LineSettings()
    """Lines that documents share: which are taken out of all but one."""
    max_document_seconds: float = Field(default=60, gt=0)
    """A document on which the rules and the search for problems take more processor time is too_slow."""

    @field_validator("rules")
    @classmethod
    def _each_once(cls, rules: tuple[RuleSet, ...]) -> tuple[RuleSet, ...]:
        if len(set(rules)) < len(rules):
            raise ValueError(f"expected each rule set once, got {', '.join(rules)}")
        return rules

    def determinants(self) -> dict[str, JsonValue]:
        """Digests of the lists of hosts that are files, and the version of the model that tells languages."""
        lists = {
            f"urls.{name}": digest_of_list(place, f"--urls.{name}")
            for name, place in self.urls.named().items()
            if not place.startswith(OBJECTS)
        }
        return {**lists, "py3langid": version("py3langid")} if self.language.keep else {**lists}

    def prefixes(self) -> tuple[str, ...]:
        """Where the lists of hosts are that are objects."""
        return tuple(dict.fromkeys(place for place in self.urls.named().values() if place.startswith(OBJECTS)))

    def lacking(self) -> str:
        """The documents, or a word on benchmarks."""
        if not self.documents:
            return "nothing to curate: give --documents, the address of an ingestion artifact"
        return self.lacking_benchmarks()
