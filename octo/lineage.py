"""What an artifact was made from, down to what was read first, and whether its digests say so.

A manifest names its inputs, their digests and what they hold, so lineage is a walk from manifest to manifest: an object
for each artifact. What the store has no more is named, and never taken for nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from octo.errors import IntegrityError, MissingError, UsageError
from octo.storage.artifacts import Artifact, InputRef, digest_of, known_digests, open_artifact
from octo.storage.store import Store

_SHORT = re.compile(r"(?P<job>[a-z][a-z0-9_-]*)/(?P<digest>[0-9a-f]{4,64})(?P<part>/.*)?")


class Lineage(NamedTuple):
    """Artifacts and all that they were made from."""

    artifacts: Mapping[str, Artifact]
    """By their keys, inputs first."""
    missing: Mapping[str, str]
    """Addresses, by their keys, of what some of them were made from and the store has no more."""


def key_of(address: str) -> str:
    """`<job>/<digest>` of an artifact's address, which is the same in every store."""
    return "/".join(address.split("/")[-2:])


def references_of(artifact: Artifact) -> list[InputRef]:
    """What it was made from itself, by the names of the settings that give it."""
    inputs = artifact.manifest.inputs
    return [reference for field in sorted(inputs) for reference in inputs[field]]


def lineage_of(artifacts: Iterable[Artifact], store: Store) -> Lineage:
    """The artifacts and everything that they were made from, each opened once."""
    found: dict[str, Artifact] = {}
    missing: dict[str, str] = {}

    def visit(artifact: Artifact) -> None:
        key = key_of(artifact.address)
        if key in found:
            return
        for reference in references_of(artifact):
            of_input = key_of(reference.address)
            if of_input in found or of_input in missing:
                continue
            try:
                opened = open_artifact(store, reference.address)
            except MissingError:
                missing[of_input] = reference.address
            else:
                visit(opened)
        found[key] = artifact

    for artifact in artifacts:
        visit(artifact)
    return Lineage(found, missing)


def opened_lineage(artifacts: Iterable[Artifact], store: Store) -> Mapping[str, Artifact]:
    """The same where all of it is to be there; MissingError names the first that is not."""
    lineage = lineage_of(artifacts, store)
    for address in lineage.missing.values():
        open_artifact(store, address)
    return lineage.artifacts


def check_digests(lineage: Lineage) -> None:
    """IntegrityError where an artifact's digest does not follow from what its manifest says determined it.

    That a manifest's parts have the content that it says, whoever opened it has looked at.
    """
    for key, artifact in lineage.artifacts.items():
        manifest = artifact.manifest
        expected = digest_of(
            job=manifest.job,
            code_version=manifest.code_version,
            settings=manifest.settings,
            inputs={field: [each.digest for each in given] for field, given in manifest.inputs.items()},
        )
        if manifest.digest != expected:
            raise IntegrityError(
                f"{key} is not what its manifest says: its settings and inputs have the digest {expected}; "
                "drop it, and what hangs on it, and make it again"
            )
        for reference in references_of(artifact):
            made = lineage.artifacts.get(key_of(reference.address))
            if made is not None and made.manifest.content != reference.content:
                raise IntegrityError(
                    f"{key} was made from other content than {key_of(reference.address)} has now: it had "
                    f"{reference.content}, and has {made.manifest.content}; make {key} again"
                )


def check_parts(artifact: Artifact, folder: Path) -> int:
    """Read every part and hash it again: bytes that were read. IntegrityError names the first that is another.

    Args:
        artifact: of which.
        folder: holds one part at a time.
    """
    size = 0
    for part in artifact.parts():
        file = folder / "part"
        artifact.fetch(part, file)
        size += file.stat().st_size
        file.unlink()
    return size


def address_of(store: Store, text: str) -> str:
    """The address that somebody means by it, or by `job/digest`, of which the digest's first letters are enough.

    Raises:
        UsageError: there is none of that name, or there are several.
    """
    if text.startswith("s3://"):
        return text.rstrip("/")
    short = _SHORT.fullmatch(text.rstrip("/"))
    if short is None:
        raise UsageError(
            f"expected an artifact's address, s3://.../artifacts/JOB/DIGEST, or JOB/DIGEST with four letters of its "
            f"digest or more, got {text!r}"
        )
    found = sorted(each for each in known_digests(store, short["job"]) if each.startswith(short["digest"]))
    if len(found) == 1:
        return f"{store.address}/artifacts/{short['job']}/{found[0]}{short['part'] or ''}"
    if not found:
        raise UsageError(
            f"{store.address} has no artifact {text}: give its address, or the first letters of its digest"
        )
    raise UsageError(f"{text} may be {_listed(found)}: give more of its digest")


def _listed(digests: Sequence[str], *, most: int = 4) -> str:
    def shown() -> Iterator[str]:
        yield from digests[:most]
        if len(digests) > most:
            yield f"one of {len(digests) - most} more"

    return ", ".join(shown())
