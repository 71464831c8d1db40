"""Deduplication by what texts are when compared, whose result does not depend on shards, order or workers.

Texts that differ in case, white space, compatible or unseen characters alone are copies (`normal_forms`); one of them
stays, as it is.
"""

import io
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import count, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from octo.data.documents import Document, read_documents
from octo.data.filters import repeated_characters
from octo.data.normal_forms import comparable

COPY_COLUMNS = ("key", "id", "source", "url", "date", "metadata")
"""Of a document, a key that copies share in place of its text, and what tells which of them stays."""
_PLACES = ("file:", "s3://")
"""How the address begins of a record that says none: it is its file or object, and its number there."""
Screen = Callable[[Iterable[Document]], Iterable[tuple[Document, str | None]]]
_ROWS = pa.schema([("rows", pa.list_(pa.int32()))])


class Copy(NamedTuple):
    """One document among those with the same key; the smallest of them stays."""

    filtered: bool
    """Whether the quality rules apply. Copies that skip them come first: no rule drops a text one source keeps."""
    source: str
    placeless: bool
    """Whether the record said no address: the one it has then is its place in a file. Those that said one go before."""
    address: str
    date: str
    metadata: str
    id: str
    """Digest of its own text, which copies with one key need not share."""
    place: str
    shard: int
    row: int
    """Where it lies. It decides only between copies that are equal in everything that a record can say."""


def without_text(shard: bytes, screen: Screen | None = None) -> tuple[bytes, list[str | None]]:
    """A shard, a Parquet file of documents, as the search for duplicates reads it: an Arrow file without the texts.

    Args:
        shard: the file.
        screen: gives each document as it is to be compared, and why it is dropped whatever others are: it is nobody's
            copy then. These reasons are what is returned beside the file.
    """
    screened = screen(read_documents(shard)) if screen else ((document, None) for document in read_documents(shard))
    columns: list[list[str]] = [[] for _ in COPY_COLUMNS]
    reasons: list[str | None] = []
    for document, reason in screened:
        key = f"-{document.id[1:]}" if reason else copy_key(document.text, document.id)
        row = (key, document.id, document.source, document.url, document.date, document.metadata)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
        reasons.append(reason)
    table = pa.table([pa.array(column, pa.string()) for column in columns], names=list(COPY_COLUMNS))
    return _arrow(table, compression="zstd"), reasons


def sources_of(shard: bytes) -> list[str]:
    """The sources of a shard without its texts."""
    found: list[str] = pc.unique(_table(shard, ["source"])["source"]).to_pylist()
    return found


def copy_key(text: str, text_id: str) -> str:
    """Equal for texts that are copies of each other; of a text with nothing to compare, its id.

    A rule on repeated lines may drop one of two texts that differ in their lines alone: these are no copies.
    """
    form = comparable(text)
    num_repeated, _ = repeated_characters(text)
    if num_repeated:
        form += f"\0{num_repeated}"
    return sha256(form.encode(errors="surrogatepass")).hexdigest() if form else text_id


def find_duplicates(shards: Sequence[bytes], *, unfiltered: Collection[str]) -> Mapping[int, frozenset[int]]:
    """For each shard without its texts, the rows of which another document keeps a copy.

    Eight bytes a document are held, and in full only the documents that seem to have a copy.
    """
    marks = [_marks(_table(shard, ["key"])["key"].to_pylist()) for shard in shards]
    ordered = np.concatenate([np.empty(0, np.uint64), *marks])
    ordered.sort()
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    del ordered
    if not len(repeated):
        return {}
    return duplicates(
        copy
        for number, shard in enumerate(shards)
        for copy in _copies_at(_rows_of(marks[number], repeated), shard, number, unfiltered)
    )


def _marks(keys: Sequence[str]) -> NDArray[np.uint64]:
    """The first digits of each key: equal for equal keys, and seldom for others."""
    return np.array(keys, dtype="S8").view(np.uint64)


def _rows_of(marks: NDArray[np.uint64], repeated: NDArray[np.uint64]) -> list[int]:
    return np.flatnonzero(repeated.take(np.searchsorted(repeated, marks), mode="clip") == marks).tolist()


def _copies_at(
    rows: Sequence[int], shard: bytes, number: int, unfiltered: Collection[str]
) -> Iterable[tuple[str, Copy]]:
    if not rows:
        return ()
    table = _table(shard, COPY_COLUMNS).take(rows)
    keys, ids, *others = (table[name].to_pylist() for name in COPY_COLUMNS)
    return copies_of(zip(keys, *others, strict=True), shard=number, unfiltered=unfiltered, at=rows, ids=ids)


def _table(shard: bytes, columns: Sequence[str]) -> pa.Table:
    fields = [COPY_COLUMNS.index(name) for name in columns]
    return pa.ipc.open_file(pa.BufferReader(shard), options=pa.ipc.IpcReadOptions(included_fields=fields)).read_all()


def duplicates(copies: Iterable[tuple[str, Copy]]) -> Mapping[int, frozenset[int]]:
    """For each shard, the rows of which another document keeps a copy.

    Args:
        copies: (key, copy) of every document of every shard, in any order.
    """
    kept: dict[str, Copy] = {}
    lost: dict[int, set[int]] = {}
    for key, copy in copies:
        other = kept.setdefault(key, copy)
        if other is not copy:
            kept[key], loser = min(copy, other), max(copy, other)
            lost.setdefault(loser.shard, set()).add(loser.row)
    return {shard: frozenset(rows) for shard, rows in lost.items()}


def copies_of(
    rows: Iterable[tuple[str, ...]],
    *,
    shard: int,
    unfiltered: Collection[str],
    at: Iterable[int] | None = None,
    ids: Iterable[str] | None = None,
) -> Iterator[tuple[str, Copy]]:
    """The copies in one shard, of its columns (key, source, url, date, metadata).

    `at` numbers rows that are not all; `ids` are the texts' digests, where those with one key may differ.
    """
    numbers, digests = count() if at is None else at, repeat("") if ids is None else ids
    for row, digest, (key, source, url, date, metadata) in zip(numbers, digests, rows, strict=False):
        placeless = url.startswith(_PLACES)
        said, place = ("", url) if placeless else (url, "")
        yield key, Copy(source not in unfiltered, source, placeless, said, date, metadata, digest, place, shard, row)


def rows_to_arrow(lost: Mapping[int, frozenset[int]], *, num_shards: int) -> bytes:
    """The rows of every shard as an Arrow file, so that one shard's can be read alone."""
    rows = pa.array([sorted(lost.get(shard, ())) for shard in range(num_shards)], _ROWS.field("rows").type)
    return _arrow(pa.table([rows], schema=_ROWS), compression=None)


def read_rows(path: Path, shard: int) -> frozenset[int]:
    """One shard's rows in such a file."""
    with pa.memory_map(str(path)) as file:
        return frozenset(pa.ipc.open_file(file).read_all()["rows"][shard].as_py())


def _arrow(table: pa.Table, *, compression: str | None) -> bytes:
    body = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(body, table.schema, options=options) as file:
        file.write_table(table)
    return body.getvalue()
