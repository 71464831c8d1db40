"""The documents that a tokenizer is trained on: each is chosen by its own id, by any process alike."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from octo.data.documents import stream_columns
from octo.data.tokenizer import TRAINING_CHARACTERS
from octo.job import Job
from octo.randomness import keyed_fraction
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import Artifact, Part


def sampled_texts(job: Job[TokenizationSettings], shards: Sequence[tuple[Artifact, Part]]) -> Iterator[str]:
    """The beginnings of about `tokenizer_documents` texts, drawn evenly from all shards.

    Pods of a fleet that start together share the reading: each begins with its own group's shards, and finds what the
    others have read meanwhile.
    """
    group = job.settings.shard_group
    share = job.settings.tokenizer_documents / max(1, sum(part.rows for _, part in shards))
    chosen: dict[str, str] = {}
    for number in sorted(range(len(shards)), key=lambda shard: (shard - group.first - group.index) % group.count):
        artifact, part = shards[number]

        def read(artifact: Artifact = artifact, part: Part = part) -> bytes:
            return json.dumps(choose(artifact, part, share=share, seed=job.settings.seed, scratch=job.scratch)).encode()

        # A text that two corpora hold is one.
        chosen |= json.loads(job.shared(f"sample-{number}.json", read))
    return (chosen[document] for document in sorted(chosen))


def choose(artifact: Artifact, part: Part, *, share: float, seed: int, scratch: Path) -> Mapping[str, str]:
    """That share of one file's documents, by id."""
    file = scratch / "sampled.parquet"
    artifact.fetch(part, file)
    chosen = {
        document: text[:TRAINING_CHARACTERS]
        for document, text in stream_columns(file, ("id", "text"))
        if keyed_fraction(seed, "tokenizer", document) < share
    }
    file.unlink()
    return chosen
