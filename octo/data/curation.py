"""The curation job: quality rules, dedup, decontamination; every document is kept or dropped for a reason."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, ParamSpec

import pyarrow as pa

from octo.data.benchmarks import STATEMENT, Gate, Questions, learned, read_questions
from octo.data.decontamination import Benchmark
from octo.data.dedup import find_duplicates, read_rows, rows_to_arrow, sources_of, without_text
from octo.data.documents import Document, Dropped, count_rows, read_documents, to_parquet
from octo.data.filters import Rule, first_broken, quality_rules
from octo.data.near_search import NearVerdicts, near_verdicts, search_near
from octo.data.time_limit import STOPPED, TOO_SLOW, DocumentClock, TooSlowError, document_clock
from octo.errors import InputError, InvariantError
from octo.job import Job
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import Artifact, IndexResult, Part

logger = logging.getLogger(__name__)

EXCERPT_CHARACTERS = 200
DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near_duplicate"
CONTAMINATED = "contaminated"
_DUPLICATES = "duplicates.arrow"
_QUESTIONS = "questions.json"
_LOOKED_IN = "documents"
_LOOKED_THROUGH_AT_ONCE = 32
P = ParamSpec("P")


class Policy(NamedTuple):
    """What decides about a document on its own, before its copies elsewhere."""

    rules: Mapping[str, Rule]
    unfiltered: Collection[str]
    benchmark: Benchmark


def curate(job: Job[CurationSettings]) -> None:
    """Curate every shard of the documents, an index each."""
    indexes = range(len(job.input("documents").parts("documents.parquet")))
    if job.pending(indexes):
        prepare(job)
    job.each(partial(curate_shard, prepared=job.scratch), indexes)


def prepare(job: Job[CurationSettings]) -> None:
    """Leave in the scratch directory what depends on more than one shard: duplicates, and questions to look for."""
    questions = read_questions(job.inputs["benchmarks"], job.settings, what=_LOOKED_IN)
    (job.scratch / _QUESTIONS).write_text(questions.model_dump_json())
    (job.scratch / _DUPLICATES).write_bytes(job.shared(_DUPLICATES, lambda: search_duplicates(job)))
    if job.settings.near.threshold:
        search_near(job, judge_shard)


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
    check_sources({source for shard in shards for source in sources_of(shard)}, job.settings)
    found = find_duplicates(shards, unfiltered=job.settings.unfiltered)
    for file in files:
        file.unlink()
    return rows_to_arrow(found, num_shards=len(parts))


def check_sources(sources: Collection[str], settings: CurationSettings) -> None:
    """InputError where there is no document; a warning where a source is named that none is of, as presets do."""
    if not sources:
        raise InputError(f"there is no document in {settings.documents}: what did ingestion read?")
    if missing := sorted(set(settings.unfiltered) - set(sources)):
        logger.warning(
            "--unfiltered: no document is of %s; %s has %s",
            ", ".join(missing),
            settings.documents,
            ", ".join(sorted(sources)),
        )


def _read_without_text(documents: Artifact, part: Part) -> bytes:
    return without_text(documents.read(part))


def curate_shard(job: Job[CurationSettings], index: int, *, prepared: Path) -> IndexResult:
    """The kept and the dropped documents of one shard."""
    kept: list[Document] = []
    dropped: list[Dropped] = []
    shard = _read_shard(job, index)
    near = near_verdicts(job, index, prepared) if job.settings.near.threshold else None
    judged = _judged(job, index, shard, prepared) if near is None else _judged_before(shard, near)
    for row, (document, reason) in enumerate(judged):
        if reason is None:
            kept.append(document)
        else:
            similarity, witness = near.nearest[row] if near is not None and reason == NEAR_DUPLICATE else ("", "")
            excerpt = document.text[:EXCERPT_CHARACTERS]
            dropped.append(
                Dropped(document.id, document.source, document.url, reason, excerpt, witness, str(similarity))
            )
    parts = {"documents.parquet": to_parquet(kept, Document), "dropped.parquet": to_parquet(dropped, Dropped)}
    counters = {
        **count_outcomes(count_rows(shard), len(kept), [row.reason for row in dropped]),
        **count_by_source(kept, dropped),
    }
    if near is not None:
        counters = {**counters, "near.asked": near.asked, "near.found": near.found}
    if index == 0:
        # What all indexes have in common is said once.
        gate = _gate_of(job, prepared)
        parts[STATEMENT] = gate.statement.written()
        counters = {**counters, **gate.statement.counters()}
    return IndexResult(
        parts=parts, rows={"documents.parquet": len(kept), "dropped.parquet": len(dropped)}, counters=counters
    )


def judge_shard(job: Job[CurationSettings], index: int, prepared: Path) -> Iterator[tuple[Document, str | None]]:
    """Each document of one shard with the reason to drop it, or None, whatever is near to it."""
    return _judged(job, index, _read_shard(job, index), prepared)


def _judged(
    job: Job[CurationSettings], index: int, shard: bytes, prepared: Path
) -> Iterator[tuple[Document, str | None]]:
    policy = Policy(quality_rules(job.settings), job.settings.unfiltered, _gate_of(job, prepared).benchmark)
    with document_clock(job.settings.max_document_seconds) as clock:
        yield from judge(read_documents(shard), policy, read_rows(prepared / _DUPLICATES, index), clock)


def _judged_before(shard: bytes, near: NearVerdicts) -> Iterator[tuple[Document, str | None]]:
    """What was said of them, and that a document is near to another where nothing was."""
    for row, (document, reason) in enumerate(zip(read_documents(shard), near.reasons, strict=True)):
        yield document, reason or (NEAR_DUPLICATE if row in near.nearest else None)


def _read_shard(job: Job[CurationSettings], index: int) -> bytes:
    documents = job.input("documents")
    return documents.read(documents.parts("documents.parquet")[index])


def _gate_of(job: Job[CurationSettings], prepared: Path) -> Gate:
    return _gate(prepared / _QUESTIONS, job.settings.ngram, tuple(job.settings.canary_recall.items()))


@lru_cache(maxsize=1)
def _gate(questions: Path, ngram: int, least_recall: tuple[tuple[str, float], ...]) -> Gate:
    # Once in a process, however many shards it does.
    return Questions.model_validate_json(questions.read_bytes()).gate(ngram=ngram, least_recall=dict(least_recall))


def judge(
    documents: Iterable[Document], policy: Policy, duplicate_rows: Collection[int], clock: DocumentClock = STOPPED
) -> Iterator[tuple[Document, str | None]]:
    """Each document with the reason to drop it, or None.

    The cheapest question comes first, so a reason is the first that holds: a quality rule, then a copy, then a problem;
    and before all, that the questions found no end. Near matches are looked for among what is left.
    """
    rows = enumerate(documents)
    while batch := list(islice(rows, _LOOKED_THROUGH_AT_ONCE)):
        reasons = [_timed(clock, _reason_against, document, policy, row in duplicate_rows) for row, document in batch]
        left = [index for index, reason in enumerate(reasons) if reason is None]
        texts = [learned(batch[index][1].text, batch[index][1].metadata) for index in left]
        for index, reason in zip(left, _contaminated(texts, policy.benchmark, clock), strict=True):
            reasons[index] = reason
        yield from zip((document for _, document in batch), reasons, strict=True)


def _reason_against(document: Document, policy: Policy, is_copy: bool) -> str | None:  # noqa: FBT001 - passed on by place
    if document.source not in policy.unfiltered and (reason := first_broken(document.text, policy.rules)):
        return reason
    return DUPLICATE if is_copy else None


def _contaminated(texts: Sequence[str], benchmark: Benchmark, clock: DocumentClock) -> list[str | None]:
    """Why each is dropped, or None."""
    try:
        found = clock.timed(benchmark.overlaps, texts)
    except TooSlowError:
        # One of them, or all together: each has the time by itself.
        return [_timed(clock, lambda text: CONTAMINATED if benchmark.overlap(text) else None, text) for text in texts]
    return [CONTAMINATED if shared else None for shared in found]


def _timed(clock: DocumentClock, work: Callable[P, str | None], *arguments: P.args, **named: P.kwargs) -> str | None:
    try:
        return clock.timed(work, *arguments, **named)
    except TooSlowError:
        return TOO_SLOW


def count_outcomes(num_documents: int, num_kept: int, reasons: Iterable[str]) -> Mapping[str, int]:
    """The counters of a shard; InvariantError when documents in are not kept plus dropped."""
    dropped = Counter(reasons)
    if num_documents != num_kept + dropped.total():
        raise InvariantError(f"{num_documents} documents in, {num_kept} kept and {dropped.total()} dropped")
    counts = {f"documents.dropped.{reason}": count for reason, count in sorted(dropped.items())}
    return {"documents.in": num_documents, "documents.kept": num_kept, **counts}


def count_by_source(kept: Iterable[Document], dropped: Iterable[Dropped]) -> Mapping[str, int]:
    """What became of a shard's documents, as `sources.SOURCE.kept` and `sources.SOURCE.REASON`."""
    outcomes = Counter([(each.source, "kept") for each in kept])
    outcomes.update((each.source, each.reason) for each in dropped)
    return {f"sources.{source}.{outcome}": count for (source, outcome), count in sorted(outcomes.items())}
