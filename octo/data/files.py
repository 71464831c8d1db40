"""Documents from local files: JSON lines (plain, gzip, zstd), Parquet, text; streamed, whatever their size."""

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from octo.data.documents import Document, Rejected, new_document
from octo.errors import InputError, UsageError

BATCH_BYTES = 64 << 20
"""Text of a Parquet file that is decoded at a time."""
SKIP_BYTES = 1 << 20
_UNREADABLE = (OSError, EOFError, zlib.error, pa.ArrowException)
"""What a broken gzip, a broken zstd and a Parquet file cut short raise."""


def read_path(
    path: Path, *, label: str, max_document_bytes: int, skip_bad_files: bool
) -> Iterator[Document | Rejected]:
    """The documents of a file, or of every file of a known format below a directory, in the order of their paths.

    A corrupt file raises InputError, after the records before the damage; with `skip_bad_files` it counts as one
    rejected record instead.
    """
    for file in _files(path):
        read = FORMATS[_format(file)]
        try:
            yield from read(file, label, max_document_bytes)
        except _UNREADABLE as error:
            yield _corrupt(file, error, skip=skip_bad_files)


def read_records(
    path: Path, *, max_record_bytes: int, skip_bad_files: bool
) -> Iterator[tuple[str, Mapping[str, object]] | Rejected]:
    """Where each record of a file of JSON lines stands, and its fields as they are; corruption is as in `read_path`."""
    open_file = OPENED.get(_format(path))
    if not path.is_file():
        raise UsageError(f"{path} does not exist: expected a file of JSON lines")
    if open_file is None:
        raise UsageError(f"expected a file that ends in one of {', '.join(OPENED)}, got {path}")
    try:
        for url, line in _json_lines(open_file, path, max_record_bytes):
            record = _parsed(line, url=url) if isinstance(line, bytes) else line
            yield record if isinstance(record, Rejected) else (url, record)
    except _UNREADABLE as error:
        yield _corrupt(path, error, skip=skip_bad_files)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if _format(file) and file.is_file())
    if not path.exists():
        raise UsageError(f"{path} does not exist: expected a file or a directory")
    if not _format(path):
        raise UsageError(f"expected a file that ends in one of {', '.join(FORMATS)}, got {path}")
    return [path]


def _format(file: Path) -> str:
    return next((suffix for suffix in FORMATS if file.name.endswith(suffix)), "")


def _corrupt(file: Path, error: BaseException, *, skip: bool) -> Rejected:
    detail = f"{file} is corrupt or cannot be read: {_first_line(error)}"
    if not skip:
        raise InputError(f"{detail}; mend it, or skip such files with --on-bad-file skip") from None
    return Rejected(f"file:{file}", "corrupt_file", detail)


def _read_json_lines(
    open_file: Callable[[Path], BinaryIO], file: Path, label: str, max_bytes: int
) -> Iterator[Document | Rejected]:
    for url, line in _json_lines(open_file, file, max_bytes):
        record = _parsed(line, url=url) if isinstance(line, bytes) else line
        yield record if isinstance(record, Rejected) else _from_record(record, label=label, url=url)


def _json_lines(
    open_file: Callable[[Path], BinaryIO], file: Path, max_bytes: int
) -> Iterator[tuple[str, bytes | Rejected]]:
    """Where each line stands, and the line."""
    with open_file(file) as stream:
        for number, line in enumerate(_lines(stream, max_bytes), start=1):
            url = f"file:{file}#{number}"
            if line is None:
                yield url, Rejected(url, "too_large", f"the line is longer than {max_bytes} bytes")
            elif line.strip():
                yield url, line


def _lines(stream: BinaryIO, max_bytes: int) -> Iterator[bytes | None]:
    """The lines without their ends; None for one that is longer, of which no more than that is held."""
    beginning = True
    while line := stream.readline(max_bytes + 1):
        ended = line.endswith(b"\n")
        line = line.removesuffix(b"\n")
        if beginning:
            line = line.removeprefix(codecs.BOM_UTF8)
            beginning = False
        yield line if len(line) <= max_bytes else None
        while len(line) > max_bytes and not ended:
            rest = stream.readline(SKIP_BYTES)
            ended = rest.endswith(b"\n") or not rest


def _parsed(line: bytes, *, url: str) -> Mapping[str, object] | Rejected:
    try:
        record = json.loads(line.decode(), parse_constant=lambda _name: None)
    except UnicodeDecodeError as error:
        return Rejected(url, "invalid_utf8", f"byte {error.start} of the record: {error.reason}")
    except (ValueError, RecursionError) as error:
        return Rejected(url, "malformed_json", str(error))
    if not isinstance(record, dict):
        return Rejected(url, "malformed_json", f"expected an object, got {type(record).__name__}")
    return record


