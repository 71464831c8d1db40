"""The tokenization job: each shard of a corpus becomes packed sequences, which lead back to their documents."""

import json
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import pyarrow.parquet as pq

from octo.data.benchmarks import STATEMENT, statement_of
from octo.data.documents import stream_columns
from octo.data.packed import RecordFormat, Tokens
from octo.data.packing import Packer, Slice
from octo.data.token_shards import PACKING, corpus_shards
from octo.data.token_writing import SourceWriter
from octo.data.tokenizer import TextTokenizer, read_tokenizer, tokenizer_of, train
from octo.data.tokenizer_sample import sampled_texts
from octo.errors import InputError, InvariantError, UsageError
from octo.job import Job
from octo.lineage import key_of
from octo.settings.curation import CurationSettings
from octo.settings.special import SpecialTokens
from octo.settings.tokenization import TokenizationSettings
from octo.storage.artifacts import Artifact, IndexResult
from octo.trainings import models_of

_FILES = "tokenizer"


def tokenize(job: Job[TokenizationSettings]) -> None:
    """Train or take a tokenizer, and tokenize every shard of the corpora, an index each."""
    statements_of(job.inputs["corpus"], uncurated=job.settings.uncurated)
    shards = corpus_shards(job.inputs["corpus"])
    if not any(part.rows for _, part in shards):
        raise InputError(f"there is no document in {', '.join(job.settings.corpus)}: what did curation keep?")
    indexes = range(len(shards))
    if job.pending(indexes):
        prepare(job)
    job.each(partial(tokenize_shard, prepared=job.scratch), indexes)


def prepare(job: Job[TokenizationSettings]) -> None:
    """Leave the tokenizer's files in the scratch directory."""
    if job.settings.tokenizer:
        files = read_tokenizer(models_of(job.input("tokenizer"))[0]).files
    else:
        made = job.shared("tokenizer.json", lambda: trained(job))
        files = {name: text.encode() for name, text in json.loads(made).items()}
    folder = job.scratch / _FILES
    folder.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)


def trained(job: Job[TokenizationSettings]) -> bytes:
    """The files of a tokenizer that is trained on a sample of all shards, as JSON."""
    shards = corpus_shards(job.inputs["corpus"])
    tokenizer = train(sampled_texts(job, shards), vocabulary_size=job.settings.vocabulary_size)
    return json.dumps({name: body.decode() for name, body in tokenizer.files.items()}, sort_keys=True).encode()


def tokenize_shard(job: Job[TokenizationSettings], index: int, *, prepared: Path) -> IndexResult:
    """One shard's tokens by source; with index 0 go the tokenizer's files and what all indexes have in common."""
    settings = job.settings
    tokenizer = _tokenizer(
        prepared / _FILES, settings.tokenizer or "the corpus", settings.special, settings.honour_special_tokens
    )
    artifact, part = corpus_shards(job.inputs["corpus"])[index]
    folder = job.scratch / f"shard-{index}"
    folder.mkdir()
    corpus = folder / "documents.parquet"
    artifact.fetch(part, corpus)
    packed = pack_shard(corpus, folder, tokenizer, index=index, settings=settings)
    corpus.unlink()
    parts: dict[str, bytes | Path] = {name: path for each in packed.writers for name, path in each.parts.items()}
    if index == 0:
        statements = statements_of(job.inputs["corpus"], uncurated=settings.uncurated)
        parts |= {
            **tokenizer.files,
            PACKING: json.dumps(describe(tokenizer, settings), indent=2).encode(),
            STATEMENT: json.dumps(statements, indent=1, ensure_ascii=False).encode(),
        }
    return IndexResult(
        parts=parts,
        rows={name: rows for each in packed.writers for name, rows in each.rows.items()},
        counters=packed.counters(settings.sequence_length),
    )


def statements_of(corpora: Iterable[Artifact], *, uncurated: str) -> Mapping[str, str]:
    """What each corpus says of the benchmarks that it was searched for, by its key.

    Raises:
        UsageError: one was not curated, and nobody has said why.
    """
    said = {}
    for artifact in corpora:
        key = key_of(artifact.address)
        if artifact.manifest.job == CurationSettings.job:
            said[key] = statement_of(artifact)
        elif uncurated:
            said[key] = f"No benchmark was looked for in these documents, which no curation has kept: {uncurated}"
        else:
            raise UsageError(
                f"{artifact.address} was made by {artifact.manifest.job} and not by curation, so that no benchmark was "
                "looked for in it: curate it first, or say with --uncurated why it is tokenized as it is"
            )
    return said


