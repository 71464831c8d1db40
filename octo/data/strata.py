"""A sample of each year: which documents are drawn depends on their ids, their years and the seed, and on nothing else.

Every document has a place, which its id and the seed decide; of each year those with the lowest places are drawn. Each
shard leaves its places in the store in sections by size, so whoever looks for the limits of all years reads the lowest
sections of all shards and no more: at 200 million documents, of which a million are drawn, one section in sixty-four,
25 MB, held at once.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from octo.data.documents import read_columns
from octo.errors import InputError
from octo.job import Job
from octo.settings.grading import UNDATED, GradingSettings
from octo.storage.sections import SectionWriter

PHASE = "places"
SECTIONS = 64
"""Of the places of a shard, beside the first section, which says how many documents each year has."""
LIMITS = "limits.json"
_YEAR = re.compile(r"\d{4}")
_PLACE = np.dtype([("place", "<u8"), ("year", "<u2")])
_ALL = 2**64 - 1
_WIDTH = 2**64 // SECTIONS


def year_of(date: str) -> str:
    """The year that a document's date begins with; `undated` where it begins with none."""
    found = _YEAR.match(date)
    return found[0] if found and found[0] != "0000" else UNDATED


def place_of(document_id: str, seed: int) -> int:
    """Where the document stands among all that could be drawn: a number below 2 ** 64."""
    key = seed.to_bytes(16, "little", signed=True)
    return int.from_bytes(blake2b(document_id.encode(), digest_size=8, key=key).digest(), "little")


def limits_of(job: Job[GradingSettings], *, num_shards: int) -> Mapping[str, int]:
    """By year, the place up to which documents are drawn; a year of which none are is left out.

    InputError when there is no document.
    """
    job.share_each(PHASE, write_places, num_shards, unit="shards looked through")

    def make() -> bytes:
        counts = Counter[str]()
        for body in job.output.sections.read_all(PHASE, num_shards, 0):
            counts.update(json.loads(body))
        if not counts:
            raise InputError(f"there is no document to draw in {job.settings.documents}: what did ingestion read?")

        def places(section: int) -> Iterable[bytes]:
            return job.output.sections.read_all(PHASE, num_shards, section + 1)

        return json.dumps(find_limits(counts, job.settings.quota, places), sort_keys=True).encode()

    found: Mapping[str, int] = json.loads(job.shared(LIMITS, make))
    return found


def write_places(job: Job[GradingSettings], index: int, writer: SectionWriter) -> None:
    """The places of a shard's documents, in sections."""
    documents = job.input("documents")
    body = documents.read(documents.parts("documents.parquet")[index])
    years = Counter[str]()
    rows = []
    for document_id, source, date in read_columns(body, ("id", "source", "date")):
        if source in job.settings.untouched:
            continue
        year = year_of(date)
        years[year] += 1
        rows.append((place_of(document_id, job.settings.seed), _code(year)))
    places = np.sort(np.array(rows, dtype=_PLACE), order=("place", "year"))
    writer.write(json.dumps(years, sort_keys=True).encode())
    ends = np.searchsorted(places["place"], np.arange(1, SECTIONS, dtype=np.uint64) * np.uint64(_WIDTH))
    for section in np.split(places, ends):
        writer.write(section.tobytes())


def find_limits(
    counts: Mapping[str, int], quota: Callable[[str], int], places: Callable[[int], Iterable[bytes]]
) -> dict[str, int]:
    """By year, the place up to which its quota of different documents stand.

    Args:
        counts: documents by year.
        quota: how many are drawn of a year.
        places: the bodies of a section of all shards.
    """
    wanted = {year: quota(year) for year in counts if quota(year)}
    limits = {year: _ALL for year, number in wanted.items() if counts[year] <= number}
    left = {_code(year): wanted[year] for year in wanted if year not in limits}
    for section in range(SECTIONS):
        if not left:
            break
        found = np.concatenate([_relevant(body, left) for body in places(section)])
        for code in list(left):
            own = np.unique(found["place"][found["year"] == code])
            if len(own) >= left[code]:
                limits[_year(code)] = int(own[left.pop(code) - 1])
            else:
                left[code] -= len(own)
    # The same document may be there several times: then a year can have fewer different ones than are wanted.
    return {**limits, **{_year(code): _ALL for code in left}}


def _relevant(body: bytes, codes: Iterable[int]) -> NDArray[np.void]:
    rows = np.frombuffer(body, dtype=_PLACE)
    return rows[np.isin(rows["year"], list(codes))]


def _code(year: str) -> int:
    return 0 if year == UNDATED else int(year)


def _year(code: int) -> str:
    return f"{code:04d}" if code else UNDATED
