"""Documents from files: JSON, CSV, Parquet, Arrow, text, pages and archives, compressed or not; whatever their size."""

import codecs
import io
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from octo.data.arrow_records import read_arrow, read_parquet
from octo.data.compression import CORRUPT, Allowance, open_stream
from octo.data.csv_records import read_csv
from octo.data.documents import Document, Rejected
from octo.data.html_text import Extent, read_page
from octo.data.json_records import read_lines, read_values
from octo.data.records import Found, Record, UnreadableError, document_of
from octo.data.text_forms import PLAIN, TextForm
from octo.data.time_limit import STOPPED, TOO_SLOW, DocumentClock, TooSlowError
from octo.data.web_archives import read_archive
from octo.errors import InputError, UsageError
from octo.source_files import SEEKED, Format, files_below, format_of, known_ends

_UNREADABLE = (*CORRUPT, UnreadableError, pa.ArrowException)
MAX_EXPANSION = 200


class Reading(NamedTuple):
    """How files are read."""

    max_document_bytes: int
    skip_bad_files: bool
    max_expansion: int = MAX_EXPANSION
    """How many times its size a file may give; see `Allowance`."""
    clock: DocumentClock = STOPPED
    extent: Extent = "whole"
    """How much of a page is read."""
    form: TextForm = PLAIN
    """What the text of a record is made of, where it has several columns."""


def read_path(
    path: Path, *, label: str, max_document_bytes: int, skip_bad_files: bool
) -> Iterator[Document | Rejected]:
    """The documents of a file, or of every file that is read below a directory, in the order of their names."""
    reading = Reading(max_document_bytes, skip_bad_files)
    for file in files_below(path):
        if not file.left_out:
            yield from read_file(file.path, name=f"file:{file.path}", label=label, reading=reading)


def read_file(path: Path, *, name: str, label: str, reading: Reading) -> Iterator[Document | Rejected]:
    """The documents of one file, which `name` is the address of.

    A corrupt file raises InputError, after the records before the damage; with `skip_bad_files` it counts as one
    rejected record instead.
    """
    holds = format_of(path.name)
    form = reading.form if holds and holds.name in _OF_COLUMNS else PLAIN
    for url, record in read_records(path, name=name, reading=reading):
        if isinstance(record, Rejected):
            yield record
            continue
        try:
            yield reading.clock.timed(document_of, record, label=label, url=url, form=form)
        except TooSlowError as error:
            yield Rejected(url, TOO_SLOW, str(error))


def read_records(path: Path, *, name: str, reading: Reading) -> Iterator[Found]:
    """Where each record of a file stands, and its fields as they are; corruption is as in `read_file`."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is no file: expected one that ends in one of {known_ends()}")
    holds = format_of(path.name)
    if holds is None:
        raise UsageError(f"expected a file that ends in one of {known_ends()}, got {path}")
    try:
        yield from _found(path, holds, name=name, reading=reading)
    except _UNREADABLE as error:
        detail = f"{name.removeprefix('file:')} is corrupt or cannot be read: {_first_line(error)}"
        if not reading.skip_bad_files:
            raise InputError(f"{detail}; mend it, or skip such files with --on-bad-file skip") from None
        yield name, Rejected(name, "corrupt_file", detail)


def _found(path: Path, holds: Format, *, name: str, reading: Reading) -> Iterator[Found]:
    limit = {"name": name, "max_bytes": reading.max_document_bytes}
    allowance = Allowance(path.stat().st_size, expansion=reading.max_expansion)
    if holds.name in SEEKED.values():
        yield from _TABLES[holds.name](path, **limit, allowance=allowance, form=reading.form)
        return
    with open_stream(path, holds.compression, allowance) as stream:
        if holds.name in _SEPARATED:
            yield from _SEPARATED[holds.name](stream, **limit, form=reading.form)
        elif holds.name in _RECORDS:
            yield from _RECORDS[holds.name](stream, **limit)
        else:
            yield from _PAGES[holds.name](stream, **limit, clock=reading.clock, extent=reading.extent)


def _read_text(stream: io.BufferedReader, *, name: str, max_bytes: int) -> Iterator[Found]:
    body = stream.read(max_bytes + 1)
    yield name, _too_large(body, url=name, max_bytes=max_bytes) or _text(body, url=name)


def _read_html(
    stream: io.BufferedReader, *, name: str, max_bytes: int, clock: DocumentClock, extent: Extent
) -> Iterator[Found]:
    body = stream.read(max_bytes + 1)
    too_large = _too_large(body, url=name, max_bytes=max_bytes)
    yield name, too_large or read_page(body, url=name, clock=clock, extent=extent)


def _too_large(body: bytes, *, url: str, max_bytes: int) -> Rejected | None:
    if len(body) <= max_bytes:
        return None
    return Rejected(url, "too_large", f"the file has at least {len(body)} bytes, the limit is {max_bytes}")


def _text(body: bytes, *, url: str) -> Record | Rejected:
    try:
        return {"text": body.removeprefix(codecs.BOM_UTF8).decode()}
    except UnicodeDecodeError as error:
        return Rejected(url, "invalid_utf8", f"byte {error.start} of the record: {error.reason}")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")


_TABLES: Mapping[str, Callable[..., Iterator[Found]]] = {"parquet": read_parquet, "arrow": read_arrow}
_RECORDS: Mapping[str, Callable[..., Iterator[Found]]] = {
    "json lines": read_lines,
    "json": read_values,
    "text": _read_text,
}
_SEPARATED: Mapping[str, Callable[..., Iterator[Found]]] = {
    "csv": partial(read_csv, delimiter=","),
    "tsv": partial(read_csv, delimiter="\t"),
}
_PAGES: Mapping[str, Callable[..., Iterator[Found]]] = {"html": _read_html, "warc": read_archive}
"""How a file of a format is read."""
_OF_COLUMNS = {*_TABLES, *_RECORDS, *_SEPARATED} - {"text"}
"""Formats whose records have columns, or fields of a name."""
