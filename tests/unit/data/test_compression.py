import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from octo.data import compression
from octo.data.compression import CORRUPT, Allowance, open_stream
from octo.data.records import UnreadableError

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
}
every_compression = pytest.mark.parametrize("name", COMPRESS)
BODY = b"".join(b"line %d\n" % number for number in range(5_000))


def read(path: Path, name: str, *, expansion: int = 1_000) -> bytes:
    with open_stream(path, name, Allowance(path.stat().st_size, expansion=expansion)) as stream:
        return stream.read()


def put(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


@every_compression
def test_streams_one_after_another_are_one_content(tmp_path: Path, name: str) -> None:
    compress = COMPRESS[name]
    body = compress(BODY) + compress(b"") + b"\0" * 4 + compress(b"the end")
    assert read(put(tmp_path / "a", body), name) == BODY + b"the end"


@every_compression
def test_what_follows_and_is_no_stream_is_an_error_and_not_the_end(tmp_path: Path, name: str) -> None:
    with pytest.raises(CORRUPT):
        read(put(tmp_path / "a", COMPRESS[name](BODY) + b"more"), name)


@every_compression
@pytest.mark.parametrize("cut", [1, 9, 10_000])
def test_a_file_that_is_cut_short_is_an_error_however_short(tmp_path: Path, name: str, cut: int) -> None:
    body = COMPRESS[name](BODY)
    with pytest.raises(CORRUPT):
        read(put(tmp_path / "a", body[: max(0, len(body) - cut)]), name)


@every_compression
def test_a_small_file_of_much_is_given_up_where_it_passes_its_allowance(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 1 << 20)
    path = put(tmp_path / "a", COMPRESS[name](bytes(8 << 20)))
    assert len(read(path, name, expansion=1_000_000)) == 8 << 20
    with open_stream(path, name, Allowance(1, expansion=10)) as stream:
        assert len(stream.read(1 << 19)) == 1 << 19
        with pytest.raises(
            UnreadableError, match=r"more than 1 MiB, and more than 10 times its 1 bytes.*--max-file-exp"
        ):
            stream.read()


def test_a_large_file_may_give_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 10)
    allowance = Allowance(100, expansion=3)
    allowance.take(300)
    with pytest.raises(UnreadableError):
        allowance.take(1)


@pytest.mark.parametrize("window_log", [27, 30, 31])
def test_a_long_window_of_zstd_is_read(tmp_path: Path, window_log: int) -> None:
    options = {
        zstd.CompressionParameter.window_log: window_log,
        zstd.CompressionParameter.enable_long_distance_matching: 1,
    }
    body = io.BytesIO()
    with zstd.open(body, "wb", options=options) as stream:
        stream.write(BODY)
    assert read(put(tmp_path / "a", body.getvalue()), "zstd") == BODY
