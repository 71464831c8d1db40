"""Records out of comma- and tab-separated values (RFC 4180), whose first row names the columns."""

import csv
import io
from collections.abc import Iterator

from octo.data.documents import Rejected
from octo.data.json_records import lines
from octo.data.records import Found, Record, UnreadableError, column_names
from octo.data.text_forms import PLAIN, TextForm


def read_csv(
    stream: io.BufferedReader, *, name: str, max_bytes: int, delimiter: str, form: TextForm = PLAIN
) -> Iterator[Found]:
    """The rows below the header as records of texts, `name#LINE` of the line that they begin in.

    A row with another number of fields than the header is rejected. A quotation mark that is never closed takes what
    follows it, `max_bytes` of it at most, into one rejected record.

    Raises:
        UnreadableError: the header cannot be read, or names a field twice.
    """
    # The library's limit is one for the whole process; rows have a limit of their own.
    csv.field_size_limit(max_bytes)
    source = _RowLines(stream, max_bytes)
    rows = csv.reader(source, delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    while True:
        url = f"{name}#{source.begin_row()}"
        row = _next(rows, url)
        if row is None:
            return
        if columns is None:
            if isinstance(row, Rejected):
                raise UnreadableError(f"its header cannot be read: {row.detail}")
            columns = column_names(row, form) if row else None
        elif row:
            yield url, row if isinstance(row, Rejected) else _record(row, columns, url=url)


def _next(rows: Iterator[list[str]], url: str) -> list[str] | Rejected | None:
    """The next row, empty for an empty line; None after the last."""
    try:
        return next(rows, None)
    except _TooLongError as error:
        return Rejected(url, "too_large", str(error))
    except csv.Error as error:
        return Rejected(url, "malformed_csv", str(error))


def _record(row: list[str], columns: list[str], *, url: str) -> Record | Rejected:
    if len(row) != len(columns):
        return Rejected(url, "malformed_csv", f"{len(row)} fields, where the header has {len(columns)}")
    return dict(zip(columns, row, strict=True))


class _TooLongError(Exception):
    """A row is longer than the limit."""


class _RowLines:
    """The lines of a file as the csv module asks for them. It goes on after an error, as a generator would not."""

    def __init__(self, stream: io.BufferedReader, max_bytes: int) -> None:
        self._lines = lines(stream, max_bytes)
        self._max_bytes = max_bytes
        self._number = 0
        self._row_bytes = 0

    def begin_row(self) -> int:
        """The number of the line with which a row begins."""
        self._row_bytes = 0
        return self._number + 1

    def __iter__(self) -> "_RowLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self._row_bytes += self._max_bytes + 1 if line is None else len(line) + 1
        if line is None or self._row_bytes > self._max_bytes:
            raise _TooLongError(f"the row is longer than {self._max_bytes} bytes")
        # What is no UTF-8 stays to be found in the field where it stands.
        return f"{line.decode(errors='surrogateescape')}\n"
