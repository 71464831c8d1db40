"""Reading a mixture's sequences: the ones that a training is about to need, from token shards in the store.

Parts that all fit into the cache are fetched whole, when first needed; else records are read by ranges. Either way
threads read ahead of the training, so far as the cache holds, and nothing is read that the schedule does not name.

Axes: N sequences, S tokens of a sequence.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from octo.data.mixture import Mixture
from octo.data.packed import PackedSequences
from octo.data.token_shards import TokenPart, TokenShards
from octo.errors import InputError, IntegrityError
from octo.numbers import in_runs

READERS = 16
"""Requests side by side: a store answers each in tens of milliseconds, however little it asks for."""
READ_AHEAD_BYTES = 256 << 20
"""Records that wait to be needed, at most; a rank of an 8-billion model needs some megabytes a minute."""
GAP_BYTES = 256 << 10
"""Between two records that are needed, so much is read along rather than asking twice."""
RUN_BYTES = 8 << 20
"""What one request brings at most."""
RANGES_AHEAD = 64


class Run(NamedTuple):
    """Records of one part, near to each other, that one request brings."""

    part: TokenPart
    rows: tuple[int, ...]
    """In the part, growing."""
    places: tuple[int, ...]
    """Where each of them belongs among the sequences that were asked for."""


class _Coming(NamedTuple):
    """Sequences that are being read."""

    wanted: range
    runs: list[tuple[Run, "Future[list[bytes]]"]]


class SequenceReader:
    """Gives the sequences of a mixture by global index. One thread asks, in the order of the schedule or any other."""

    def __init__(
        self,
        shards: TokenShards,
        mixture: Mixture,
        *,
        folder: Path,
        cache_bytes: int,
        schedule: Iterable[range] = (),
    ) -> None:
        """Begins to read what the schedule names first.

        Args:
            shards: where the sequences lie.
            mixture: which of them stands at which index.
            folder: for the parts that are fetched whole; empty.
            cache_bytes: what may be kept there, or wait in memory.
            schedule: ranges of indexes, in the order in which `rows` will be asked for them.
        """
        self._shards = shards
        self._mixture = mixture
        self._record_bytes = shards.format.record_bytes
        parts = [part for source in mixture.sources for part in shards.parts[source]]
        whole = sum(part.part.size for part in parts) <= cache_bytes
        self._files = {
            part.part.key: _WholePart(part, folder / str(number)) for number, part in enumerate(parts) if whole
        }
        self._ahead_bytes = min(cache_bytes, READ_AHEAD_BYTES)
        self._schedule = iter(schedule)
        self._coming: deque[_Coming] = deque()
        self._pool = ThreadPoolExecutor(READERS, "tokens")
        self._read_ahead()

    def rows(self, first: int, count: int) -> PackedSequences:
        """The sequences first, first + 1, ... of the mixture.

        Raises IntegrityError for a record that is not the one that was written, InputError for a token that its
        tokenizer does not have, and whatever the store raises.
        """
        wanted = range(first, first + count)
        if self._coming and self._coming[0].wanted == wanted:
            coming = self._coming.popleft()
            self._read_ahead()
        else:
            coming = self._begin(wanted)
        records: list[bytes] = [b""] * count
        for run, found in coming.runs:
            for place, record in zip(run.places, found.result(), strict=True):
                records[place] = record
        sequences = self._shards.format.decode(b"".join(records))
        self._check_tokens(wanted, greatest=int(sequences.tokens_NS.max()))
        return sequences

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _read_ahead(self) -> None:
        """Keep as many sequences coming as the cache holds, and the next ones in any case."""
        waiting = sum(len(coming.wanted) for coming in self._coming)
        while not waiting or (len(self._coming) < RANGES_AHEAD and waiting * self._record_bytes < self._ahead_bytes):
            wanted = next(self._schedule, None)
            if wanted is None:
                return
            self._coming.append(self._begin(wanted))
            waiting += len(wanted)

    def _begin(self, wanted: range) -> _Coming:
        runs = list(runs_of(self._shards, self._mixture, wanted))
        return _Coming(wanted, [(run, self._pool.submit(self._read, run)) for run in runs])

    def _check_tokens(self, wanted: range, *, greatest: int) -> None:
        shards = self._shards
        if greatest >= shards.vocabulary_size:
            raise InputError(
                f"token {greatest} is in {', '.join(names_of(shards, self._mixture, wanted))}, and the tokenizer of "
                f"{shards.tokenizer.address} has tokens below {shards.vocabulary_size}: tokenize again"
            )

    def _read(self, run: Run) -> list[bytes]:
        """The run's records; a second read tells a bad wire from a bad object."""
        try:
            return self._read_once(run)
        except IntegrityError:
            return self._read_once(run)

    def _read_once(self, run: Run) -> list[bytes]:
        size = self._record_bytes
        first, span = run.rows[0] * size, (run.rows[-1] + 1 - run.rows[0]) * size
        file = self._files.get(run.part.part.key)
        body = file.read(first, span) if file else run.part.read(first, span)
        records = [body[start : start + size] for start in ((row - run.rows[0]) * size for row in run.rows)]
        for row, record in zip(run.rows, records, strict=True):
            self._shards.format.check(record, key=run.part.key, row=row)
        return records


