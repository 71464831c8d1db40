"""What of a source is read and what is not: counted, named, and over a stated share an error."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from octo.errors import InputError
from octo.source_files import (
    BROKEN_LINK,
    HIDDEN,
    LINK_OUTSIDE,
    NO_DATA,
    NO_FILE,
    SAME_FILE,
    UNKNOWN_FORMAT,
    SourceFile,
    known_ends,
    reason_against_name,
)
from octo.storage.listing import ListedObject

logger = logging.getLogger(__name__)

NAMED = 3
"""Names that a line of the log shows of each reason; all of them are in the artifact."""
_BY_RULE = {HIDDEN, NO_DATA, SAME_FILE}
"""Left out because it is no part of the source, or read by another name: nothing is missing."""
_REMEDIES = {
    UNKNOWN_FORMAT: "convert them, name them by what they hold (octo ingestion --help), or take them out of the source",
    LINK_OUTSIDE: "links are followed within the source alone: name the directory that they lead to",
    BROKEN_LINK: "mend the links, or take them out of the source",
    NO_FILE: "take it out of the source",
}


class Unread(NamedTuple):
    """A file that is not read."""

    name: str
    """Below the source."""
    reason: str
    bytes: str
    """Its size, in digits."""


class Inventory(NamedTuple):
    """What a source is made of."""

    kind: str
    """files or objects."""
    num_files: int
    num_bytes: int
    """Without what is no part of it."""
    unread: Sequence[Unread]

    def counters(self) -> Mapping[str, int]:
        """How many files there are, are read, and are not for which reason."""
        reasons = Counter(each.reason for each in self.unread)
        counts = {f"files.unread.{reason}": count for reason, count in sorted(reasons.items())}
        return {"files.in": self.num_files, "files.read": self.num_files - len(self.unread), **counts}


def inventory_of_files(files: Iterable[SourceFile]) -> Inventory:
    """What a directory, or a file, is made of."""
    return _inventory("files", ((file.name, file.size, file.left_out) for file in files))


def inventory_of_objects(objects: Iterable[ListedObject]) -> Inventory:
    """What a prefix of the store's service is made of, by the same rule."""
    return _inventory("objects", ((listed.key, listed.size, reason_against_name(listed.key)) for listed in objects))


def _inventory(kind: str, found: Iterable[tuple[str, int, str]]) -> Inventory:
    num_files = num_bytes = 0
    unread = []
    for name, size, reason in found:
        num_files += 1
        num_bytes += 0 if reason in _BY_RULE else size
        if reason:
            unread.append(Unread(name, reason, str(size)))
    return Inventory(kind, num_files, num_bytes, unread)


def check_share(inventory: Inventory, *, name: str, max_share: float) -> None:
    """InputError when files with more than that share of a source's bytes are not read, or none is."""
    if inventory.num_files == 0:
        raise InputError(f"the source {name} is empty: put some files there, or take it out of --sources")
    missing = [each for each in inventory.unread if each.reason not in _BY_RULE]
    num_bytes = sum(int(each.bytes) for each in missing)
    if inventory.num_files == len(inventory.unread):
        example = max(missing or inventory.unread, key=lambda each: int(each.bytes))
        raise InputError(
            f"expected {inventory.kind} that end in one of {known_ends()} below {name}, found none: of "
            f"{inventory.num_files} the largest is {example.name} ({example.reason}, {example.bytes} bytes)"
        )
    if num_bytes > max_share * inventory.num_bytes:
        reason, count = Counter(each.reason for each in missing).most_common(1)[0]
        example = max((each for each in missing if each.reason == reason), key=lambda each: int(each.bytes))
        raise InputError(
            f"{inventory.kind} with {num_bytes / inventory.num_bytes:.1%} of the bytes of {name} are not read (the "
            f"limit is {max_share:.1%}): {len(missing)} of {inventory.num_files}, {count} of them {reason}, the "
            f"largest {example.name} ({example.bytes} bytes); {_REMEDIES[reason]}, or raise --max-unread-share"
        )


def say_unread(inventory: Inventory, *, name: str) -> None:
    """Say in the log what is not read."""
    by_reason: dict[str, list[str]] = {}
    for each in inventory.unread:
        by_reason.setdefault(each.reason, []).append(each.name)
    said = "; ".join(
        f"{len(names)} {reason} ({', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''})"
        for reason, names in sorted(by_reason.items())
    )
    logger.warning(
        "%s: %d of %d %s are not read: %s", name, len(inventory.unread), inventory.num_files, inventory.kind, said
    )
