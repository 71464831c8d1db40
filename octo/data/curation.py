"""The curation job: quality rules, exact dedup, decontamination; every document is kept or dropped for a reason."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from octo.data.decontamination import Benchmark
from octo.data.dedup import find_duplicates, read_rows, rows_to_arrow, without_text
from octo.data.documents import Document, Dropped, count_rows, read_columns, read_documents, to_parquet
from octo.data.filters import Rule, first_broken, quality_rules
from octo.errors import InputError, InvariantError, UsageError
from octo.job import Job
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import Artifact, IndexResult, Part

EXCERPT_CHARACTERS = 200
DUPLICATE = "duplicate"
CONTAMINATED = "contaminated"
_DUPLICATES = "duplicates.arrow"
_QUESTIONS = "questions.json"


class Policy(NamedTuple):
    """What decides about a document on its own, before its copies elsewhere."""

    rules: Mapping[str, Rule]
    unfiltered: Collection[str]
    benchmark: Benchmark


def curate(job: Job[CurationSettings]) -> None:
    """Curate every shard of the documents, an index each."""
    if not job.settings.documents:
        raise UsageError("nothing to curate: give --documents, the address of an ingestion artifact")
    indexes = range(len(job.input("documents").parts("documents.parquet")))
    if job.pending(indexes):
        prepare(job)
    job.each(partial(curate_shard, prepared=job.scratch), indexes)


def prepare(job: Job[CurationSettings]) -> None:
    """Leave in the scratch directory what depends on more than one shard: duplicates, and questions to look for."""
    questions = list(read_questions(job.inputs["benchmarks"], job.settings))
    (job.scratch / _QUESTIONS).write_text(json.dumps(questions))
    (job.scratch / _DUPLICATES).write_bytes(job.shared(_DUPLICATES, lambda: search_duplicates(job)))


def search_duplicates(job: Job[CurationSettings]) -> bytes:
    """The duplicates in all shards.

    Pods of a fleet that start together share the reading of the shards: each begins with its own group's, and finds
    what the next groups have read meanwhile.
    """
    documents, group = job.input("documents"), job.settings.shard_group
    parts = documents.parts("documents.parquet")
    files = [job.scratch / f"copies-{shard}.arrow" for shard in range(len(parts))]
    for shard in sorted(range(len(parts)), key=lambda shard: (shard - group.first - group.index) % group.count):
        read = partial(_read_without_text, documents, parts[shard])
        files[shard].write_bytes(job.shared(files[shard].name, read))
    shards = [pa.memory_map(str(file)).read_buffer() for file in files]
    found = find_duplicates(shards, unfiltered=job.settings.unfiltered)
    for file in files:
        file.unlink()
    return rows_to_arrow(found, num_shards=len(parts))


def _read_without_text(documents: Artifact, part: Part) -> bytes:
    return without_text(documents.read(part))


def curate_shard(job: Job[CurationSettings], index: int, *, prepared: Path) -> IndexResult:
    """The kept and the dropped documents of one shard."""
    source = job.input("documents")
    shard = source.read(source.parts("documents.parquet")[index])
    benchmark = _benchmark(prepared / _QUESTIONS, job.settings.ngram)
    policy = Policy(quality_rules(job.settings), job.settings.unfiltered, benchmark)
    kept: list[Document] = []
    dropped: list[Dropped] = []
    for document, reason in judge(read_documents(shard), policy, read_rows(prepared / _DUPLICATES, index)):
        if reason is None:
            kept.append(document)
        else:
            excerpt = document.text[:EXCERPT_CHARACTERS]
            dropped.append(Dropped(document.id, document.source, document.url, reason, excerpt))
    return IndexResult(
        parts={"documents.parquet": to_parquet(kept, Document), "dropped.parquet": to_parquet(dropped, Dropped)},
        rows={"documents.parquet": len(kept), "dropped.parquet": len(dropped)},
        counters=count_outcomes(count_rows(shard), len(kept), [row.reason for row in dropped]),
    )


@lru_cache(maxsize=1)
def _benchmark(questions: Path, ngram: int) -> Benchmark:
    # Once in a process, however many shards it does.
    return Benchmark(json.loads(questions.read_text()), ngram=ngram)


def judge(
    documents: Iterable[Document], policy: Policy, duplicate_rows: Collection[int]
) -> Iterator[tuple[Document, str | None]]:
    """Each document with the reason to drop it, or None.

    The cheapest question comes first, so a reason is the first that holds: a quality rule, then a copy, then a problem.
    """
    for row, document in enumerate(documents):
        reason = None
        if document.source not in policy.unfiltered:
            reason = first_broken(document.text, policy.rules)
        if reason is None and row in duplicate_rows:
            reason = DUPLICATE
        if reason is None and policy.benchmark.overlap(document.text):
            reason = CONTAMINATED
        yield document, reason


def read_questions(benchmarks: Iterable[Artifact], settings: CurationSettings) -> Iterator[str]:
    """The questions of every problem in the benchmarks; an artifact without one is an InputError."""
    for artifact in benchmarks:
        num_questions = 0
        for part in artifact.parts("documents.parquet"):
            for source, text, metadata in read_columns(artifact.read(part), ("source", "text", "metadata")):
                if not settings.benchmark_sources or source in settings.benchmark_sources:
                    num_questions += 1
                    yield question_of(text, metadata)
        if num_questions == 0:
            raise InputError(
                f"{artifact.address} has no document of the sources {', '.join(settings.benchmark_sources)}: "
                "name those that hold problems with --benchmark-sources"
            )


def question_of(text: str, metadata: str) -> str:
    """A problem's question: what its metadata says, else its whole text."""
    question = json.loads(metadata).get("question")
    return question if isinstance(question, str) else text


def count_outcomes(num_documents: int, num_kept: int, reasons: Iterable[str]) -> Mapping[str, int]:
    """The counters of a shard; InvariantError when documents in are not kept plus dropped."""
    dropped = Counter(reasons)
    if num_documents != num_kept + dropped.total():
        raise InvariantError(f"{num_documents} documents in, {num_kept} kept and {dropped.total()} dropped")
    counts = {f"documents.dropped.{reason}": count for reason, count in sorted(dropped.items())}
    return {"documents.in": num_documents, "documents.kept": num_kept, **counts}
