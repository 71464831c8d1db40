"""A little S3 server that does not honour conditional writes, or only some of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from octo.storage.probe import RIVALS
from tests.wire.serving import serving


@dataclass
class Careless:
    """What the server honours: nothing; `put`; `put` and `completion`. In a race all rivals see an absent object."""

    honoured: frozenset[str]
    refusal: tuple[int, str] | None = None
    """What it says to a condition that it does not know, instead of ignoring it."""
    endpoint: str = ""
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    all_have_looked: threading.Barrier = field(default_factory=lambda: threading.Barrier(RIVALS, timeout=1500))


@contextmanager
def careless_server(*honoured: str, refusal: tuple[int, str] | None = None) -> Iterator[Careless]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    server.request_queue_size = RIVALS
    server.state = Careless(frozenset(honoured), refusal, f"http://127.0.0.1:{server.server_port}")
    with serving(server):
        yield server.state


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        state, key, query = self._request()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "partNumber" in query:
            return self._reply(200, {"ETag": '"part"'})
        if "If-None-Match" in self.headers:
            if state.refusal:
                return self._refuse(*state.refusal)
            exists = "put" in state.honoured and key in state.objects
            if key.endswith("/race"):
                state.all_have_looked.wait()
            if exists:
                return self._refuse(412, "PreconditionFailed")
        state.objects[key] = body, self.headers.get("x-amz-meta-octo-writer", "")
        return self._reply(200, {"ETag": '"whole"'})

    def do_POST(self) -> None:
        state, key, query = self._request()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "uploadId" not in query:
            upload = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
            return self._reply(200, {}, upload)
        if "completion" in state.honoured and key in state.objects:
            return self._refuse(412, "PreconditionFailed")
        state.objects[key] = b"from parts", ""
        return self._reply(200, {}, b"<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")

    def do_GET(self) -> None:
        state, key, _ = self._request()
        if key not in state.objects:
            return self._refuse(404, "NoSuchKey")
        body, writer = state.objects[key]
        headers = {
            "ETag": '"whole"',
            "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT",
            "x-amz-meta-octo-writer": writer,
        }
        return self._reply(200, headers, body)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def do_DELETE(self) -> None:
        state, key, query = self._request()
        if "uploadId" not in query:
            state.objects.pop(key, None)
        self._reply(204, {})

    def _request(self) -> tuple[Careless, str, str]:
        key, _, query = self.path.partition("?")
        return self.server.state, key, query

    def _refuse(self, status: int, code: str) -> None:
        self._reply(status, {}, f"<Error><Code>{code}</Code></Error>".encode())

    def _reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
