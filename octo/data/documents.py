"""A document, and how documents, rejected records and dropped documents lie in Parquet files."""

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_BYTES = 32 << 20
"""Text that is held before it is written: it bounds the memory of a writer and of a reader of one row group."""
ROW_GROUP_ROWS = 50_000
SOURCES, KEPT = "sources.", "kept"
"""Counters of what became of each source's documents: sources.LABEL.REASON, or sources.LABEL.kept."""
CONTAMINATED = "contaminated"
"""The reason to drop a document that holds a benchmark's question."""
_STREAMED_ROWS = 256
_READ_BYTES = 1 << 20


class Document(NamedTuple):
    """A unit of text and where it came from."""

    id: str
    """sha256 of the text in UTF-8, hexadecimal."""
    text: str
    source: str
    """The label that mixture weights are given for."""
    url: str
    date: str
    """ISO 8601, or empty when unknown."""
    metadata: str
    """A JSON object."""


class Rejected(NamedTuple):
    """A record that could not become a document."""

    url: str
    reason: str
    detail: str


class Dropped(NamedTuple):
    """A document that curation left out."""

    id: str
    source: str
    url: str
    reason: str
    excerpt: str
    """The beginning of the text, at most 200 characters."""
    witness: str = ""
    """Of a near_duplicate, the id of the document that it is too much like."""
    similarity: str = ""
    """Their Jaccard similarity."""


def new_document(
    text: str, *, source: str, url: str, date: str = "", metadata: Mapping[str, object] | None = None
) -> Document:
    """A document with its content digest. A lone surrogate, which no file can hold, raises UnicodeEncodeError."""
    fields = _json(metadata or {})
    (url + date).encode()
    return Document(sha256(text.encode()).hexdigest(), text, source, url, date, fields)


def revised(document: Document, text: str, metadata: str | None = None) -> Document:
    """The document with another text in place of its own, and in its metadata, as `edited_from`, the id that it had.

    Args:
        document: as it was.
        text: that it has from now on.
        metadata: that it has beside that, where it is not its own.
    """
    kept = document if metadata is None else document._replace(metadata=metadata)
    if text == document.text:
        return kept
    fields = {"edited_from": document.id, **json.loads(kept.metadata)}
    return kept._replace(id=sha256(text.encode()).hexdigest(), text=text, metadata=_ENCODER.encode(fields))


_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False)
"""Made once: `json.dumps` makes one for every call that asks for other than its defaults."""


def _json(metadata: Mapping[str, object]) -> str:
    try:
        return _ENCODER.encode(metadata)
    except ValueError:
        return _ENCODER.encode(_finite(metadata))


def _finite(value: object) -> object:
    """The value with null for what is no number: JSON has no infinity, and 1e999 is read as one."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {name: _finite(each) for name, each in value.items()}
        case list() | tuple():
            return [_finite(each) for each in value]
    return value


class RowWriter:
    """Streams rows into a Parquet file, a row group at a time."""

    def __init__(self, writer: pq.ParquetWriter, fields: Sequence[str]) -> None:
        self.num_rows = 0
        self._writer = writer
        self._fields = fields
        self._rows: list[Sequence[str]] = []
        self._held = 0

    def write(self, row: Sequence[str]) -> None:
        """Add a row; its fields are in the schema's order."""
        self._rows.append(row)
        self._held += sum(map(len, row))
        self.num_rows += 1
        if self._held >= ROW_GROUP_BYTES or len(self._rows) >= ROW_GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held as one row group."""
        if self._rows:
            self._writer.write_table(_table(self._rows, self._fields))
            self._rows, self._held = [], 0


@contextmanager
def writing(destination: Path, row_type: type[NamedTuple]) -> Iterator[RowWriter]:
    """A writer of rows of that type to a Parquet file (zstd)."""
    with pq.ParquetWriter(destination, _schema(row_type._fields), compression="zstd") as writer:
        rows = RowWriter(writer, row_type._fields)
        yield rows
        rows.flush()


def to_parquet(rows: Iterable[Sequence[str]], row_type: type[NamedTuple]) -> bytes:
    """The rows as a Parquet file (zstd) in memory."""
    table = _table(list(rows), row_type._fields)
    body = io.BytesIO()
    pq.write_table(table, body, compression="zstd", row_group_size=ROW_GROUP_ROWS)
    return body.getvalue()


def read_documents(body: bytes) -> Iterator[Document]:
    """The documents of a Parquet file, a batch in memory at a time."""
    for batch in pq.ParquetFile(pa.BufferReader(body)).iter_batches(batch_size=4096, columns=list(Document._fields)):
        yield from map(Document._make, zip(*(column.to_pylist() for column in batch.columns), strict=True))


def read_columns(body: bytes, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Some columns of a Parquet file, row by row; the others are not decoded."""
    for batch in pq.ParquetFile(pa.BufferReader(body)).iter_batches(columns=list(columns)):
        by_name = batch.to_pydict()
        yield from zip(*(by_name[name] for name in columns), strict=True)


def stream_columns(file: Path, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Some columns of a Parquet file on disk, row by row; a few hundred rows are in memory at a time."""
    with pq.ParquetFile(file, buffer_size=_READ_BYTES) as opened:
        # Of several row groups at once, the library keeps all that it has read until the last of them.
        for group in range(opened.num_row_groups):
            for batch in opened.iter_batches(batch_size=_STREAMED_ROWS, row_groups=[group], columns=list(columns)):
                by_name = batch.to_pydict()
                yield from zip(*(by_name[name] for name in columns), strict=True)


def count_rows(body: bytes) -> int:
    """How many rows a Parquet file says that it has."""
    return int(pq.read_metadata(pa.BufferReader(body)).num_rows)


def _schema(fields: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in fields])


def _table(rows: Sequence[Sequence[str]], fields: Sequence[str]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(fields)
    return pa.table([_texts(column) for column in columns], schema=_schema(fields))


def _texts(column: Sequence[str]) -> pa.Array:
    # pa.array would import pandas to ask whether it is one of its columns: half a second of every process.
    builder = pa.lib.StringBuilder()
    builder.append_values(list(column))
    return builder.finish()