def runs_of(shards: TokenShards, mixture: Mixture, wanted: range) -> Iterator[Run]:
    """How to read these sequences of the mixture: neighbours at once."""
    found = mixture.at(np.arange(wanted.start, wanted.stop, dtype=np.int64))
    for number in np.unique(found.source_N).tolist():
        source = mixture.sources[number]
        ends_P = shards.ends[source]
        places = np.flatnonzero(found.source_N == number)
        places = places[np.argsort(found.row_N[places], kind="stable")]
        rows = found.row_N[places]
        part_numbers = np.searchsorted(ends_P, rows, side="right")
        for part_number in np.unique(part_numbers).tolist():
            here = part_numbers == part_number
            begin = int(ends_P[part_number - 1]) if part_number else 0
            part = shards.parts[source][part_number]
            yield from _near(part, rows[here] - begin, places[here], shards.format.record_bytes)


def names_of(shards: TokenShards, mixture: Mixture, wanted: range) -> list[str]:
    """Where these sequences of the mixture lie, a part each: its artifact's address, its index and name, and the rows.

    The part `slices-...parquet` beside it says which documents each row is of.
    """
    rows: dict[str, list[int]] = {}
    for run in runs_of(shards, mixture, wanted):
        rows.setdefault(f"{run.part.artifact.address}/{run.part.key}", []).extend(run.rows)
    return [f"{place} rows {in_runs(found)}" for place, found in sorted(rows.items())]


def _near(part: TokenPart, rows: NDArray[np.int64], places: NDArray[np.int64], record_bytes: int) -> Iterator[Run]:
    """Sorted rows of one part, those together that are near to each other."""
    start = 0
    for stop in range(1, len(rows) + 1):
        if (
            stop == len(rows)
            or (rows[stop] - rows[stop - 1] - 1) * record_bytes > GAP_BYTES
            or (rows[stop] + 1 - rows[start]) * record_bytes > RUN_BYTES
        ):
            yield Run(part, tuple(rows[start:stop].tolist()), tuple(places[start:stop].tolist()))
            start = stop


class _WholePart:
    """A part in a file of its own, fetched by whoever needs it first."""

    def __init__(self, part: TokenPart, path: Path) -> None:
        self._part = part
        self._path = path
        self._lock = Lock()

    def read(self, first: int, size: int) -> bytes:
        with self._lock:
            if not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._part.fetch(self._path)
        with self._path.open("rb") as file:
            file.seek(first)
            return file.read(size)
