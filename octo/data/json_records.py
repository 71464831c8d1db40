"""JSON records out of streams of any size: a line each, the elements of one array, or values of several lines."""

import codecs
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from octo.data.documents import Rejected
from octo.data.records import Found, Record, UnreadableError

SKIP_BYTES = 1 << 20
_INTEGER_DIGITS = 4300
"""What Python makes an integer of; of a longer one the digits are kept, as a text."""
_SPACE = b" \t\r\n"
_BETWEEN = re.compile("[ \t\r\n\N{ZERO WIDTH NO-BREAK SPACE}]*")
_IN_STRING = re.compile(rb'["\\]')
_OUTSIDE = re.compile(rb'["\[\]{},]')


def read_lines(stream: io.BufferedReader, *, name: str, max_bytes: int) -> Iterator[Found]:
    """The records of JSON lines, `name#LINE`. Any line may begin with a byte order mark, as where files were joined.

    Several values in one line are several records, as of a file whose last line had no end.
    """
    for number, line in enumerate(lines(stream, max_bytes), start=1):
        url = f"{name}#{number}"
        if line is None:
            yield url, Rejected(url, "too_large", f"the line is longer than {max_bytes} bytes")
        elif line.strip():
            yield from _records(line, url=url)


def read_values(stream: io.BufferedReader, *, name: str, max_bytes: int) -> Iterator[Found]:
    """The records of a JSON file, `name#NUMBER`: of lines, of one array, or of values on several lines.

    Raises:
        UnreadableError: it ends within an array or an object, or something follows the array.
    """
    while (ahead := stream.peek()) and not _begun(ahead):
        stream.read(len(ahead))
    if not _begun(ahead).startswith(b"[") and not _is_spread(_begun(ahead)):
        yield from read_lines(stream, name=name, max_bytes=max_bytes)
        return
    for number, value in enumerate(_split(stream, max_bytes, in_array=_begun(ahead).startswith(b"[")), start=1):
        url = f"{name}#{number}"
        if value is None:
            yield url, Rejected(url, "too_large", f"the record is longer than {max_bytes} bytes")
        else:
            yield from _records(value, url=url)


def lines(stream: io.BufferedReader, max_bytes: int) -> Iterator[bytes | None]:
    """The lines without their ends; None for one that is longer, of which no more than that is held."""
    while line := stream.readline(max_bytes + len(codecs.BOM_UTF8) + 1):
        ended = line.endswith(b"\n")
        line = line.removesuffix(b"\n").removeprefix(codecs.BOM_UTF8)
        yield line if len(line) <= max_bytes else None
        while len(line) > max_bytes and not ended:
            rest = stream.readline(SKIP_BYTES)
            ended = rest.endswith(b"\n") or not rest


def _begun(ahead: bytes) -> bytes:
    """What is ahead, from its first character on."""
    return ahead.lstrip(_SPACE).removeprefix(codecs.BOM_UTF8).lstrip(_SPACE)


def _is_spread(ahead: bytes) -> bool:
    """Whether values go on over several lines, by the first line that is none and the line after it."""
    for line, after in pairwise(ahead.split(b"\n")):
        text = line.decode(errors="replace").rstrip()
        try:
            if text:
                json.loads(text)
        except json.JSONDecodeError as error:
            return error.pos >= len(text) and not after.startswith(b"{")
        except (ValueError, RecursionError):
            return False
    return False


def _records(value: bytes, *, url: str) -> Iterator[Found]:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        yield url, Rejected(url, "invalid_utf8", f"byte {error.start} of the record: {error.reason}")
        return
    try:
        yield url, _object(_loads(text), url=url)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            yield url, Rejected(url, "malformed_json", str(error))
            return
        yield from _several(text, url=url)
    except (ValueError, RecursionError) as error:
        yield url, Rejected(url, "malformed_json", str(error))


def _several(text: str, *, url: str) -> Iterator[Found]:
    """The values that stand one after another in a text, up to the first that is none."""
    place = number = 0
    while (place := _BETWEEN.match(text, place).end()) < len(text):  # type: ignore[union-attr] # it matches nothing too
        number += 1
        where = f"{url}/{number}"
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield where, Rejected(where, "malformed_json", str(error))
            return
        yield where, _object(value, url=where)


def _object(value: object, *, url: str) -> Record | Rejected:
    if isinstance(value, dict):
        return value
    return Rejected(url, "malformed_json", f"expected an object, got {type(value).__name__}")


def _loads(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        if "integer string conversion" not in str(error):
            raise
    return _PATIENT_DECODER.decode(text)


def _unique(pairs: Sequence[tuple[str, object]]) -> Record:
    """An object of names that stand once: whoever reads one of two values does not read the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        (name, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the name {name!r} stands in it twice")
    return found


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _INTEGER_DIGITS else digits


def _no_number(_name: str) -> None:
    """NaN and the infinities, which JSON does not have."""


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
_PATIENT_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, parse_int=_integer)


def _split(stream: io.BufferedReader, max_bytes: int, *, in_array: bool) -> Iterator[bytes | None]:
    """The values at the top of a stream, or in the array that it is; None for one that is longer."""
    splitter = _Splitter(max_bytes, base=int(in_array))
    # As much as is there: what was read before some damage is not lost with it.
    while chunk := stream.read1(SKIP_BYTES):
        yield from splitter.values(chunk)
    yield from splitter.end()


class _Splitter:
    """Finds where values end, looking at each byte once and holding one value at most."""

    def __init__(self, max_bytes: int, *, base: int) -> None:
        self._max_bytes = max_bytes
        self._base = base
        """Brackets around a value: the array's, or none."""
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._held: list[bytes] = []
        self._size = 0

    def values(self, chunk: bytes) -> Iterator[bytes | None]:
        """The values that end within what comes next."""
        start, place = 0, int(self._escaped)
        self._escaped = False
        while found := (_IN_STRING if self._in_string else _OUTSIDE).search(chunk, place):
            place, token = found.end(), found[0]
            if token == b"\\":
                place += 1
                self._escaped = place > len(chunk)
            elif token == b'"':
                self._in_string = not self._in_string
            elif token == b",":
                if self._base and self._depth == self._base:
                    yield from self._ended(chunk[start : found.start()])
                    start = place
            elif token in b"[{":
                self._depth += 1
                if self._depth == self._base:
                    self._ended_before(chunk[start : found.start()])
                    start = place
            else:
                self._depth = max(0, self._depth - 1)
                if self._depth == 0:
                    end = found.start() if self._base else place
                    yield from self._ended(chunk[start:end])
                    start = place
        self._hold(chunk[start:])

    def end(self) -> Iterator[bytes | None]:
        """What is left when nothing comes any more."""
        if self._depth > 0 or self._in_string:
            raise UnreadableError("it ends within an array or an object")
        yield from self._ended(b"")

    def _ended_before(self, rest: bytes) -> None:
        self._hold(rest)
        if b"".join(self._held).removeprefix(codecs.BOM_UTF8).strip():
            raise UnreadableError("something follows the array that it begins with")
        self._held, self._size = [], 0

    def _ended(self, rest: bytes) -> Iterator[bytes | None]:
        self._hold(rest)
        value, size = b"".join(self._held).strip().removeprefix(codecs.BOM_UTF8), self._size
        self._held, self._size = [], 0
        if size > self._max_bytes:
            yield None
        elif value:
            yield value

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        # Of a value that is too long, nothing is held any more.
        self._held = [*self._held, piece] if self._size <= self._max_bytes else []
