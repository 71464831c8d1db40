import gzip
import io
import zlib
from pathlib import Path

import pytest
from backports import zstd
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from octo.data.documents import Document, Rejected
from octo.data.files import read_path
from octo.errors import InputError

HTML = [("Content-Type", "text/html; charset=windows-1252")]


def archive(path: Path, *, gzipped: bool = True) -> Path:
    sink = io.BytesIO()
    writer = WARCWriter(sink, gzip=gzipped)

    def response(url: str, body: bytes, status: str = "200 OK", headers: list[tuple[str, str]] = HTML) -> None:
        http = StatusAndHeaders(status, headers, protocol="HTTP/1.1")
        record = writer.create_warc_record(
            url,
            "response",
            payload=io.BytesIO(body),
            http_headers=http,
            warc_headers_dict={"WARC-Date": "2024-05-01T00:00:00Z"},
        )
        writer.write_record(record)

    writer.write_record(writer.create_warcinfo_record("a.warc", {"software": "none"}))
    response("http://sea/1", "<title>T</title><p>naïve".encode("cp1252"))
    response("http://sea/2", b"moved", "301 Moved")
    response("http://sea/3", b"\x89PNG", headers=[("Content-Type", "image/png")])
    response("http://sea/4", gzip.compress(b"<p>packed"), headers=[*HTML, ("Content-Encoding", "gzip")])
    response("http://sea/5", gzip.compress(bytes(50_000)), headers=[*HTML, ("Content-Encoding", "gzip")])
    plain = writer.create_warc_record(
        "http://sea/6", "conversion", payload=io.BytesIO(b"a plain text"), warc_content_type="text/plain"
    )
    writer.write_record(plain)
    path.write_bytes(sink.getvalue())
    return path


def read(path: Path, *, skip: bool = False) -> list[Document | Rejected]:
    return list(read_path(path, label="web", max_document_bytes=10_000, skip_bad_files=skip))


@pytest.mark.parametrize(("name", "gzipped"), [("a.warc.gz", True), ("A.WARC", False)])
def test_the_pages_of_an_archive_are_documents_and_the_rest_is_set_aside(
    tmp_path: Path, name: str, *, gzipped: bool
) -> None:
    found = read(archive(tmp_path / name, gzipped=gzipped))
    documents = [each for each in found if isinstance(each, Document)]
    assert [(each.url, each.text) for each in documents] == [
        ("http://sea/1", "naïve"),
        ("http://sea/4", "packed"),
        ("http://sea/6", "a plain text"),
    ]
    assert documents[0].date == "2024-05-01T00:00:00Z"
    assert documents[0].metadata == '{"title": "T"}'
    reasons = [each.reason for each in found if isinstance(each, Rejected)]
    assert reasons == ["no_page", "no_page", "no_page", "too_large"]


@pytest.mark.parametrize(
    ("packing", "body", "found"),
    [
        ("deflate", zlib.compress(b"<p>of a zlib", wbits=-15), "of a zlib"),
        ("deflate", zlib.compress(b"<p>with a header"), "with a header"),
        ("deflate", b"<p>kept unpacked", "kept unpacked"),
        ("br", b"<p>kept unpacked too", "kept unpacked too"),
        ("identity", b"<p>as it is", "as it is"),
        ("br", b"\x0b\x02\x80<p>a\x03", "unknown_encoding"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x00", "unknown_encoding"),
        ("gzip, br", gzip.compress(b"<p>twice", mtime=0), "unknown_encoding"),
        ("gzip", b"\x1f\x8b\x00damaged", "unknown_encoding"),
    ],
)
def test_a_page_is_unpacked_or_set_aside_and_never_read_packed(
    tmp_path: Path, packing: str, body: bytes, found: str
) -> None:
    assert found_of(tmp_path, body, ("Content-Encoding", packing)) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"6\r\n<p>two\r\n6\r\n ships\r\n0\r\n\r\n", "two ships"),
        (b"<p>joined before", "joined before"),
        (b"6\r\n<p>two\r\n99\r\n ships", "two ships"),
        (b"6\r\n<p>two\r\nsix\r\n ships\r\n0\r\n\r\n", "broken_chunks"),
        (b"5\r\n<p>two\r\n6\r\n ships\r\n0\r\n\r\n", "broken_chunks"),
    ],
)
def test_no_size_of_a_chunk_stays_in_a_page(tmp_path: Path, body: bytes, found: str) -> None:
    assert found_of(tmp_path, body, ("Transfer-Encoding", "chunked")) == found


