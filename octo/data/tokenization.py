"""The tokenization job: documents mixed by weight, tokenized, packed into sequences that lead back to them."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from octo.data.documents import read_columns
from octo.data.mixture import Delivery, asked_tokens, check_sources, deliver, interleave
from octo.data.packing import Slice, pack
from octo.data.tokenizer import TextTokenizer, Tokens, read_tokenizer, train, training_sample
from octo.errors import InvariantError, UsageError
from octo.job import Job
from octo.randomness import permutation
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import IndexResult

BOUNDARIES = pa.schema(
    [
        ("sequence", pa.int64()),
        ("offset", pa.int32()),
        ("length", pa.int32()),
        ("document", pa.string()),
        ("source", pa.string()),
        ("document_offset", pa.int64()),
    ]
)
"""A row per slice of a document: tokens[sequence, offset : offset + length] are the document's from document_offset."""


class Corpus(NamedTuple):
    """The documents of one source."""

    ids: list[str]
    texts: list[str]


class Mixture(NamedTuple):
    """Packed sequences and what each source gave to them."""

    sequences: Sequence[Sequence[Slice]]
    documents: Mapping[str, int]
    """Deliveries by source; a document that came in two epochs counts twice."""
    tokens: Mapping[str, int]


def tokenize(job: Job[TokenizationSettings]) -> None:
    """Train or take a tokenizer, and write the mixture that the weights ask for."""
    if not job.settings.corpus:
        raise UsageError("nothing to tokenize: give --corpus, addresses of curation artifacts")
    job.each(tokenize_corpus, range(1))


def tokenize_corpus(job: Job[TokenizationSettings], _index: int) -> IndexResult:
    """All of the job's parts."""
    settings = job.settings
    corpora = by_source(
        row
        for artifact in job.inputs["corpus"]
        for part in artifact.parts("documents.parquet")
        for row in read_columns(artifact.read(part), ("id", "source", "text"))
    )
    check_sources(settings.weights, {source: len(corpus.ids) for source, corpus in corpora.items()})
    tokenizer = read_tokenizer(job.input("tokenizer")) if settings.tokenizer else train_tokenizer(corpora, settings)
    mixture = mix(corpora, tokenizer, settings)
    tokens, boundaries = job.scratch / "tokens.bin", job.scratch / "boundaries.parquet"
    write_sequences(mixture.sequences, tokens, boundaries, tokenizer=tokenizer, settings=settings)
    num_tokens, num_stored = sum(mixture.tokens.values()), len(mixture.sequences) * settings.sequence_length
    return IndexResult(
        parts={
            **tokenizer.files,
            "tokens.bin": tokens,
            "boundaries.parquet": boundaries,
            "mixture.json": json.dumps(describe(mixture, corpora, tokenizer, settings), indent=2).encode(),
        },
        rows={"tokens.bin": len(mixture.sequences), "boundaries.parquet": pq.read_metadata(boundaries).num_rows},
        counters={
            "sequences": len(mixture.sequences),
            "tokens.delivered": num_tokens,
            "tokens.padding": num_stored - num_tokens,
        },
    )


def by_source(rows: Iterable[tuple[str, ...]]) -> Mapping[str, Corpus]:
    """The documents (id, source, text) by source; a text that several corpora hold counts once in a source."""
    corpora: dict[str, dict[str, str]] = {}
    for document_id, source, text in rows:
        corpora.setdefault(source, {})[document_id] = text
    return {source: Corpus(list(texts), list(texts.values())) for source, texts in sorted(corpora.items())}


def train_tokenizer(corpora: Mapping[str, Corpus], settings: TokenizationSettings) -> TextTokenizer:
    """A tokenizer trained on documents drawn evenly from all sources of the corpus."""
    ids = [document_id for corpus in corpora.values() for document_id in corpus.ids]
    texts = [text for corpus in corpora.values() for text in corpus.texts]
    sample = training_sample(ids, count=settings.tokenizer_documents, seed=settings.seed)
    return train((texts[position] for position in sample), vocabulary_size=settings.vocabulary_size)


def mix(corpora: Mapping[str, Corpus], tokenizer: TextTokenizer, settings: TokenizationSettings) -> Mixture:
    """Sequences with the tokens asked of each source, in an order that depends on the seed alone."""
    asked = asked_tokens(settings.weights, settings.tokens)
    streams = {
        source: deliver(
            corpora[source].ids,
            partial(_encode_at, corpora[source].texts, tokenizer),
            source=source,
            asked=count,
            seed=settings.seed,
        )
        for source, count in asked.items()
    }
    documents: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    packed = list(
        pack(_count(interleave(streams, asked), corpora, documents, tokens), sequence_length=settings.sequence_length)
    )
    # Packing leaves long documents early and half-empty sequences late: a training step must not see that.
    order = permutation([str(number) for number in range(len(packed))], settings.seed, "sequences")
    return Mixture([packed[number] for number in order], documents, tokens)


def _encode_at(texts: Sequence[str], tokenizer: TextTokenizer, positions: Iterable[int]) -> Iterator[Tokens]:
    return tokenizer.encode_documents(texts[position] for position in positions)


def _count(
    deliveries: Iterable[Delivery], corpora: Mapping[str, Corpus], documents: Counter[str], tokens: Counter[str]
) -> Iterator[Slice]:
    for source, position, encoded in deliveries:
        documents[source] += 1
        tokens[source] += len(encoded)
        yield Slice(corpora[source].ids[position], source, 0, encoded)


def write_sequences(
    sequences: Sequence[Sequence[Slice]],
    tokens: Path,
    boundaries: Path,
    *,
    tokenizer: TextTokenizer,
    settings: TokenizationSettings,
) -> None:
    """The tokens (as the tokenizer stores them, a sequence after the other) and the boundaries of documents in them."""
    rows: list[tuple[int, int, int, str, str, int]] = []
    with tokens.open("wb") as stream:
        for number, sequence in enumerate(sequences):
            line = np.full(settings.sequence_length, tokenizer.pad_id, dtype=tokenizer.dtype)
            offset = 0
            for piece in sequence:
                length = len(piece.tokens)
                line[offset : offset + length] = piece.tokens
                rows.append((number, offset, length, piece.document, piece.source, piece.document_offset))
                offset += length
            stream.write(line.tobytes())
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), BOUNDARIES, strict=True)]
    pq.write_table(pa.table(columns, schema=BOUNDARIES), boundaries, compression="zstd")


def describe(
    mixture: Mixture, corpora: Mapping[str, Corpus], tokenizer: TextTokenizer, settings: TokenizationSettings
) -> Mapping[str, object]:
    """What was asked and delivered; InvariantError when a delivered token is in no sequence."""
    stored = sum(len(piece.tokens) for sequence in mixture.sequences for piece in sequence)
    delivered = sum(mixture.tokens.values())
    if stored != delivered:
        raise InvariantError(f"{delivered} tokens delivered by the sources, {stored} in the sequences")
    asked = asked_tokens(settings.weights, settings.tokens)
    return {
        "sources": [
            {
                "source": source,
                "weight": settings.weights[source],
                "tokens_asked": asked[source],
                "tokens_delivered": mixture.tokens[source],
                "documents": mixture.documents[source],
                "epochs": round(mixture.documents[source] / len(corpora[source].ids), 4),
            }
            for source in sorted(settings.weights)
        ],
        "sequences": len(mixture.sequences),
        "sequence_length": settings.sequence_length,
        "vocabulary_size": tokenizer.vocabulary_size,
        "padding_tokens": len(mixture.sequences) * settings.sequence_length - stored,
    }
