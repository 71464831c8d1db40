"""Bodies of HTTP that were sent in chunks, each behind a line with its size in hexadecimal digits."""

import re
from typing import BinaryIO

LONGEST_LINE = 1024
_SIZE = re.compile(rb"\s*([0-9a-fA-F]{1,8})\s*(?:;[^\r\n]*)?\r?\n")


class ChunksError(Exception):
    """A body that begins as chunks and goes on as something else."""


def joined_chunks(stream: BinaryIO, size: int) -> bytes:
    """The first `size` bytes of a body.

    One that does not begin with the size of a chunk is taken as it is: many crawlers join the chunks and keep the
    header that speaks of them. One that ends early, as where a crawler has cut it, is what there is of it.

    Raises:
        ChunksError: what stands behind a chunk is no size.
    """
    line = stream.readline(LONGEST_LINE)
    if not _SIZE.fullmatch(line):
        return (line + stream.read(max(0, size - len(line))))[:size]
    joined = bytearray()
    while found := _SIZE.fullmatch(line):
        length = int(found[1], 16)
        joined += stream.read(min(length, size - len(joined)))
        if not length or len(joined) >= size:
            return bytes(joined)
        line = stream.readline(LONGEST_LINE)
        if line.strip():
            break
        line = line and stream.readline(LONGEST_LINE)
        if not line:
            return bytes(joined)
    raise ChunksError(f"after {len(joined)} bytes, where a chunk is to begin, there is {line[:40]!r}")
