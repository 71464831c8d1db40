"""Near matches: which documents are so like one that goes before them that they are left out.

The law. Documents have an order: those that skip the quality rules first, and then by their ids, which are digests. Two
are compared when they share a band of their MinHash signatures, and the first is among the `candidates` first documents
of that band's bucket. One whose true Jaccard similarity to such a document is at or over the threshold is left out, and
the most similar of these is its witness. So whether a document stays depends on the documents alone, not on how many
shards they lie in, in which order, or who works on them; every document left out was compared with its witness; and
the first document of all that are connected by matches stays.

Here are the steps of that as functions of what the step before has left; `near_search` is what carries it between them.
A place is where a document lies, the number of its shard times 2^32 and that of its row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from octo.data.minhash import overlap
from octo.data.shingles import Hashes, mixed

ENTRY = np.dtype([("bucket", "<u8"), ("order", "<u8"), ("row", "<u4")])
"""A document in a bucket: what all documents that share a band have."""
COMPARISON = np.dtype([("leader", "<u8"), ("row", "<u4")])
"""A row of a shard, and the place of the document to compare it with; its own place, to be sent for others."""
MATCH = np.dtype([("row", "<u4"), ("similarity", "<f8"), ("witness", "V32")])
"""A row of a shard that is left out, how similar it is to its witness, and the id of that."""
LEADER = np.dtype([("bucket", "<u8"), ("order", "<u8"), ("place", "<u8")])

N = TypeVar("N", bound=np.generic)

_FILTERED = np.uint64(1 << 63)
_ID_DIGITS = 16


class Sent(NamedTuple):
    """A document of a shard on its way to where it is compared with others."""

    row: int
    id: str
    leads: bool
    """Whether others are compared with it there."""
    leaders: NDArray[np.uint64]
    """Places of those that it is compared with there."""
    shingles: Hashes


def order_of(document_id: str, *, filtered: bool) -> int:
    """Where a document stands among all: before those with a greater number.

    Documents that are left here have different texts, so different digests. These 63 bits of two of them are equal once
    in 10^19 pairs; only if they are near matches too does it matter, and then neither is left out.
    """
    return (int(document_id[:_ID_DIGITS], 16) >> 1) | (int(_FILTERED) if filtered else 0)


def entries(keys: NDArray[np.uint64], orders: NDArray[np.uint64], rows: NDArray[np.uint32]) -> NDArray[np.void]:
    """Documents in the buckets of their bands, of which each row of the keys is one's."""
    found = np.empty(keys.shape, ENTRY)
    found["bucket"] = keys
    found["order"] = orders[:, None]
    found["row"] = rows[:, None]
    return found.reshape(-1)


def dealt(found: NDArray[N], numbers: NDArray[np.int64], count: int) -> Iterator[NDArray[N]]:
    """For each of so many receivers, what has its number."""
    order = np.argsort(numbers, kind="stable")
    bounds = np.searchsorted(numbers[order], np.arange(count + 1))
    ordered = found[order]
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        yield ordered[start:end]


