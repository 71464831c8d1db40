"""From a token that a model learned from to its document: which sequence, which slice of it, and the document's record.

Nothing is searched for: where a sequence lies follows from settings and manifests, which slices it has from the part
beside its tokens, and which shard of the corpus they are of from their index. So a token costs two objects of the
store, of a part's size each.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from octo.data.mixture import mixture_of
from octo.data.sequences import runs_of
from octo.data.token_shards import TokenPart, corpus_shards, open_token_shards
from octo.errors import InputError, UsageError
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import Artifact, Part, open_artifact
from octo.storage.store import Store

EXCERPT_CHARACTERS = 200
_PART = re.compile(r"(?P<artifact>.+/artifacts/tokenization/[0-9a-f]{64})/(?P<index>\d+)/(?P<name>tokens-[^/]+\.bin)")


class Place(NamedTuple):
    """Where a sequence of tokens lies."""

    part: TokenPart
    row: int


class Origin(NamedTuple):
    """A run of a sequence's tokens that is of one document."""

    tokens: str
    """The part that holds the sequence: its artifact's address, its index and its name."""
    row: int
    offset: int
    """Of the run in the sequence, in tokens."""
    length: int
    document: str
    """Its id."""
    document_offset: int
    """Of the run in the document, in tokens."""
    corpus: str
    """Address of the artifact that holds the document."""
    source: str
    url: str
    date: str
    excerpt: str
    """How it begins."""


def place_in_part(store: Store, address: str, row: int) -> Place | None:
    """The sequence of that row of a part, named as octo names it: ARTIFACT/INDEX/NAME. None where it is no part's name.

    Raises:
        UsageError: there is no such part, or no such row in it.
    """
    named = _PART.fullmatch(address)
    if named is None:
        return None
    artifact = open_artifact(store, named["artifact"])
    for part in artifact.parts(named["name"]):
        if part.index == int(named["index"]):
            if not 0 <= row < part.rows:
                raise UsageError(f"expected a sequence from 0 to {part.rows - 1} of {address}, got {row}")
            return Place(TokenPart(artifact, part), row)
    raise UsageError(f"{named['artifact']} has no part {named['index']}/{named['name']}")


def places_in_training(store: Store, training: Artifact, wanted: range, *, number: int = 0) -> list[Place]:
    """Where the sequences lie that a midtraining read at these places of its order, which begins with 0.

    Args:
        store: of the artifacts.
        training: what a midtraining job made.
        wanted: places in the order in which its steps read.
        number: which of its trainings, where it has several.

    Raises:
        UsageError: it is no midtraining's, or has read less.
    """
    settings = training_settings(training)
    tokens = [open_artifact(store, each.address) for each in training.manifest.inputs["tokens"]]
    shards = open_token_shards(tokens)
    mixture = mixture_of(settings.weights, shards.counts, seed=settings.seed + number)
    before = settings.first_step * settings.batch_size
    found: dict[int, Place] = {}
    for run in runs_of(shards, mixture, range(before + wanted.start, before + wanted.stop)):
        found.update(zip(run.places, (Place(run.part, row) for row in run.rows), strict=True))
    return [found[each] for each in range(len(wanted))]


def training_settings(training: Artifact) -> MidtrainingSettings:
    """Those of a midtraining that are in its manifest; UsageError where it is of another job."""
    if training.manifest.job != MidtrainingSettings.job:
        raise UsageError(
            f"{training.address} is of {training.manifest.job}, which reads no packed tokens: give the artifact of a "
            "midtraining, or a part of a tokenization's as messages name it"
        )
    known = {name: value for name, value in training.manifest.settings.items() if name in _DECIDING}
    return MidtrainingSettings.model_validate({**known, "tokens": ("s3://a/b",)})


_DECIDING = frozenset({"batch_size", "micro_batch_size", "first_step", "num_steps", "weights", "seed", "num_seeds"})


def origins_of(place: Place, folder: Path) -> list[Origin]:
    """The documents that a sequence is of, in its order; the padding at its end is of none.

    Args:
        place: which sequence.
        folder: holds what is fetched.

    Raises:
        InputError: a document of it is not in the shard of the corpus that it is of.
    """
    artifact, index = place.part.artifact, place.part.part.index
    slices = _slices(place, folder)
    corpus, shard = _shard_of(artifact, index)
    documents = _documents(corpus, shard, {document for *_, document, _ in slices}, folder)
    return [
        Origin(
            tokens=f"{artifact.address}/{place.part.key}",
            row=place.row,
            offset=offset,
            length=length,
            document=document,
            document_offset=document_offset,
            corpus=corpus.address,
            **documents[document],
        )
        for offset, length, document, document_offset in slices
    ]


def _slices(place: Place, folder: Path) -> list[tuple[int, int, str, int]]:
    artifact, part = place.part.artifact, place.part.part
    name = part.name.replace("tokens-", "slices-", 1).removesuffix("bin") + "parquet"
    beside = [each for each in artifact.parts(name) if each.index == part.index]
    if len(beside) != 1:
        raise InputError(f"{artifact.address} has no part {part.index}/{name}: nothing says whose tokens these are")
    file = folder / "slices.parquet"
    artifact.fetch(beside[0], file)
    columns = ["offset", "length", "document", "document_offset"]
    rows = pq.read_table(file, columns=columns, filters=[("sequence", "==", place.row)]).to_pylist()
    file.unlink()
    return sorted(tuple(row[column] for column in columns) for row in rows)


def _shard_of(tokens: Artifact, index: int) -> tuple[Artifact, Part]:
    """The corpus's part that an index of a tokenization was made of."""
    shards = corpus_shards(open_artifact(tokens.store, each.address) for each in tokens.manifest.inputs["corpus"])
    if index >= len(shards):
        raise InputError(f"{tokens.address} has an index {index}, and its corpora have no shard for it")
    return shards[index]


def _documents(corpus: Artifact, shard: Part, ids: set[str], folder: Path) -> Mapping[str, dict[str, str]]:
    file = folder / "documents.parquet"
    corpus.fetch(shard, file)
    table = pq.read_table(
        file, columns=["id", "source", "url", "date", "text"], filters=[("id", "in", sorted(ids))]
    ).to_pylist()
    file.unlink()
    found = {
        row["id"]: {
            "source": row["source"],
            "url": row["url"] or "",
            "date": str(row["date"] or ""),
            "excerpt": row["text"][:EXCERPT_CHARACTERS],
        }
        for row in table
    }
    if lacking := ids - found.keys():
        raise InputError(f"{corpus.address} has no document {min(lacking)} in its shard {shard.index}")
    return found
