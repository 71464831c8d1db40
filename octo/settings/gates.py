"""Settings of what is asked of a document beside its text's quality: where it is from, its licence, its language."""

from functools import cache
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from octo.errors import UsageError

PersonalData = Literal["email", "ip", "key"]
OBJECTS = "s3://"


class UrlSettings(BaseModel):
    """Lists of hosts, a line each: example.org is that host and all below it; what follows a # does not count."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    block: str = ""
    """A file, or s3://bucket/prefix for the objects below it: a document from a host of these is url_blocked."""
    allow: str = ""
    """The same of hosts that alone are taken: a document of another, or of none, is url_not_allowed; but not of
    --unfiltered sources."""

    def named(self) -> dict[str, str]:
        """The lists that are given, by what they do."""
        return {name: place for name, place in (("block", self.block), ("allow", self.allow)) if place}


class LicenceSettings(BaseModel):
    """Licences, as a document's metadata says them in a field licence or license; of all sources."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    allow: tuple[str, ...] = ()
    """Licences that are taken, such as MIT,Apache-2.0: a document of another is licence_not_allowed. None takes all."""
    block: tuple[str, ...] = ()
    """Licences that are not taken."""
    unknown: Literal["drop", "keep"] = "drop"
    """What becomes of a document that says none, where --licences.allow names some: licence_unknown, or kept."""


class LanguageSettings(BaseModel):
    """Language, told by a model of 97 languages that comes with a package (py3langid), of documents that are judged."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    keep: tuple[str, ...] = ()
    """Languages by ISO 639-1 code, such as en: a document in another is language_other. None asks nothing."""
    min_probability: Annotated[float, Field(ge=0, le=1)] = 0.65
    """A document that is less surely in its language is language_unsure (0.65 in MegaMath and FineWeb)."""
    characters: Annotated[int, Field(ge=100)] = 2000
    """So many characters of a document are looked at, from its beginning on."""


def digest_of_list(path: str, flag: str) -> str:
    """The digest of a list of hosts; UsageError where it cannot be read."""
    try:
        facts = Path(path).stat()
        return _digest(path, facts.st_size, facts.st_mtime_ns)
    except OSError as error:
        raise UsageError(f"{flag}: cannot read the list of hosts {path}: {error.strerror}") from None


@cache
def _digest(path: str, _size: int, _modified_ns: int) -> str:
    with Path(path).open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
