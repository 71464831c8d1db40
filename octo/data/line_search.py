"""The search for lines that documents share, over a fleet: two phases that pass each other sections through the store.

    found     each shard:           the lines of the documents that everything else leaves, dealt by their hashes
    compared  each range of hashes: which shards' documents lose which of them, and to whom

No process holds more than the memory that it is given, beside one shard of documents: there are as many ranges as that
takes. Near matches are looked for before, so that the document in which a line stays is kept itself.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from octo.data.documents import Document
from octo.data.near import dealt, receiver
from octo.data.screening import reasons_from_bytes, reasons_to_bytes
from octo.data.shared_lines import LINE, TAKEN, Firsts, lines_of, taken
from octo.job import Job
from octo.settings.curation import CurationSettings
from octo.storage.sections import SectionWriter, section_file

Judged = Callable[[Job[CurationSettings], int, Path], Iterable[tuple[Document, str | None]]]
"""A shard's documents, each with why it is left out, or None."""

_LINE_BYTES = 12
"""Of memory for each byte of a compressed shard: of four bytes of text, a line in sixty, that thrice while sorted."""


def search_lines(job: Job[CurationSettings], judged: Judged) -> None:
    """Leave in the store all that `reasons_before` and `lines_taken` read."""
    shards, ranges = _plan(job)
    find = partial(_find, prepared=job.scratch, judged=judged)
    job.share_each(_phase("found", ranges), find, shards, unit="shards' lines found")
    job.share_each(_phase("compared", ranges), _compare, ranges, unit="ranges of lines compared")


def reasons_before(job: Job[CurationSettings], index: int) -> list[str | None]:
    """Why each document of a shard is left out whatever its lines are, or None."""
    _, ranges = _plan(job)
    return reasons_from_bytes(job.output.sections.read(section_file(_phase("found", ranges), index), ranges))


def lines_taken(job: Job[CurationSettings], index: int) -> Mapping[int, Mapping[int, str]]:
    """By row of a shard, the hashes of the lines that it loses, and the id of the document in which each stays."""
    _, ranges = _plan(job)
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for body in job.output.sections.read_all(_phase("compared", ranges), ranges, index):
        for row, line, witness in np.frombuffer(body, TAKEN).tolist():
            found[row][line] = witness.hex()
    return found


def _find(job: Job[CurationSettings], index: int, writer: SectionWriter, *, prepared: Path, judged: Judged) -> None:
    """Sections for the ranges, and one that says why documents are left out."""
    settings, (_, ranges) = job.settings, _plan(job)
    reasons: list[str | None] = []

    def left() -> Iterable[tuple[int, Document]]:
        for row, (document, reason) in enumerate(judged(job, index, prepared)):
            reasons.append(reason)
            if reason is None:
                yield row, document

    lines = lines_of(left(), settings.lines, unfiltered=frozenset(settings.unfiltered))
    for section in dealt(lines, receiver(lines["line"], ranges), ranges):
        writer.write(section.tobytes())
    writer.write(reasons_to_bytes(reasons))


def _compare(job: Job[CurationSettings], index: int, writer: SectionWriter) -> None:
    """Sections for the shards: which lines their documents lose."""
    shards, ranges = _plan(job)
    found = _phase("found", ranges)
    firsts = Firsts()
    for body in job.output.sections.read_all(found, shards, index):
        firsts.add(np.frombuffer(body, LINE))
    shared = firsts.shared(job.settings.lines.min_documents)
    for body in job.output.sections.read_all(found, shards, index):
        writer.write(taken(shared, np.frombuffer(body, LINE)).tobytes())


def _plan(job: Job[CurationSettings]) -> tuple[int, int]:
    """How many shards there are, and ranges of hashes: as many as the memory asks for, which changes no result."""
    parts = job.input("documents").parts("documents.parquet")
    memory = int(job.settings.lines.memory_mib * 2**20)
    return len(parts), -(-sum(part.size for part in parts) * _LINE_BYTES // memory) or 1


def _phase(name: str, ranges: int) -> str:
    return f"lines-{name}-{ranges}"
