"""The pages in web archives (WARC), as crawlers and Common Crawl keep them; extracted texts (WET) too.

The library takes any end of a file for the end of the archive and a record cut short for a short one, so whether all of
a record came, and what its page is packed in, is looked at here.
"""

import io
import zlib
from collections.abc import Iterator

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.limitreader import LimitReader
from warcio.recordloader import ArcWarcRecord, ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParserException

from octo.data.chunks import ChunksError, joined_chunks
from octo.data.compression import CORRUPT
from octo.data.documents import Rejected
from octo.data.html_text import Extent, read_page
from octo.data.records import Found, UnreadableError
from octo.data.time_limit import DocumentClock

NO_PAGE = "no_page"
"""Why a record of an archive is set aside that has nothing wrong with it: a request, a picture, a redirect."""
_HOLDING_PAGES = {"response", "resource", "conversion"}
_PAGES = {"text/html", "application/xhtml+xml"}
_TEXT = "text/plain"
_ZLIB_OR_GZIP, _RAW = 47, -15
_PACKINGS = {"gzip": (_ZLIB_OR_GZIP,), "x-gzip": (_ZLIB_OR_GZIP,), "deflate": (_ZLIB_OR_GZIP, _RAW)}
_UNWRITTEN = frozenset([*range(0x09), *range(0x0E, 0x1B), *range(0x1C, 0x20)])
"""Bytes that stand in no page, and in a packed one soon."""
_LOOKED_AT = 4096
_SKIP_BYTES = 1 << 16
_LOADER = ArcWarcRecordLoader(verify_http=False)


def read_archive(
    stream: io.BufferedReader, *, name: str, max_bytes: int, clock: DocumentClock, extent: Extent
) -> Iterator[Found]:
    """The pages of an archive, `name#RECORD`, with their address as `url` and their date.

    Raises:
        UnreadableError: it is broken from here on.
    """
    try:
        for number, record in enumerate(ArchiveIterator(_Strict(stream), no_record_parse=True), start=1):
            url = f"{name}#{number}"
            found = _page(record, url=url, max_bytes=max_bytes, clock=clock, extent=extent)
            _finish(record)
            yield url, found
    except (ArchiveLoadFailed, StatusAndHeadersParserException) as error:
        raise UnreadableError(str(error)) from None


class _Strict:
    """A stream whose damage the library does not take for its end, and which gives what it has before it meets it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read1(size)
        except CORRUPT as error:
            raise UnreadableError(str(error)) from None


def _page(
    record: ArcWarcRecord, *, url: str, max_bytes: int, clock: DocumentClock, extent: Extent
) -> dict[str, object] | Rejected:
    where = record.rec_headers.get_header("WARC-Target-URI") or ""
    http = _http_headers(record, where)
    kind, _, encoding = ((http or record.rec_headers).get_header("Content-Type") or "").lower().partition("charset=")
    kind = kind.partition(";")[0].strip()
    if record.rec_type not in _HOLDING_PAGES or kind not in {*_PAGES, _TEXT}:
        return Rejected(url, NO_PAGE, f"a record of type {record.rec_type}, {kind or 'of no content type'}"[:200])
    if http and http.get_statuscode() != "200":
        return Rejected(url, NO_PAGE, f"a response of status {http.get_statuscode()}"[:200])
    body = _body(record, http, max_bytes, url=url)
    if isinstance(body, Rejected):
        return body
    encoding = encoding.partition(";")[0].strip("\"' ")
    found = read_page(body, url=url, encoding=encoding, is_html=kind in _PAGES, clock=clock, extent=extent)
    if isinstance(found, Rejected):
        return found
    return {**found, "url": where, "date": record.rec_headers.get_header("WARC-Date")}


def _http_headers(record: ArcWarcRecord, where: str) -> StatusAndHeaders | None:
    if record.rec_type != "response":
        return None
    try:
        return _LOADER.load_http_headers(record.rec_type, where, record.raw_stream, record.length)
    except EOFError:
        return None


def _body(record: ArcWarcRecord, http: StatusAndHeaders | None, max_bytes: int, *, url: str) -> bytes | Rejected:
    """What a page was before it was sent."""
    try:
        body = _unpacked(record, http, max_bytes)
    except ChunksError as error:
        return Rejected(url, "broken_chunks", str(error)[:200])
    if body is None:
        packing = http and http.get_header("Content-Encoding")
        return Rejected(url, "unknown_encoding", f"it is packed as {packing!r}, and cannot be unpacked"[:200])
    return body if len(body) <= max_bytes else Rejected(url, "too_large", f"the page has more than {max_bytes} bytes")


def _unpacked(record: ArcWarcRecord, http: StatusAndHeaders | None, max_bytes: int) -> bytes | None:
    """What a page was before it was sent: more than `max_bytes` of a large one, None of what cannot be unpacked."""
    chunked = http and (http.get_header("Transfer-Encoding") or "").lower() == "chunked"
    packed = joined_chunks(record.raw_stream, max_bytes + 1) if chunked else record.raw_stream.read(max_bytes + 1)
    packing = ((http and http.get_header("Content-Encoding")) or "identity").strip().lower()
    if packing == "identity":
        return packed
    for form in _PACKINGS.get(packing, ()):
        unpacking = zlib.decompressobj(form)
        try:
            page = unpacking.decompress(packed, max_bytes + 1)
        except zlib.error:
            continue
        # What has no header may be a page itself, which begins as something packed would.
        if form != _RAW or unpacking.eof or len(page) > max_bytes:
            return page
    # Many crawlers keep the header of a page that they keep unpacked.
    return packed if _UNWRITTEN.isdisjoint(packed[:_LOOKED_AT]) else None


def _finish(record: ArcWarcRecord) -> None:
    """Go to the record's end; UnreadableError where it does not come."""
    said = record.rec_headers.get_header("Content-Length") or ""
    if not said.isdigit() or not isinstance(record.raw_stream, LimitReader):
        raise UnreadableError("a record of it does not say how long it is")
    while record.raw_stream.read(_SKIP_BYTES):
        pass
    if record.raw_stream.limit > 0:
        raise UnreadableError(f"it ends within a record, {record.raw_stream.limit} bytes before the record does")
