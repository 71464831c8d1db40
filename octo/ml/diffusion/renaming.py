"""Tensors under other names: a safetensors file's header is written anew, and what it is about is copied as it is."""

import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

from octo.errors import InputError

COPIED = 1 << 22
"""Bytes that are copied at a time."""
LONGEST_HEADER = 100_000_000
"""Bytes, as the format has it."""
_LENGTH = 8
_ALIGNMENT = 8


def renamed(source: BinaryIO, rename: Callable[[str], str], *, name: str) -> Iterator[bytes]:
    """The file in pieces, its tensors renamed; nothing of it is held but the header and one piece.

    Args:
        source: a safetensors file, at its beginning.
        rename: from a tensor's name to another.
        name: of the file, to be told by.

    Raises:
        InputError: it is no safetensors file, or two tensors would have one name.
    """
    header = _header(source, name=name)
    written: dict[str, object] = {}
    for tensor, entry in header.items():
        other = tensor if tensor == "__metadata__" else rename(tensor)
        if other in written:
            raise InputError(f"{name} has two tensors for {other}, {tensor} is the second: expected one")
        written[other] = entry
    body = json.dumps(written, separators=(",", ":")).encode()
    # What follows must lie as it lay: aligned.
    body += b" " * (-len(body) % _ALIGNMENT)
    yield len(body).to_bytes(_LENGTH, "little") + body
    while piece := source.read(COPIED):
        yield piece


def _header(source: BinaryIO, *, name: str) -> dict[str, object]:
    length = int.from_bytes(source.read(_LENGTH), "little")
    if 0 < length <= LONGEST_HEADER:
        body = source.read(length)
        try:
            header = json.loads(body)
        except ValueError:
            header = None
        if len(body) == length and isinstance(header, dict):
            return header
    raise InputError(f"{name} is no whole safetensors file: it does not begin with a header of {length} bytes")
