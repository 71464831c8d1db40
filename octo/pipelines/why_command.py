"""`octo why`: from a result to the documents and the settings behind it, verified by digests."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import CliPositionalArg

from octo.data.origins import Origin, Place, origins_of, place_in_part, places_in_training, training_settings
from octo.errors import EXIT_DONE, MissingError, UsageError
from octo.lineage import address_of, check_digests, check_parts, lineage_of
from octo.pipelines.settings import StoreSettings
from octo.pipelines.why_text import why_text
from octo.processes import stoppable
from octo.report.behind import Behind, behind_of
from octo.scratch import scratch_folder
from octo.settings.base import Flag
from octo.settings.loading import load
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.session import open_session
from octo.storage.store import Store
from octo.terminal import Console

MOST_SEQUENCES = 64
"""That are told of at once: each may take two objects of the store."""


class WhySettings(StoreSettings):
    """Say what a result comes from: settings, inputs and documents, verified by digests, and contamination."""

    address: CliPositionalArg[str]
    """An artifact: its address, or JOB/DIGEST of which the first letters are enough. Or a part of packed tokens, as
    messages name it: ADDRESS/INDEX/NAME."""
    step: int = Field(default=0, ge=0)
    """Of a training: tell the documents of this step, counted from 1 as its messages count."""
    sequence: int | None = Field(default=None, ge=0)
    """Tell the documents of this sequence: of a training, in the order in which it reads, or of the step; of a part of
    packed tokens, in the part. Counted from 0."""
    position: int | None = Field(default=None, ge=0)
    """Tell the document of this one token of the sequence, counted from 0."""
    training: int = Field(default=0, ge=0)
    """Which of an artifact's trainings, where it holds one for each of several seeds; 0 is the first."""
    verify_bytes: bool = False
    """Read all that it was made from, every byte, and hash it again; otherwise manifests alone are verified."""
    json_output: Annotated[bool, Flag("json")] = False
    """Print one JSON object."""


def why_command(arguments: Sequence[str]) -> int:
    """Print the lineage, what was learned from and what was kept out of it; or a sequence's documents."""
    settings = load(WhySettings, arguments, os.environ)
    if settings.position is not None and settings.sequence is None:
        raise UsageError("--position is of a sequence: say with --sequence which")
    asks_for_tokens = bool(settings.step) or settings.sequence is not None
    with (
        stoppable("nothing was changed"),
        open_session(settings.store, settings.s3) as session,
        scratch_folder("why") as folder,
    ):
        if asks_for_tokens:
            _tell_documents(session.store, settings, folder)
        else:
            _tell_lineage(session.store, settings, folder)
    return EXIT_DONE


def _tell_lineage(store: Store, settings: WhySettings, folder: Path) -> None:
    artifact = open_artifact(store, address_of(store, settings.address))
    lineage = lineage_of([artifact], store)
    check_digests(lineage)
    size = sum(check_parts(each, folder) for each in lineage.artifacts.values()) if settings.verify_bytes else None
    behind = behind_of(artifact, lineage, bytes_verified=size)
    _print(behind, as_json=settings.json_output)
    if lineage.missing:
        raise MissingError(
            f"{len(lineage.missing)} artifacts that it was made from are not in the store, so that nothing is verified "
            f"beyond them: {', '.join(sorted(lineage.missing)[:4])}"
        )


def _print(behind: Behind, *, as_json: bool) -> None:
    console = Console()
    if as_json:
        console.out(behind.model_dump_json(indent=1))
    else:
        console.print(why_text(behind))


def _tell_documents(store: Store, settings: WhySettings, folder: Path) -> None:
    found = [origin for place in _places(store, settings) for origin in origins_of(place, folder)]
    if settings.position is not None:
        found = [each for each in found if each.offset <= settings.position < each.offset + each.length]
        if not found:
            raise UsageError(f"no document has a token at position {settings.position} of that sequence: it is padding")
    console = Console()
    if settings.json_output:
        console.out(json.dumps([each._asdict() for each in found], indent=1, ensure_ascii=False))
        return
    for origin in found:
        console.print(_documents_text(origin, settings.position), soft_wrap=True)


def _places(store: Store, settings: WhySettings) -> list[Place]:
    address = address_of(store, settings.address)
    if settings.sequence is not None and not settings.step:
        in_part = place_in_part(store, address, settings.sequence)
        if in_part is not None:
            return [in_part]
    training = open_artifact(store, address)
    return places_in_training(store, training, _wanted(training, settings), number=settings.training)


def _wanted(training: Artifact, settings: WhySettings) -> range:
    """Places in the order in which the training reads."""
    size = training_settings(training).batch_size
    if not settings.step:
        first = settings.sequence or 0
        return range(first, first + 1)
    first = (settings.step - 1) * size
    if settings.sequence is not None:
        if settings.sequence >= size:
            raise UsageError(f"expected a sequence from 0 to {size - 1} of a step, got {settings.sequence}")
        return range(first + settings.sequence, first + settings.sequence + 1)
    if size > MOST_SEQUENCES:
        raise UsageError(f"a step has {size} sequences: say with --sequence which of them, from 0 to {size - 1}")
    return range(first, first + size)


def _documents_text(origin: Origin, position: int | None) -> str:
    last = origin.offset + origin.length - 1
    here = f"tokens {origin.offset} to {last}"
    if position is not None:
        here = f"token {position}, which is token {origin.document_offset + position - origin.offset} of its document"
    excerpt = " ".join(origin.excerpt.split())
    return (
        f"{here}  (sequence {origin.row} of {origin.tokens})\n"
        f"  document {origin.document} of {origin.source}, in {origin.corpus}\n"
        f"  {' '.join(filter(None, (origin.url, origin.date))) or 'no address'}\n"
        f"  {excerpt}"
    )
