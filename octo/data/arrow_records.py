"""Records out of Parquet and Arrow files, a few rows at a time, whatever their columns hold and claim."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from octo.data.arrow_messages import inflated_size
from octo.data.arrow_values import (
    Budget,
    NoFormError,
    TooMuchError,
    is_text,
    json_value,
    raw_texts,
    ready_values,
    referred,
)
from octo.data.compression import Allowance
from octo.data.documents import Rejected
from octo.data.records import Found, column_names
from octo.data.text_forms import PLAIN, TextForm

BATCH_BYTES = 64 << 20
"""Of a file's columns, what is decoded at a time."""
MAX_ROWS = 4096
_FEW_ROWS = 16
"""Where a page may repeat a long text for every row: in an encoding of differences."""
_ROW_BYTES = 16
"""What a row counts at least: rows of nothing take no bytes in a file."""
_REFERENCE_BYTES = 4
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}
_ARROW_MAGIC = b"ARROW1\0\0"


def read_parquet(
    file: Path, *, name: str, max_bytes: int, allowance: Allowance, form: TextForm = PLAIN
) -> Iterator[Found]:
    """The rows of a Parquet file, `name#ROW`.

    Raises:
        UnreadableError: it gives more than it may, or a field that makes a document is there twice.
        pa.ArrowException: it is broken.
    """
    with pq.ParquetFile(file) as opened:
        allowance.take(_claimed(opened.metadata))
        repeating = _repeating_columns(opened.metadata)
    with pq.ParquetFile(file, read_dictionary=repeating) as opened:
        columns = _Columns(column_names(opened.schema_arrow.names, form), form.whole_column)
        batches = opened.iter_batches(batch_size=_rows_at_a_time(opened.metadata))
        yield from _rows(batches, columns, name=name, max_bytes=max_bytes, allowance=allowance)


def read_arrow(
    file: Path, *, name: str, max_bytes: int, allowance: Allowance, form: TextForm = PLAIN
) -> Iterator[Found]:
    """The rows of an Arrow file (Feather) or of a stored Arrow stream; raises as `read_parquet` does."""
    with pa.memory_map(str(file)) as source:
        # A file is a stream between marks, and the stream's messages say what they take before they take it.
        start = len(_ARROW_MAGIC) if source.read(len(_ARROW_MAGIC)) == _ARROW_MAGIC else 0
        source.seek(start)
        for message in pa.ipc.MessageReader.open_stream(source):
            allowance.take(inflated_size(message))
        source.seek(start)
        with pa.ipc.open_stream(source) as opened:
            columns = _Columns(column_names(opened.schema.names, form), form.whole_column)
            yield from _rows(map(_valid, opened), columns, name=name, max_bytes=max_bytes, allowance=allowance)


class _Columns(NamedTuple):
    """The columns of a file."""

    names: Sequence[str]
    text: str
    """The one that is the text by itself, which is read in bytes; empty for none."""


def _rows(
    batches: Iterable[pa.RecordBatch], columns: _Columns, *, name: str, max_bytes: int, allowance: Allowance
) -> Iterator[Found]:
    first = 0
    for batch in batches:
        for start in range(0, batch.num_rows, MAX_ROWS):
            part = batch.slice(start, MAX_ROWS)
            if columns.text:
                texts = _texts(part.column(columns.names.index(columns.text)), allowance)
            else:
                allowance.take(_ROW_BYTES * part.num_rows)
                texts = repeat(None, part.num_rows)
            for row, record in enumerate(_records(texts, part, columns, max_bytes), start=first):
                url = f"{name}#{row}"
                yield url, record if isinstance(record, dict) else Rejected(url, *record)
            first += part.num_rows


def _records(
    texts: Iterable[bytes | None], batch: pa.RecordBatch, columns: _Columns, max_bytes: int
) -> Iterator[dict[str, object] | tuple[str, str]]:
    """The rows as records, or the reason and the detail why a row is none."""
    others = {name: batch.column(place) for place, name in enumerate(columns.names) if name != columns.text}
    made = {name: ready_values(column) for name, column in others.items()}
    ready = {name: values for name, values in made.items() if values is not None}
    slow = {name: column for name, column in others.items() if made[name] is None}
    rows = zip(*ready.values(), strict=True) if ready else repeat((), batch.num_rows)
    sizes = _sizes([values for name, values in ready.items() if is_text(others[name].type)], batch.num_rows)
    complete = not any(None in values for values in ready.values())
    for position, (raw, row, others_size) in enumerate(zip(texts, rows, sizes, strict=True)):
        size = len(raw) if raw else 0
        if size > max_bytes:
            yield "too_large", f"the text has {size} bytes, the limit is {max_bytes}"
            continue
        try:
            size += others_size
            record: dict[str, object] = dict(zip(ready, row, strict=True))
            if not complete:
                record = {name: value for name, value in record.items() if value is not None}
            if slow or size > max_bytes:
                record |= _slow(slow, position, Budget(max_bytes - size))
            if columns.text:
                record[columns.text] = None if raw is None else raw.decode()
            yield record
        except UnicodeDecodeError as error:
            yield "invalid_utf8", f"byte {error.start} of the record: {error.reason}"
        except TooMuchError:
            yield "too_large", f"the record is longer than {max_bytes} bytes"
        except (NoFormError, ValueError, OverflowError, RecursionError, pa.ArrowException) as error:
            yield "no_json_form", str(error)


