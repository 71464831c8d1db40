"""A Kubernetes API server on loopback, for kubectl and the Python client, that goes wrong when told to."""

import json
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.discovery import discovered
from tests.wire.kubernetes.faults import Fault
from tests.wire.kubernetes.objects import Refusal
from tests.wire.kubernetes.routing import Answer, Request, answer
from tests.wire.serving import serving


@contextmanager
def api_server(tls: ssl.SSLContext | None = None) -> Iterator[FakeCluster]:
    http_server = _Server(("127.0.0.1", 0), _Connection)
    if tls:
        # The handshake is the connection's thread's to do.
        http_server.socket = tls.wrap_socket(http_server.socket, server_side=True, do_handshake_on_connect=False)
    http_server.request_queue_size = 128
    api = FakeCluster(f"http://127.0.0.1:{http_server.server_port}")
    http_server.api = api
    with serving(http_server):
        try:
            yield api
        finally:
            api.stopped = True
            api.cut_streams()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Clients hang up, and distrust."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it every answer of two writes waits for the client's acknowledgement of the first.
    disable_nagle_algorithm = True

    def handle_request(self) -> None:
        api: FakeCluster = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        api.requests.append(f"{self.command} {self.path}")
        fault = api.faults.take(self.command, self.path)
        if fault.wait:
            fault.wait.wait(300)
        if api.down or fault.hang_up:
            self.close_connection = True
            return
        if fault.refusal:
            extra = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            self._send(_refused(fault.refusal, extra))
            return
        answered = self._answer(api, body)
        if fault.lost:
            self.close_connection = True
        elif answered.stream is not None:
            self._stream(answered, fault)
        else:
            self._send(answered)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_request  # noqa: N815 - the names that http.server calls

    def _answer(self, api: FakeCluster, body: bytes) -> Answer:
        parts = urlsplit(self.path)
        path = parts.path.rstrip("/")
        if api.token and self.headers.get("Authorization") != f"Bearer {api.token}":
            return _refused(Refusal(401, "Unauthorized", "Unauthorized"), {})
        if document := discovered(path, api.resources) if self.command == "GET" else None:
            return Answer(200, json.dumps(document).encode())
        content_type = self.headers.get("Content-Type", "")
        try:
            return answer(api, Request(self.command, path, dict(parse_qsl(parts.query)), body, content_type))
        except Refusal as refusal:
            return _refused(refusal, {})

    def _send(self, answered: Answer) -> None:
        self.send_response_only(answered.code)
        self.send_header("Content-Type", answered.content_type)
        self.send_header("Content-Length", str(len(answered.body)))
        for name, value in answered.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answered.body)

    def _stream(self, answered: Answer, fault: Fault) -> None:
        self.send_response_only(answered.code)
        self.send_header("Content-Type", answered.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        try:
            whole = self._send_lines(answered.stream, fault)
            if whole:
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.close_connection = True
        except OSError:
            # The client has heard enough.
            self.close_connection = True

    def _send_lines(self, stream: Iterable[bytes], fault: Fault) -> bool:
        cut = self.server.api.stream_is_cut()
        for sent, line in enumerate(stream):
            if cut() or sent == fault.lines:
                return fault.in_order
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            self.wfile.flush()
        return not cut()

    def log_message(self, *_: Any) -> None:
        pass


def _refused(refusal: Refusal, headers: dict[str, str]) -> Answer:
    """A Status object, or plain text where not even the path is known."""
    if not refusal.reason:
        return Answer(refusal.code, refusal.message.encode(), "text/plain", headers=headers)
    return Answer(refusal.code, json.dumps(refusal.status()).encode(), headers=headers)
