"""Whether the licence of a document is one of those that are taken, as its metadata says."""

import json
import re
from collections.abc import Collection

from octo.data.documents import Document
from octo.settings.gates import LicenceSettings

_FIELDS = ("licence", "license")
_ALTERNATIVE, _TOGETHER = re.compile(r"\s+or\s+"), re.compile(r"\s+and\s+|\s*[,;]\s*")
_EXCEPTION = re.compile(r"\s+with\s+.*")


def wrong_licence(document: Document, settings: LicenceSettings) -> str | None:
    """Why a document may not be taken for its licence, or None.

    A licence is an identifier such as MIT or Apache-2.0, whatever its case, or several with OR and AND between: of
    alternatives one must do, of what holds together all.
    """
    if not (settings.allow or settings.block):
        return None
    licence = _licence_of(document)
    if not licence:
        return "licence_unknown" if settings.allow and settings.unknown == "drop" else None
    allowed, blocked = _lower(settings.allow), _lower(settings.block)
    if any(_may(each, allowed, blocked) for each in _ALTERNATIVE.split(licence)):
        return None
    return "licence_not_allowed"


def _may(licence: str, allowed: Collection[str], blocked: Collection[str]) -> bool:
    names = {_EXCEPTION.sub("", name).strip(" ()") for name in _TOGETHER.split(licence)}
    return names.isdisjoint(blocked) and (not allowed or names <= set(allowed))


def _licence_of(document: Document) -> str:
    if not any(f'"{name}"' in document.metadata for name in _FIELDS):
        return ""
    fields = json.loads(document.metadata)
    for name in _FIELDS:
        match fields.get(name):
            case str(licence):
                return licence.strip().lower()
            case list(licences):
                return " and ".join(str(licence).strip().lower() for licence in licences)
    return ""


def _lower(names: Collection[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)