def receiver(keys: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """To which of so many receivers each key goes; about as many keys to each."""
    return (((keys >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


def home(places: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Where, of so many homes, these documents are compared with others."""
    return receiver(mixed(places), count)


class Leaders:
    """The first documents of every bucket, of entries that come shard by shard.

    Twice as many are held as there are leaders, however many entries there are: a bucket of a million costs what one of
    `candidates` does.
    """

    def __init__(self, candidates: int) -> None:
        self._candidates = candidates
        self._table = np.empty(0, LEADER)
        self._new: list[NDArray[np.void]] = []
        self._num_new = 0

    def add(self, shard: int, found: NDArray[np.void]) -> None:
        """Take the entries of one shard into account."""
        rows = np.empty(len(found), LEADER)
        rows["bucket"], rows["order"], rows["place"] = found["bucket"], found["order"], places_of(shard, found["row"])
        self._new.append(rows)
        self._num_new += len(rows)
        if self._num_new > max(len(self._table), 1 << 16):
            self._compact()

    def table(self) -> NDArray[np.void]:
        """The leaders by bucket and order."""
        self._compact()
        return self._table

    def _compact(self) -> None:
        rows = np.concatenate([self._table, *self._new])
        rows = rows[np.lexsort((rows["place"], rows["order"], rows["bucket"]))]
        changes = np.flatnonzero(rows["bucket"][1:] != rows["bucket"][:-1]) + 1
        starts = np.concatenate([np.zeros(1, np.int64), changes])[: len(rows)]
        rank = np.arange(len(rows)) - np.repeat(starts, np.diff([*starts.tolist(), len(rows)]))
        self._table, self._new, self._num_new = rows[rank < self._candidates], [], 0


def comparisons(
    table: NDArray[np.void], found: NDArray[np.void], *, candidates: int
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """What the documents of one shard are to be compared with, and which rows of the table that needs."""
    first = np.searchsorted(table["bucket"], found["bucket"])
    rows, leaders = [np.empty(0, np.uint32)], [np.empty(0, np.int64)]
    for rank in range(candidates):
        at = np.minimum(first + rank, len(table) - 1)
        before = (
            (first + rank < len(table))
            & (table["bucket"][at] == found["bucket"])
            & (table["order"][at] < found["order"])
        )
        if not before.any():
            break
        rows.append(found["row"][before])
        leaders.append(at[before])
    needed = np.concatenate(leaders)
    wanted = np.empty(len(needed), COMPARISON)
    wanted["row"] = np.concatenate(rows)
    wanted["leader"] = table["place"][needed]
    return np.unique(wanted), np.unique(needed)


def matches(sent: Iterable[Sent], leaders: Mapping[int, tuple[str, Hashes]], *, threshold: float) -> NDArray[np.void]:
    """The documents of a shard that are near matches of those that they were sent to be compared with."""
    found = []
    for each in sent:
        others = [leaders[place] for place in each.leaders.tolist()]
        near = [
            (similarity, witness)
            for witness, theirs in others
            if (similarity := overlap(each.shingles, theirs)) >= threshold
        ]
        if near:
            similarity, witness = min(near, key=_nearness)
            found.append((each.row, similarity, bytes.fromhex(witness)))
    return np.array(found, MATCH)


def nearest(found: NDArray[np.void]) -> dict[int, tuple[float, str]]:
    """For each row that is left out its similarity to the most similar document before it, and the id of that."""
    best: dict[int, tuple[float, str]] = {}
    for row, similarity, witness in found.tolist():
        near = (similarity, witness.hex())
        best[row] = min(best.get(row, near), near, key=_nearness)
    return best


def _nearness(near: tuple[float, str]) -> tuple[float, str]:
    similarity, witness = near
    return -similarity, witness


def places_of(shard: int, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Places of rows of a shard."""
    return rows.astype(np.uint64) | np.uint64(shard << 32)


def shards_of(places: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """In which shards the places are."""
    return places >> np.uint64(32)


def rows_of(places: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Which rows of their shards the places are."""
    return places.astype(np.uint32)


_SENT = pa.schema(
    [
        ("row", pa.uint32()),
        ("id", pa.string()),
        ("leads", pa.bool_()),
        ("leaders", pa.large_list(pa.uint64())),
        ("shingles", pa.large_list(pa.uint64())),
    ]
)


def to_bytes(sent: Sequence[tuple[int, str, bool, NDArray[np.uint64], Hashes]]) -> bytes:
    """Documents as an Arrow file; none as nothing."""
    if not sent:
        return b""
    rows, ids, leads, leaders, shingles = zip(*sent, strict=True)
    scalars = [pa.array(rows, pa.uint32()), pa.array(ids, pa.string()), pa.array(leads, pa.bool_())]
    body = pa.BufferOutputStream()
    with pa.ipc.new_file(body, _SENT) as file:
        file.write_table(pa.table([*scalars, _lists(leaders), _lists(shingles)], schema=_SENT))
    return bytes(body.getvalue())


def from_bytes(body: bytes) -> Iterator[Sent]:
    """What `to_bytes` was given."""
    if body:
        table = pa.ipc.open_file(pa.BufferReader(body)).read_all()
        scalars = (table[name].to_pylist() for name in ("row", "id", "leads"))
        yield from map(Sent, *scalars, _arrays(table["leaders"]), _arrays(table["shingles"]))


def _lists(arrays: Sequence[NDArray[np.uint64]]) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in arrays])])
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), pa.array(np.concatenate(arrays), pa.uint64()))


def _arrays(column: pa.ChunkedArray) -> list[NDArray[np.uint64]]:
    lists = column.chunk(0)
    offsets = lists.offsets.to_pylist()
    values = lists.values.to_numpy()
    return [values[start:end] for start, end in pairwise(offsets)]
