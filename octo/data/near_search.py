"""The search for near matches over a fleet: four phases that pass each other sections through the store.

    signed    each shard:           what every rule says of its documents, and the rest in the buckets of their bands
    matched   each range of buckets: which documents are to be compared with which
    sent      each shard:           the shingles of those, to the home of the document that comes first
    met       each home:            which are near matches, back to the shard of the one that is left out

Each task reads one section of every file of the phase before. No process holds more than the memory that it is given,
beside one shard of documents: there are as many ranges and homes as that takes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from octo.data.documents import Document, read_documents
from octo.data.minhash import Signer
from octo.data.near import (
    COMPARISON,
    ENTRY,
    MATCH,
    Leaders,
    comparisons,
    dealt,
    entries,
    from_bytes,
    home,
    matches,
    nearest,
    order_of,
    receiver,
    rows_of,
    shards_of,
    to_bytes,
)
from octo.data.near_recall import MOST_SHINGLES, Drawn, Sample, drawn_of
from octo.data.screening import reasons_from_bytes, reasons_to_bytes, screening
from octo.data.shingles import Hashes, Runs, Shingler
from octo.job import Job
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import Part
from octo.storage.sections import SectionWriter, section_file

Judged = Callable[[Job[CurationSettings], int, Path], Iterable[tuple[Document, str | None]]]
"""A shard's documents, each with why it is left out whatever others are like, or None."""

NEAR_DUPLICATE = "near_duplicate"
_SAMPLE, _FOUND = "near-sample.bin", "near-found.bin"
_ENTRY_BYTES = 96
"""Of memory: an entry, the leader that it may be, and both while they are sorted."""
_SHINGLE_BYTES = 2
"""Of memory, for each byte of a compressed shard: its shingles are four, and half of its documents may lead."""
_CHARACTERS_AT_A_TIME, _DOCUMENTS_AT_A_TIME = 1 << 20, 4096


class Plan(NamedTuple):
    """How the search is dealt. Nothing but its course depends on it."""

    shards: int
    documents: int
    ranges: int
    homes: int

    @property
    def signed(self) -> str:
        """Name of the first phase's files."""
        return self._phase("signed")

    @property
    def matched(self) -> str:
        """Name of the second phase's files."""
        return self._phase("matched")

    @property
    def sent(self) -> str:
        """Name of the third phase's files."""
        return self._phase("sent")

    @property
    def met(self) -> str:
        """Name of the last phase's files."""
        return self._phase("met")

    def _phase(self, name: str) -> str:
        return f"near-{name}-{self.ranges}-{self.homes}"


