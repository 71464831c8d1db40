"""Documents of which some are near matches of others, curated."""

import random
from collections.abc import Sequence

from octo.data.documents import Document, new_document, read_columns, read_documents, to_parquet
from octo.job import produce
from octo.settings.curation import CurationSettings
from octo.settings.near import NearSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

WORDS = [f"word{number}" for number in range(400)]


def corpus(seed: int, *, families: int = 12, size: int = 40) -> list[Document]:
    """Documents of which some are versions of others, and of those in turn."""
    draw = random.Random(seed)
    texts = []
    for _ in range(families):
        words = draw.choices(WORDS, k=size)
        texts.append(" ".join(words))
        for _ in range(draw.randrange(5)):
            for place in draw.sample(range(size), draw.randrange(1, 6)):
                words[place] = draw.choice(WORDS)
            texts.append(" ".join(words))
    return [new_document(text, source="web", url=f"{number}") for number, text in enumerate(dict.fromkeys(texts))]


def committed(store: Store, documents: Sequence[Document], num_shards: int) -> Artifact:
    shards = [documents[start::num_shards] for start in range(num_shards)]
    return commit(
        store,
        [{"documents.parquet": to_parquet(shard, Document)} for shard in shards],
        rows=[{"documents.parquet": len(shard)} for shard in shards],
    )


def settings_of(place: dict[str, object], raw: Artifact, near: NearSettings, **changes: object) -> CurationSettings:
    given = {"documents": raw.address, "without_benchmarks": "no model is judged yet", "min_words": 0, "near": near}
    return CurationSettings(**{**place, **given, **changes})


def curated(place: dict[str, object], raw: Artifact, near: NearSettings, **changes: object) -> Artifact:
    return produce(settings_of(place, raw, near, **changes), "octo.data.curation:curate")


def kept(artifact: Artifact) -> dict[str, Document]:
    parts = artifact.parts("documents.parquet")
    return {found.id: found for part in parts for found in read_documents(artifact.read(part))}


def dropped(artifact: Artifact) -> dict[str, tuple[str, str, str]]:
    """By id: the reason, the witness, and the similarity."""
    columns = ("id", "reason", "witness", "similarity")
    rows = (row for part in artifact.parts("dropped.parquet") for row in read_columns(artifact.read(part), columns))
    return {found: others for found, *others in map(list, rows)}


def said(artifact: Artifact) -> object:
    return sorted(kept(artifact)), sorted(dropped(artifact).items()), dict(artifact.manifest.counters)
