"""Compressed files as streams of what is in them, within a limit: a file of a kilobyte can hold a terabyte of zeros."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from backports import zstd

from octo.data.records import UnreadableError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FREE_BYTES = 256 << 20
"""What any file may give, however small it is."""
CORRUPT = (OSError, EOFError, lzma.LZMAError, zlib.error, zstd.ZstdError)
"""What a broken compressed file raises."""
_MEMORY_BYTES = 1 << 30
"""What the dictionary of an xz file may take; `xz -9` takes 64 MiB."""
_WINDOW_LOG = 31
"""zstd's longest window, of 2 GiB: what `zstd -d --long=31` reads. It takes the memory of what it has gone over."""
_FRAME, _DICTIONARY_FRAME = b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18"
"""What a zstd frame begins with, and one that web archives keep a dictionary in (IIPC, WARC with zstd, version 1.0)."""
_DICTIONARY_BYTES = 16 << 20
_READ_BYTES = 16 << 10
"""Small: what a stream leaves over is copied for the next stream, and a hostile file has one every few bytes."""
_BUFFER_BYTES = 128 << 10


class Allowance:
    """How many bytes a file may still give: so many times its size, and `FREE_BYTES` in any case."""

    def __init__(self, size: int, *, expansion: int) -> None:
        self._size = size
        self._expansion = expansion
        self._left = max(FREE_BYTES, size * expansion)

    def take(self, num_bytes: int) -> None:
        """Count what was given; UnreadableError when it is too much."""
        self._left -= num_bytes
        if self._left < 0:
            raise UnreadableError(
                f"it gives more than {FREE_BYTES >> 20} MiB, and more than {self._expansion} times its {self._size} "
                "bytes: look at it, and raise --max-file-expansion if it is what it should be"
            )


def open_stream(path: Path, compression: str, allowance: Allowance) -> io.BufferedReader:
    """What is in a file; reading raises one of `CORRUPT`, or UnreadableError."""
    if compression and path.stat().st_size == 0:
        raise EOFError("it is empty: even of nothing, something is left when it is compressed")
    return io.BufferedReader(_Metered(_OPENERS[compression](path), allowance), _BUFFER_BYTES)


class _Metered(io.RawIOBase):
    """A stream that counts what it gives."""

    def __init__(self, stream: io.RawIOBase | io.BufferedIOBase, allowance: Allowance) -> None:
        self._stream = stream
        # At most one read of what is below: what came before some damage is not lost with it.
        self._readinto = stream.readinto1 if isinstance(stream, io.BufferedIOBase) else stream.readinto
        self._allowance = allowance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        size = self._readinto(buffer) or 0
        self._allowance.take(size)
        return size

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Decompressor(Protocol):
    """What the decompressors of lzma, bz2 and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Decompressed(io.RawIOBase):
    """Compressed streams one after another, with zeros between them at most.

    The readers of the standard library take what follows a stream for its end where it is no stream: whatever lies
    behind it would be gone.
    """

    def __init__(self, path: Path, new: Callable[[], _Decompressor]) -> None:
        self._file = path.open("rb")
        self._new = new
        self._decompressor = new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        while True:
            given = self._input()
            if given is None:
                return 0
            data = self._decompressor.decompress(given, len(view))
            if data:
                view[: len(data)] = data
                return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _input(self) -> bytes | None:
        """What the decompressor is to have next; None at the end."""
        if self._decompressor.eof:
            rest = self._decompressor.unused_data.lstrip(b"\0")
            while not rest:
                read = self._file.read(_READ_BYTES)
                if not read:
                    return None
                rest = read.lstrip(b"\0")
            self._decompressor = self._new()
            return rest
        if not self._decompressor.needs_input:
            return b""
        read = self._file.read(_READ_BYTES)
        if not read:
            raise EOFError("it ends before what is compressed in it does")
        return read


def _lzma_decompressor() -> _Decompressor:
    return lzma.LZMADecompressor(memlimit=_MEMORY_BYTES)


def _zstd_decompressor(dictionary: zstd.ZstdDict | None = None) -> zstd.ZstdDecompressor:
    return zstd.ZstdDecompressor(dictionary, options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})


def _open_zstd(path: Path) -> io.RawIOBase:
    dictionary = _dictionary_before(path)
    return _Decompressed(path, lambda: _zstd_decompressor(dictionary))


def _dictionary_before(path: Path) -> zstd.ZstdDict | None:
    """The dictionary that web archives have in a frame before their records, itself compressed or not."""
    with path.open("rb") as file:
        head = file.read(8)
        if not head.startswith(_DICTIONARY_FRAME) or len(head) < 8:
            return None
        size = int.from_bytes(head[4:], "little")
        if size > _DICTIONARY_BYTES:
            raise UnreadableError(f"its dictionary has {size} bytes, the limit is {_DICTIONARY_BYTES}")
        content = file.read(size)
    if content.startswith(_FRAME):
        content = _zstd_decompressor().decompress(content, _DICTIONARY_BYTES)
    try:
        return zstd.ZstdDict(content)
    except ValueError as error:
        raise UnreadableError(f"it begins with a dictionary that is none: {error}") from None


_OPENERS: Mapping[str, Callable[[Path], io.RawIOBase | io.BufferedIOBase]] = {
    "": lambda path: path.open("rb", buffering=0),
    "gzip": lambda path: gzip.GzipFile(path, "rb"),
    "bzip2": lambda path: _Decompressed(path, bz2.BZ2Decompressor),
    "xz": lambda path: _Decompressed(path, _lzma_decompressor),
    "zstd": _open_zstd,
}
