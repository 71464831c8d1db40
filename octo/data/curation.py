"""The curation job: quality rules, dedup, decontamination; every document is kept or dropped for a reason."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import ParamSpec

import pyarrow as pa

from octo.data.benchmarks import STATEMENT, Gate, Questions, learned, read_questions
from octo.data.decontamination import Benchmark
from octo.data.dedup import find_duplicates, read_rows, rows_to_arrow, sources_of, without_text
from octo.data.documents import (
    CONTAMINATED,
    KEPT,
    SOURCES,
    Document,
    Dropped,
    count_rows,
    read_documents,
    revised,
    to_parquet,
)
from octo.data.hosts import Hosts, leave_hosts
from octo.data.languages import check_languages
from octo.data.line_search import lines_taken, reasons_before, search_lines
from octo.data.near_search import NEAR_DUPLICATE, NearVerdicts, near_verdicts, search_near
from octo.data.screening import reasons_from_bytes, reasons_to_bytes, screening
from octo.data.shared_lines import Cut, without_lines
from octo.data.time_limit import STOPPED, TOO_SLOW, DocumentClock, TooSlowError, document_clock
from octo.errors import InputError, InvariantError
from octo.job import Job
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import IndexResult
from octo.storage.sections import SectionWriter, section_file

logger = logging.getLogger(__name__)

EXCERPT_CHARACTERS = 200
DUPLICATE = "duplicate"
ONLY_SHARED_LINES = "only_shared_lines"
_DUPLICATES = "duplicates.arrow"
_QUESTIONS = "questions.json"
_SCREENED = "screened"
_COPIES, _REASONS = range(2)
"""What the first phase leaves of each shard, by its number."""
_LOOKED_IN = "documents"
_LOOKED_THROUGH_AT_ONCE = 32
P = ParamSpec("P")
Screened = Iterator[tuple[Document, str | None]]
"""Documents, each with the reason to drop it, or None."""


def curate(job: Job[CurationSettings]) -> None:
    """Curate every shard of the documents, an index each."""
    indexes = range(len(job.input("documents").parts("documents.parquet")))
    if job.pending(indexes):
        prepare(job)
    job.each(partial(curate_shard, prepared=job.scratch), indexes)


def prepare(job: Job[CurationSettings]) -> None:
    """Leave what depends on more than one shard: in the store, and what each shard needs in the scratch directory."""
    questions = read_questions(job.inputs["benchmarks"], job.settings, what=_LOOKED_IN)
    (job.scratch / _QUESTIONS).write_text(questions.model_dump_json())
    leave_hosts(job.settings.urls, job.store, job.scratch)
    check_languages(job.settings.language)
    num_shards = len(job.input("documents").parts("documents.parquet"))
    if job.settings.shard_group.count > 1:
        share = partial(_share_screened, prepared=job.scratch)
        job.share_each(_SCREENED, share, num_shards, unit="shards screened")
    else:
        screen = partial(_leave_screened, folder=job.scratch)
        job.do_each(screen, range(num_shards), count=num_shards, process=_SCREENED, unit="shards screened")
    (job.scratch / _DUPLICATES).write_bytes(job.shared(_DUPLICATES, lambda: search_duplicates(job, num_shards)))
    if job.settings.near.threshold:
        search_near(job, judge_shard)
    if job.settings.lines.min_documents:
        search_lines(job, judge_with_near)


def _share_screened(job: Job[CurationSettings], index: int, writer: SectionWriter, *, prepared: Path) -> None:
    for body in _screen(job, index, prepared):
        writer.write(body)


def _leave_screened(job: Job[CurationSettings], index: int, *, folder: Path) -> int:
    for number, body in enumerate(_screen(job, index, folder)):
        _screened_file(folder, index, number).write_bytes(body)
    return index


def _screen(job: Job[CurationSettings], index: int, prepared: Path) -> tuple[bytes, bytes]:
    """Of one shard, what tells which of its documents are copies, and why some are dropped alone."""
    screen = screening(job.settings, Hosts(prepared, job.settings.urls))
    with document_clock(job.settings.max_document_seconds) as clock:
        body, reasons = without_text(_read_shard(job, index), partial(screen.screened, clock=clock))
    return body, reasons_to_bytes(reasons)


def _screened_file(folder: Path, index: int, number: int) -> Path:
    return folder / f"{_SCREENED}-{index}-{number}"


def _said_of(job: Job[CurationSettings], index: int, prepared: Path) -> list[str | None]:
    """Why documents of one shard are dropped alone, as the first phase has found."""
    if job.settings.shard_group.count > 1:
        return reasons_from_bytes(job.output.sections.read(section_file(_SCREENED, index), _REASONS))
    return reasons_from_bytes(_screened_file(prepared, index, _REASONS).read_bytes())


def search_duplicates(job: Job[CurationSettings], num_shards: int) -> bytes:
    """The duplicates in all shards, among the documents that are not dropped alone."""
    files = [_screened_file(job.scratch, shard, _COPIES) for shard in range(num_shards)]
    if job.settings.shard_group.count > 1:
        for file, body in zip(files, job.output.sections.read_all(_SCREENED, num_shards, _COPIES), strict=True):
            file.write_bytes(body)
    shards = [pa.memory_map(str(file)).read_buffer() for file in files]
    check_sources({source for shard in shards for source in sources_of(shard)}, job.settings)
    found = find_duplicates(shards, unfiltered=job.settings.unfiltered)
    for file in files:
        file.unlink()
    return rows_to_arrow(found, num_shards=num_shards)


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


def curate_shard(job: Job[CurationSettings], index: int, *, prepared: Path) -> IndexResult:
    """The kept and the dropped documents of one shard."""
    kept: list[Document] = []
    dropped: list[Dropped] = []
    cut: list[Cut] = []
    changes = Counter[str]()
    screen, lines = screening(job.settings), job.settings.lines
    shard = _read_shard(job, index)
    near = near_verdicts(job, index, prepared) if job.settings.near.threshold else None
    gone = lines_taken(job, index) if lines.min_documents else {}
    for row, (document, decided) in enumerate(_decided(job, index, shard, prepared, near, changes)):
        left, reason = document, decided
        if reason is None and row in gone:
            text, pieces = without_lines(document.text, gone[row], lines)
            left, reason = revised(document, text), None if text.strip() else ONLY_SHARED_LINES
            cut += (Cut(document.id, witness, screen.excerpt(piece, EXCERPT_CHARACTERS)) for piece, witness in pieces)
        if reason is None:
            kept.append(left)
        else:
            similarity, witness = near.nearest[row] if near is not None and reason == NEAR_DUPLICATE else ("", "")
            excerpt = screen.excerpt(document.text, EXCERPT_CHARACTERS)
            dropped.append(
                Dropped(document.id, document.source, document.url, reason, excerpt, witness, str(similarity))
            )
    parts = {"documents.parquet": to_parquet(kept, Document), "dropped.parquet": to_parquet(dropped, Dropped)}
    rows = {"documents.parquet": len(kept), "dropped.parquet": len(dropped)}
    if lines.min_documents:
        parts["cut.parquet"], rows["cut.parquet"] = to_parquet(cut, Cut), len(cut)
        changes["lines.removed.shared"] += len(cut)
    counters = {
        **count_outcomes(count_rows(shard), len(kept), [row.reason for row in dropped]),
        **count_by_source(kept, dropped),
        **changes,
    }
    if near is not None:
        counters = {**counters, "near.asked": near.asked, "near.found": near.found}
    if index == 0:
        # What all indexes have in common is said once.
        gate = _gate_of(job, prepared)
        parts[STATEMENT] = gate.statement.written()
        counters = {**counters, **gate.statement.counters()}
    return IndexResult(parts=parts, rows=rows, counters=counters)


def _decided(
    job: Job[CurationSettings],
    index: int,
    shard: bytes,
    prepared: Path,
    near: NearVerdicts | None,
    changes: Counter[str],
) -> Screened:
    """Each document of one shard, as it is before shared lines are taken out, with the reason to drop it, or None."""
    screened = _screened(job, index, prepared, shard, changes)
    if job.settings.lines.min_documents:
        return _judged_before(screened, reasons_before(job, index))
    return _judged(job, index, screened, prepared) if near is None else _judged_before(screened, near.all_reasons())


def judge_with_near(job: Job[CurationSettings], index: int, prepared: Path) -> Screened:
    """The documents of one shard, each with the reason to drop it, likeness to others among them, or None."""
    if not job.settings.near.threshold:
        return judge_shard(job, index, prepared)
    screened = _screened(job, index, prepared, _read_shard(job, index), Counter())
    return _judged_before(screened, near_verdicts(job, index, prepared).all_reasons())


def judge_shard(job: Job[CurationSettings], index: int, prepared: Path) -> Screened:
    """Each document of one shard, as it is kept, with the reason to drop it, or None; whatever is near to it."""
    return _judged(job, index, _screened(job, index, prepared, _read_shard(job, index), Counter()), prepared)


def _judged(job: Job[CurationSettings], index: int, screened: Screened, prepared: Path) -> Screened:
    with document_clock(job.settings.max_document_seconds) as clock:
        yield from judge(screened, read_rows(prepared / _DUPLICATES, index), _gate_of(job, prepared).benchmark, clock)


def _judged_before(screened: Screened, reasons: Sequence[str | None]) -> Screened:
    """The documents with what was said of them in a phase before."""
    for (document, _), reason in zip(screened, reasons, strict=True):
        yield document, reason


def _screened(job: Job[CurationSettings], index: int, prepared: Path, shard: bytes, changes: Counter[str]) -> Screened:
    """What the first phase has said of each document; what is taken out of those that stay is added to the changes."""
    screen = screening(job.settings)
    for document, reason in zip(read_documents(shard), _said_of(job, index, prepared), strict=True):
        if reason or not screen.edits:
            yield document, reason
        else:
            edited, changed = screen.edited(document)
            changes.update(changed)
            yield edited, None


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
    screened: Iterable[tuple[Document, str | None]],
    duplicate_rows: Collection[int],
    benchmark: Benchmark,
    clock: DocumentClock = STOPPED,
) -> Iterator[tuple[Document, str | None]]:
    """Each document with the reason to drop it, or None.

    The cheapest question comes first, so a reason is the first that holds: what screening says, then that it is a copy,
    then that it holds a problem. Near matches are looked for among what is left.
    """
    rows = enumerate(screened)
    while batch := list(islice(rows, _LOOKED_THROUGH_AT_ONCE)):
        reasons = [reason or (DUPLICATE if row in duplicate_rows else None) for row, (_, reason) in batch]
        left = [index for index, reason in enumerate(reasons) if reason is None]
        texts = [learned(document.text, document.metadata) for _, (document, _) in map(batch.__getitem__, left)]
        for index, reason in zip(left, _contaminated(texts, benchmark, clock), strict=True):
            reasons[index] = reason
        yield from zip((document for _, (document, _) in batch), reasons, strict=True)


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
    outcomes = Counter([(each.source, KEPT) for each in kept])
    outcomes.update((each.source, each.reason) for each in dropped)
    return {f"{SOURCES}{source}.{outcome}": count for (source, outcome), count in sorted(outcomes.items())}