def _from_record(record: Mapping[str, object], *, label: str, url: str) -> Document | Rejected:
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        found = "an empty text" if isinstance(text, str) else f"fields: {', '.join(map(repr, record))[:200]}"
        return Rejected(url, "missing_text", f"expected a string in the field text, found {found}")
    metadata = {name: value for name, value in record.items() if name not in {"text", "url", "date", "metadata"}}
    given = record.get("metadata")
    if isinstance(given, dict):
        metadata |= given
    elif given is not None:
        metadata["metadata"] = given
    try:
        return new_document(
            text, source=label, url=str(record.get("url") or url), date=str(record.get("date") or ""), metadata=metadata
        )
    except UnicodeEncodeError as error:
        return Rejected(url, "invalid_utf8", f"character {error.start} of the text: {error.reason}")


def _read_parquet(file: Path, label: str, max_bytes: int) -> Iterator[Document | Rejected]:
    with pq.ParquetFile(file) as parquet:
        names = parquet.schema_arrow.names
        if "text" not in names:
            raise InputError(f"{file} has no column text; it has {', '.join(names)}")
        row = 0
        for batch in parquet.iter_batches(batch_size=_rows_at_a_time(parquet)):
            texts = _strings_as_bytes(batch.column("text"))
            sizes = pc.binary_length(texts).to_pylist()
            others = {name: _values(batch.column(name)) for name in names if name != "text"}
            for position, size in enumerate(sizes):
                url = f"file:{file}#{row}"
                row += 1
                if size is not None and size > max_bytes:
                    yield Rejected(url, "too_large", f"the text has {size} bytes, the limit is {max_bytes}")
                    continue
                fields = {name: values[position] for name, values in others.items()}
                yield _from_row(texts[position].as_py(), fields, label=label, url=url)


def _from_row(text: bytes | None, fields: dict[str, object], *, label: str, url: str) -> Document | Rejected:
    try:
        decoded = None if text is None else text.decode()
    except UnicodeDecodeError as error:
        return Rejected(url, "invalid_utf8", f"byte {error.start} of the record: {error.reason}")
    known = {name: value for name, value in fields.items() if value is not None}
    return _from_record({"text": decoded, **known}, label=label, url=url)


def _rows_at_a_time(parquet: pq.ParquetFile) -> int:
    """As many rows as make BATCH_BYTES at the size of the file's largest row group's rows."""
    groups = [parquet.metadata.row_group(index) for index in range(parquet.num_row_groups)]
    bytes_per_row = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1.0)
    return max(1, min(4096, int(BATCH_BYTES / max(bytes_per_row, 1.0))))


def _strings_as_bytes(column: pa.Array) -> pa.Array:
    """The column as bytes: Arrow does not check that a string column is UTF-8, so each value is decoded on its own."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.large_binary())


def _values(column: pa.Array) -> list[object]:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return [
            value if isinstance(value, int | float | bool | dict | None) else str(value) for value in column.to_pylist()
        ]
    return [
        None if value is None else value.decode(errors="replace") for value in _strings_as_bytes(column).to_pylist()
    ]


def _read_text(file: Path, label: str, max_bytes: int) -> Iterator[Document | Rejected]:
    url = f"file:{file}"
    size = file.stat().st_size
    if size > max_bytes:
        yield Rejected(url, "too_large", f"the file has {size} bytes, the limit is {max_bytes}")
        return
    yield _from_row(file.read_bytes().removeprefix(codecs.BOM_UTF8), {}, label=label, url=url)


def _open_plain(file: Path) -> BinaryIO:
    return file.open("rb")


def _open_gzip(file: Path) -> BinaryIO:
    return gzip.open(file, "rb")  # type: ignore[return-value] # GzipFile reads as a BinaryIO does


def _open_zstd(file: Path) -> BinaryIO:
    return io.BufferedReader(pa.CompressedInputStream(str(file), "zstd"))


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


OPENED: Mapping[str, Callable[[Path], BinaryIO]] = {
    ".jsonl": _open_plain,
    ".jsonl.gz": _open_gzip,
    ".jsonl.zst": _open_zstd,
}
"""How a file of JSON lines is opened, by the end of its name."""

FORMATS: Mapping[str, Callable[[Path, str, int], Iterator[Document | Rejected]]] = {
    **{suffix: partial(_read_json_lines, open_file) for suffix, open_file in OPENED.items()},
    ".parquet": _read_parquet,
    ".txt": _read_text,
    ".md": _read_text,
    ".rst": _read_text,
}
"""How a file is read, by the end of its name."""
