"""The curation job: quality rules, exact dedup, decontamination; every document is kept or dropped for a reason."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

from octo.data.decontamination import Benchmark
from octo.data.dedup import copies_of, duplicates
from octo.data.documents import Document, Dropped, count_rows, read_columns, read_documents, to_parquet
from octo.data.filters import Rule, first_broken, quality_rules
from octo.errors import InputError, InvariantError, UsageError
from octo.job import Job
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import Artifact, IndexResult

EXCERPT_CHARACTERS = 200
DUPLICATE = "duplicate"
CONTAMINATED = "contaminated"


class Policy(NamedTuple):
    """What decides about a document on its own, before its copies elsewhere."""

    rules: Mapping[str, Rule]
    unfiltered: Collection[str]
    benchmark: Benchmark


def curate(job: Job[CurationSettings]) -> None:
    """Curate every shard of the documents, an index each."""
    if not job.settings.documents:
        raise UsageError("nothing to curate: give --documents, the address of an ingestion artifact")
    documents = job.input("documents")
    shards = documents.parts("documents.parquet")
    lost = find_duplicates((documents.read(part) for part in shards), unfiltered=job.settings.unfiltered)
    benchmark = Benchmark(read_questions(job.inputs["benchmarks"], job.settings), ngram=job.settings.ngram)
    job.each(partial(curate_shard, lost=lost, benchmark=benchmark), range(len(shards)))


def curate_shard(
    job: Job[CurationSettings], index: int, *, lost: Mapping[int, frozenset[int]], benchmark: Benchmark
) -> IndexResult:
    """The kept and the dropped documents of one shard."""
    source = job.input("documents")
    shard = source.read(source.parts("documents.parquet")[index])
    policy = Policy(quality_rules(job.settings), job.settings.unfiltered, benchmark)
    kept: list[Document] = []
    dropped: list[Dropped] = []
    for document, reason in judge(read_documents(shard), policy, lost.get(index, frozenset())):
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


def find_duplicates(shards: Iterable[bytes], *, unfiltered: Collection[str]) -> Mapping[int, frozenset[int]]:
    """For each shard, the rows whose text another document keeps; of the shards only the short columns are decoded."""
    columns = ("id", "source", "url", "date", "metadata")
    return duplicates(
        copy
        for shard, body in enumerate(shards)
        for copy in copies_of(read_columns(body, columns), shard=shard, unfiltered=unfiltered)
    )


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