@dataclass(frozen=True)
class PackedShard:
    """What became of one shard of the corpus."""

    writers: Sequence[SourceWriter]
    documents: Counter[str]
    """By source."""
    tokens: Counter[str]
    sequences: Counter[str]

    def counters(self, sequence_length: int) -> Mapping[str, int]:
        """The counters of the artifact's manifest."""
        counts = {"documents": self.documents, "tokens": self.tokens, "sequences": self.sequences}
        return {
            "tokens.padding": self.sequences.total() * sequence_length - self.tokens.total(),
            **{f"{what}.{source}": count for what, by in counts.items() for source, count in sorted(by.items())},
        }


def pack_shard(
    corpus: Path, folder: Path, tokenizer: TextTokenizer, *, index: int, settings: TokenizationSettings
) -> PackedShard:
    """Tokenize and pack the documents of a file into files, holding some hundred documents and the open sequences.

    Raises:
        InvariantError: documents or tokens that went in are in no sequence.
    """
    record_format = record_format_of(tokenizer, settings)
    packers: dict[str, Packer] = {}
    writers: dict[str, SourceWriter] = {}
    taken, kept = (Counter[str](), Counter[str]()), (Counter[str](), Counter[str](), Counter[str]())

    def write(source: str, sequences: Iterable[Sequence[Slice]]) -> None:
        for sequence in sequences:
            writers[source].write(sequence)
            kept[0][source] += sum(piece.document_offset == 0 for piece in sequence)
            kept[1][source] += sum(len(piece.tokens) for piece in sequence)
            kept[2][source] += 1

    for document, source, tokens in encoded(corpus, tokenizer):
        if source not in packers:
            packers[source] = Packer(settings.sequence_length)
            writers[source] = SourceWriter(
                folder,
                index=index,
                source=source,
                record_format=record_format,
                padding=tokenizer.pad_id,
                part_bytes=settings.part_mib << 20,
            )
        taken[0][source] += 1
        taken[1][source] += len(tokens)
        write(source, packers[source].put(Slice(document, 0, tokens)))
    for source, packer in packers.items():
        write(source, packer.finish())
        writers[source].close()
    check_balance(num_rows=pq.read_metadata(corpus).num_rows, taken=taken, kept=kept[:2])
    return PackedShard([writers[source] for source in sorted(writers)], *kept)


def encoded(corpus: Path, tokenizer: TextTokenizer) -> Iterator[tuple[str, str, Tokens]]:
    """Id, source and tokens of each document of a file."""
    waiting: deque[tuple[str, str]] = deque()

    def texts() -> Iterator[str]:
        for document, source, text in stream_columns(corpus, ("id", "source", "text")):
            waiting.append((document, source))
            yield text

    for tokens in tokenizer.encode_documents(texts()):
        yield (*waiting.popleft(), tokens)


def check_balance(*, num_rows: int, taken: Sequence[Mapping[str, int]], kept: Sequence[Mapping[str, int]]) -> None:
    """InvariantError unless every document, and every token, that went in is in a sequence of its source."""
    if sum(taken[0].values()) != num_rows:
        raise InvariantError(f"{num_rows} documents in the shard, {sum(taken[0].values())} tokenized")
    for what, went_in, came_out in zip(("documents", "tokens"), taken, kept, strict=True):
        for source, count in went_in.items():
            if came_out.get(source, 0) != count:
                raise InvariantError(f"{count} {what} of {source} tokenized, {came_out.get(source, 0)} packed")


def record_format_of(tokenizer: TextTokenizer, settings: TokenizationSettings) -> RecordFormat:
    """How the sequences are written: in as few bytes as the vocabulary allows."""
    return RecordFormat(settings.sequence_length, "uint16" if tokenizer.vocabulary_size <= 1 << 16 else "uint32")


def describe(tokenizer: TextTokenizer, settings: TokenizationSettings) -> Mapping[str, int | str]:
    """What a reader must know of all sequences; two artifacts fit together when it is the same for both."""
    record_format = record_format_of(tokenizer, settings)
    return {
        "sequence_length": record_format.sequence_length,
        "dtype": record_format.dtype,
        "record_bytes": record_format.record_bytes,
        "vocabulary_size": tokenizer.vocabulary_size,
        "end_id": tokenizer.end_id,
        "pad_id": tokenizer.pad_id,
    }


@lru_cache(maxsize=1)
def _tokenizer(folder: Path, name: str, special: SpecialTokens, honour: bool) -> TextTokenizer:  # noqa: FBT001
    # Once in a process, however many shards it does.
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    tokenizer = tokenizer_of(files, name=name, special=special)
    return tokenizer.honouring_special_tokens() if honour else tokenizer