def plan_of(parts: Iterable[Part], settings: CurationSettings) -> Plan:
    """As many ranges and homes as the memory asks for."""
    given = tuple(parts)
    documents = sum(part.rows for part in given)
    memory = int(settings.near.memory_mib * 2**20)
    entry_bytes = documents * settings.near.bands * _ENTRY_BYTES
    shingle_bytes = sum(part.size for part in given) * _SHINGLE_BYTES
    return Plan(len(given), documents, -(-entry_bytes // memory) or 1, -(-shingle_bytes // memory) or 1)


def search_near(job: Job[CurationSettings], judged: Judged) -> None:
    """Leave all that `near_verdicts` reads: in the store, and what it reads of a sample in the scratch directory."""
    plan = _plan(job)
    job.share_each(plan.signed, partial(_sign, prepared=job.scratch, judged=judged), plan.shards, unit="shards signed")
    job.share_each(plan.matched, _match, plan.ranges, unit="ranges of bands matched")
    sample = job.shared(_SAMPLE, lambda: b"".join(_sections(job, plan.signed, plan.shards, plan.ranges + 1)))
    (job.scratch / _SAMPLE).write_bytes(sample)
    job.share_each(plan.sent, partial(_send, prepared=job.scratch), plan.shards, unit="shards sent to be compared")
    (job.scratch / _FOUND).write_bytes(job.shared(_FOUND, partial(_found_in_sample, job)))
    job.share_each(plan.met, _meet, plan.homes, unit="homes compared")


class NearVerdicts(NamedTuple):
    """What the search says of one shard."""

    reasons: list[str | None]
    """Of each document, why it is left out whatever others are like."""
    nearest: dict[int, tuple[float, str]]
    """Of each that is left out for its likeness, the similarity to its witness and the id of that."""
    asked: int
    """Documents of the sample that are truly near matches of a document before them."""
    found: int
    """Those of them that were found."""

    def all_reasons(self) -> list[str | None]:
        """Of each document, why it is left out, its likeness to another among them; None for one that stays."""
        return [reason or (NEAR_DUPLICATE if row in self.nearest else None) for row, reason in enumerate(self.reasons)]


def near_verdicts(job: Job[CurationSettings], index: int, prepared: Path) -> NearVerdicts:
    """The verdicts on one shard, after `search_near`."""
    plan = _plan(job)
    reasons = _reasons_of(job, plan, index)
    best = nearest(np.concatenate([np.frombuffer(each, MATCH) for each in _sections(job, plan.met, plan.homes, index)]))
    places = _sample(prepared / _SAMPLE).places
    truly = places[np.frombuffer((prepared / _FOUND).read_bytes(), np.bool_)]
    own = rows_of(truly[shards_of(truly) == index]).tolist()
    return NearVerdicts(reasons, best, len(own), sum(row in best for row in own))


def _sign(job: Job[CurationSettings], index: int, writer: SectionWriter, *, prepared: Path, judged: Judged) -> None:
    """Sections for the ranges, one that says why documents are left out, and one of the sample."""
    settings, plan = job.settings, _plan(job)
    signer = Signer(settings.near, seed=settings.seed)
    reasons: list[str | None] = []

    def left() -> Iterator[tuple[int, Document]]:
        for row, (document, reason) in enumerate(judged(job, index, prepared)):
            reasons.append(reason)
            if reason is None:
                yield row, document

    found = [np.empty(0, ENTRY)]
    drawn: list[tuple[np.uint32, np.uint64, Hashes]] = []
    for batch in _shingled(left(), settings):
        found.append(entries(signer.keys(batch.runs), batch.orders, batch.rows))
        is_drawn = drawn_of(
            batch.orders, seed=settings.seed, sample=settings.near.sample, num_documents=plan.documents
        ) & (batch.runs.counts <= MOST_SHINGLES)
        at = np.flatnonzero(is_drawn).tolist()
        drawn += zip(batch.rows[is_drawn], batch.orders[is_drawn], batch.runs.sets(at), strict=True)
    everything = np.concatenate(found)
    for section in dealt(everything, receiver(everything["bucket"], plan.ranges), plan.ranges):
        writer.write(section.tobytes())
    writer.write(reasons_to_bytes(reasons))
    rows, orders, sets = zip(*drawn, strict=True) if drawn else ((), (), ())
    writer.write(Drawn(np.array(rows, np.uint32), np.array(orders, np.uint64), sets).to_bytes())


def _match(job: Job[CurationSettings], index: int, writer: SectionWriter) -> None:
    """Sections for the shards: what to compare their documents with; and again, which to send to be compared with."""
    plan, candidates = _plan(job), job.settings.near.candidates
    leaders = Leaders(candidates)
    with _spooled(job, plan.signed, plan.shards, index) as spool:
        for shard, body in enumerate(spool()):
            leaders.add(shard, np.frombuffer(body, ENTRY))
        table = leaders.table()
        needed = np.zeros(len(table), np.bool_)
        for body in spool():
            wanted, which = comparisons(table, np.frombuffer(body, ENTRY), candidates=candidates)
            needed[which] = True
            writer.write(wanted.tobytes())
    places = np.unique(table["place"][needed])
    own = np.empty(len(places), COMPARISON)
    own["leader"], own["row"] = places, rows_of(places)
    for section in dealt(own, shards_of(places).astype(np.int64), plan.shards):
        writer.write(section.tobytes())


def _send(job: Job[CurationSettings], index: int, writer: SectionWriter, *, prepared: Path) -> None:
    """Sections for the homes, and one that says of which of the sample this shard has near matches before them."""
    plan, near = _plan(job), job.settings.near
    by_row = _compared_with(job, plan, index)
    sample = _sample(prepared / _SAMPLE)
    is_followed = np.zeros(len(sample.places), np.bool_)
    homes: list[list[tuple[int, str, bool, NDArray[np.uint64], Hashes]]] = [[] for _ in range(plan.homes)]
    for batch in _shingled(_left(job, plan, index, None if len(sample.places) else by_row), job.settings):
        is_followed |= sample.follow(batch.orders, batch.runs, threshold=near.threshold)
        at = [number for number, row in enumerate(batch.rows.tolist()) if row in by_row]
        for number, own_set in zip(at, batch.runs.sets(at), strict=True):
            row, leaders = int(batch.rows[number]), by_row[int(batch.rows[number])]
            own = index << 32 | row
            for each, places in zip(homes, dealt(leaders, home(leaders, plan.homes), plan.homes), strict=True):
                if len(places):
                    others = places[places != own]
                    each.append((row, batch.ids[number], len(others) < len(places), others, own_set))
    for each in homes:
        writer.write(to_bytes(each))
    writer.write(is_followed.tobytes())


def _meet(job: Job[CurationSettings], index: int, writer: SectionWriter) -> None:
    """Sections for the shards: which of their documents are left out."""
    plan = _plan(job)
    leaders: dict[int, tuple[str, Hashes]] = {}
    with _spooled(job, plan.sent, plan.shards, index) as spool:
        for shard, body in enumerate(spool()):
            for each in from_bytes(body):
                if each.leads:
                    leaders[shard << 32 | each.row] = each.id, each.shingles.copy()
        for body in spool():
            writer.write(matches(from_bytes(body), leaders, threshold=job.settings.near.threshold).tobytes())


class _Batch(NamedTuple):
    """Documents that have shingles."""

    rows: NDArray[np.uint32]
    ids: list[str]
    orders: NDArray[np.uint64]
    runs: Runs


def _shingled(given: Iterable[tuple[int, Document]], settings: CurationSettings) -> Iterator[_Batch]:
    """The documents that have shingles, a bounded number of characters at a time; a long one alone."""
    shingler = Shingler(settings.near)
    for held in _batches(given):
        runs = shingler.runs([document.text for _, document in held])
        has = runs.counts > 0
        some = [pair for pair, is_some in zip(held, has.tolist(), strict=True) if is_some]
        yield _Batch(
            np.array([row for row, _ in some], np.uint32),
            [document.id for _, document in some],
            np.array(
                [order_of(each.id, filtered=each.source not in settings.unfiltered) for _, each in some], np.uint64
            ),
            Runs(runs.hashes, runs.counts[has]),
        )


def _batches(given: Iterable[tuple[int, Document]]) -> Iterator[list[tuple[int, Document]]]:
    held: list[tuple[int, Document]] = []
    characters = 0
    for row, document in given:
        if held and characters + len(document.text) > _CHARACTERS_AT_A_TIME:
            yield held
            held, characters = [], 0
        held.append((row, document))
        characters += len(document.text)
        if characters >= _CHARACTERS_AT_A_TIME or len(held) >= _DOCUMENTS_AT_A_TIME:
            yield held
            held, characters = [], 0
    if held:
        yield held


def _left(
    job: Job[CurationSettings], plan: Plan, index: int, wanted: Collection[int] | None
) -> Iterator[tuple[int, Document]]:
    """The rows of a shard that are left when they are judged alone; only those wanted, where not all are."""
    documents, screen = job.input("documents"), screening(job.settings)
    body = documents.read(documents.parts("documents.parquet")[index])
    for row, (document, reason) in enumerate(zip(read_documents(body), _reasons_of(job, plan, index), strict=True)):
        if reason is None and (wanted is None or row in wanted):
            yield row, screen.edited(document)[0]


def _compared_with(job: Job[CurationSettings], plan: Plan, index: int) -> dict[int, NDArray[np.uint64]]:
    """By row of a shard, the places of the documents that it is to be compared with, and its own if others are."""
    sections = [
        np.frombuffer(body, COMPARISON)
        for number in (index, plan.shards + index)
        for body in _sections(job, plan.matched, plan.ranges, number)
    ]
    wanted = np.unique(np.concatenate(sections))
    wanted = wanted[np.argsort(wanted["row"], kind="stable")]
    rows, starts = np.unique(wanted["row"], return_index=True)
    parts = np.split(np.ascontiguousarray(wanted["leader"]), starts[1:])
    return dict(zip(rows.tolist(), parts, strict=False))


def _found_in_sample(job: Job[CurationSettings]) -> bytes:
    """For each document of the sample, whether a shard has a near match before it."""
    plan = _plan(job)
    found = np.zeros(len(_sample(job.scratch / _SAMPLE).places), np.bool_)
    for body in _sections(job, plan.sent, plan.shards, plan.homes):
        found |= np.frombuffer(body, np.bool_)
    return found.tobytes()


@lru_cache(maxsize=1)
def _sample(path: Path) -> Sample:
    return Sample(path.read_bytes())


def _plan(job: Job[CurationSettings]) -> Plan:
    return plan_of(job.input("documents").parts("documents.parquet"), job.settings)


def _reasons_of(job: Job[CurationSettings], plan: Plan, index: int) -> list[str | None]:
    body = job.output.sections.read(section_file(plan.signed, index), plan.ranges)
    return reasons_from_bytes(body)


def _sections(job: Job[CurationSettings], phase: str, count: int, number: int) -> Iterator[bytes]:
    return job.output.sections.read_all(phase, count, number)


@contextmanager
def _spooled(
    job: Job[CurationSettings], phase: str, count: int, number: int
) -> Iterator[Callable[[], Iterator[bytes]]]:
    """The sections of that number, to be read more than once: the first time from the store, then from a local file."""
    path = job.scratch / "spool"
    sizes: list[int] = []

    def read() -> Iterator[bytes]:
        if sizes:
            with path.open("rb") as file:
                yield from map(file.read, sizes)
            return
        with path.open("wb") as file:
            for body in _sections(job, phase, count, number):
                sizes.append(len(body))
                file.write(body)
                yield body

    try:
        yield read
    finally:
        path.unlink(missing_ok=True)
