"""What an Arrow message takes when it is decompressed, known before it is: its buffers say so where they begin.

Arrow takes their word and asks the system for as much. The layout is that of Message.fbs, a FlatBuffers table.
"""

import struct

import pyarrow as pa

from octo.data.records import UnreadableError

_DICTIONARY, _BATCH = 2, 3
"""Kinds of a message's header."""
_BUFFER_BYTES = 16
_AS_IT_IS = -1


def inflated_size(message: pa.ipc.Message) -> int:
    """Bytes of the message's buffers that are compressed, when they are not; UnreadableError when it cannot be read."""
    try:
        return _inflated_size(memoryview(message.metadata), memoryview(message.body or b""))
    except (struct.error, IndexError) as error:
        raise UnreadableError(f"a message of it is broken: {error}") from None


def _inflated_size(metadata: memoryview, body: memoryview) -> int:
    root = _integer("<I", metadata, 0)
    kind = _field(metadata, root, 1)
    batch = _table(metadata, root, 2)
    if kind is None or batch is None or metadata[kind] not in {_DICTIONARY, _BATCH}:
        return 0
    if metadata[kind] == _DICTIONARY:
        batch = _table(metadata, batch, 1)
    if batch is None or _field(metadata, batch, 3) is None:
        return 0
    buffers = _table(metadata, batch, 2)
    if buffers is None:
        return 0
    count = _integer("<I", metadata, buffers)
    return sum(_size(metadata, body, buffers + 4 + number * _BUFFER_BYTES) for number in range(count))


def _size(metadata: memoryview, body: memoryview, place: int) -> int:
    offset, length = struct.unpack_from("<qq", metadata, place)
    if length == 0:
        return 0
    size = _integer("<q", body, offset)
    return length if size == _AS_IT_IS else size


def _table(metadata: memoryview, table: int, number: int) -> int | None:
    """Where the table or the vector begins that a field of a table points to."""
    place = _field(metadata, table, number)
    return None if place is None else place + _integer("<I", metadata, place)


def _field(metadata: memoryview, table: int, number: int) -> int | None:
    """Where a field of a table is; None where it is not there."""
    fields = table - _integer("<i", metadata, table)
    size = _integer("<H", metadata, fields)
    place = 4 + 2 * number
    offset = _integer("<H", metadata, fields + place) if place < size else 0
    return table + offset if offset else None


def _integer(form: str, metadata: memoryview, place: int) -> int:
    (value,) = struct.unpack_from(form, metadata, place)
    return int(value)