def _sizes(columns: Sequence[Sequence[str | None]], num_rows: int) -> Iterable[int]:
    """Of each row, the characters of all its texts."""
    if not columns:
        return repeat(0, num_rows)
    return map(sum, zip(*([len(text) if text else 0 for text in column] for column in columns), strict=True))


def _slow(columns: Mapping[str, pa.Array], position: int, budget: Budget) -> Mapping[str, object]:
    """The values of a row that are made one by one, within what is left for them."""
    budget.take(0)
    made = {name: json_value(column[position], budget) for name, column in columns.items()}
    return {name: value for name, value in made.items() if value is not None}


def _texts(texts: pa.Array, allowance: Allowance) -> Iterable[bytes | None]:
    """The texts in bytes, each counted before it is used: all at once where there are not too many."""
    ready = _ready_texts(texts)
    if ready is None:
        return _texts_one_by_one(texts, allowance)
    allowance.take(_ROW_BYTES * len(ready) + sum(map(len, filter(None, ready))))
    return ready


def _texts_one_by_one(texts: pa.Array, allowance: Allowance) -> Iterator[bytes | None]:
    for position in range(len(texts)):
        raw = _text_at(texts, position)
        allowance.take(_ROW_BYTES + len(raw or b""))
        yield raw


def _ready_texts(texts: pa.Array) -> list[bytes | None] | None:
    plain = {pa.string(), pa.large_string()}
    if pa.types.is_dictionary(texts.type):
        return referred(texts, raw_texts) if texts.type.value_type in plain else None
    return raw_texts(texts) if texts.type in plain and texts.nbytes <= BATCH_BYTES else None


def _text_at(texts: pa.Array, position: int) -> bytes | None:
    """The text at a position in bytes; None where there is none."""
    scalar = texts[position]
    while isinstance(scalar, _WRAPPED):
        scalar = scalar.value
    return bytes(scalar.as_buffer().to_pybytes()) if isinstance(scalar, _TEXTS) and scalar.is_valid else None


_WRAPPED = (pa.DictionaryScalar, pa.RunEndEncodedScalar, pa.ExtensionScalar, pa.UnionScalar)
_TEXTS = (
    *(pa.StringScalar, pa.LargeStringScalar, pa.StringViewScalar),
    *(pa.BinaryScalar, pa.LargeBinaryScalar, pa.BinaryViewScalar),
)


def _claimed(metadata: pq.FileMetaData) -> int:
    """Bytes that all columns take when they are decoded, but for texts that are repeated by reference."""
    return sum(_claimed_by(metadata, group) for group in range(metadata.num_row_groups))


def _claimed_by(metadata: pq.FileMetaData, group: int) -> int:
    columns = [metadata.row_group(group).column(index) for index in range(metadata.num_columns)]
    widths = [_width(metadata.schema.column(index)) for index in range(metadata.num_columns)]
    return sum(
        column.total_uncompressed_size + column.num_values * width
        for column, width in zip(columns, widths, strict=True)
    )


def _width(column: pq.ColumnSchema) -> int:
    """Bytes of a value of the column, or of a reference to one."""
    return _WIDTHS.get(column.physical_type) or max(_REFERENCE_BYTES, int(column.length))


def _repeating_columns(metadata: pq.FileMetaData) -> list[str]:
    """The columns whose values a page may repeat by a few bytes each: a gigabyte of copies of one text."""
    return [
        metadata.schema.column(index).path
        for index in range(metadata.num_columns)
        if metadata.schema.column(index).physical_type == "BYTE_ARRAY"
        and not _encodings(metadata, index).isdisjoint({"RLE_DICTIONARY", "PLAIN_DICTIONARY"})
    ]


def _rows_at_a_time(metadata: pq.FileMetaData) -> int:
    """As many rows as make BATCH_BYTES at the size of the largest row group's rows."""
    if any("DELTA_BYTE_ARRAY" in _encodings(metadata, index) for index in range(metadata.num_columns)):
        return _FEW_ROWS
    groups = range(metadata.num_row_groups)
    sizes = (_claimed_by(metadata, group) / max(metadata.row_group(group).num_rows, 1) for group in groups)
    return max(1, min(MAX_ROWS, int(BATCH_BYTES / max(1.0, *sizes, 1.0))))


def _encodings(metadata: pq.FileMetaData, index: int) -> set[str]:
    groups = range(metadata.num_row_groups)
    return {encoding for group in groups for encoding in metadata.row_group(group).column(index).encodings}


def _valid(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch, once nothing in it points beyond its buffers. Texts need be no UTF-8: each is looked at when read."""
    raw = [column.view(_RAW[column.type]) if column.type in _RAW else column for column in batch.columns]
    pa.RecordBatch.from_arrays(raw, [str(place) for place in range(len(raw))]).validate(full=True)
    return batch


_RAW = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