def found_of(tmp_path: Path, body: bytes, *headers: tuple[str, str]) -> str:
    """The text of a page that came with these headers, or why it is set aside."""
    sink = io.BytesIO()
    http = StatusAndHeaders("200 OK", [*HTML, *headers], protocol="HTTP/1.1")
    writer = WARCWriter(sink, gzip=False)
    writer.write_record(
        writer.create_warc_record("http://sea/1", "response", payload=io.BytesIO(body), http_headers=http)
    )
    (tmp_path / "a.warc").write_bytes(sink.getvalue())
    (page,) = read(tmp_path / "a.warc")
    return page.text if isinstance(page, Document) else page.reason


def test_an_archive_that_is_none_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(b"this is no archive\n" * 10))
    with pytest.raises(InputError, match=r"a\.warc\.gz is corrupt or cannot be read"):
        read(tmp_path / "a.warc.gz")


@pytest.mark.parametrize(("name", "gzipped"), [("a.warc.gz", True), ("a.warc", False)])
def test_an_archive_that_is_cut_short_is_corrupt_after_what_came_before(
    tmp_path: Path, name: str, *, gzipped: bool
) -> None:
    path = archive(tmp_path / name, gzipped=gzipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    found = read(path, skip=True)
    assert found[1].url == "http://sea/1"
    assert isinstance(found[-1], Rejected)
    assert found[-1].reason == "corrupt_file"
    if not gzipped:
        for cut in (2, 5, 10, 17, 100):
            path.write_bytes(whole[:-4].rpartition(b"\r\n\r\n")[0][:-cut])
            assert isinstance(read(path, skip=True)[-1], Rejected)


def test_a_record_without_an_address_or_a_type_is_set_aside(tmp_path: Path) -> None:
    sea = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    (tmp_path / "a.warc").write_bytes(sea + b"WARC/1.0\r\nContent-Length: 2\r\n\r\nhi\r\n\r\n")
    assert [each.reason for each in read(tmp_path / "a.warc") if isinstance(each, Rejected)] == ["no_page"] * 2


def records_of(tmp_path: Path) -> list[bytes]:
    """The records of an archive, packed apart, as each record of an archive is."""
    whole = archive(tmp_path / "plain.warc", gzipped=False).read_bytes()
    return [b"WARC/1.0" + each for each in whole.split(b"WARC/1.0")[1:]]


@pytest.mark.parametrize("dictionary", ["none", "plain", "packed"])
def test_an_archive_of_zstd_frames_is_read_with_the_dictionary_before_them(tmp_path: Path, dictionary: str) -> None:
    records = records_of(tmp_path)
    given = None if dictionary == "none" else zstd.train_dict(records * 20, 1_000)
    held = given.dict_content if given else b""
    held = zstd.compress(held) if dictionary == "packed" else held
    head = b"\x5d\x2a\x4d\x18" + len(held).to_bytes(4, "little") + held if given else b""
    path = tmp_path / "a.warc.zst"
    path.write_bytes(head + b"".join(zstd.compress(each, zstd_dict=given) for each in records))
    pages = [each.text for each in read(path) if isinstance(each, Document)]
    assert pages == ["naïve", "packed", "a plain text"]


@pytest.mark.parametrize("held", [b"no dictionary", zstd.compress(b"none either"), b""])
def test_a_dictionary_that_is_none_makes_a_bad_file(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "a.warc.zst"
    path.write_bytes(b"\x5d\x2a\x4d\x18" + len(held).to_bytes(4, "little") + held + zstd.compress(b"WARC/1.0"))
    with pytest.raises(InputError, match=r"a\.warc\.zst is corrupt or cannot be read"):
        read(path)


def test_requests_and_other_records_are_set_aside_and_extracted_texts_are_documents(tmp_path: Path) -> None:
    sink = io.BytesIO()
    writer = WARCWriter(sink, gzip=True)
    http = StatusAndHeaders("GET / HTTP/1.1", [("Host", "sea"), ("Content-Type", "text/html")], is_http_request=True)
    page = b"<p>a page"
    for kind, headers, body, content_type in (
        ("request", http, b"", ""),
        ("metadata", None, b"fetchTimeMs: 7", "application/warc-fields"),
        ("revisit", StatusAndHeaders("200 OK", HTML, protocol="HTTP/1.1"), b"", ""),
        ("resource", None, page, "text/html"),
        ("conversion", None, b"a text", "text/plain"),
        ("response", StatusAndHeaders("200 OK", HTML, protocol="HTTP/1.1"), page, ""),
    ):
        record = writer.create_warc_record(
            "http://sea/1", kind, payload=io.BytesIO(body), http_headers=headers, warc_content_type=content_type
        )
        writer.write_record(record)
    (tmp_path / "a.warc.gz").write_bytes(sink.getvalue())
    found = read(tmp_path / "a.warc.gz")
    assert [each.text for each in found if isinstance(each, Document)] == ["a page", "a text", "a page"]
    assert [each.detail.partition(",")[0] for each in found if isinstance(each, Rejected)] == [
        "a record of type request",
        "a record of type metadata",
        "a record of type revisit",
    ]
