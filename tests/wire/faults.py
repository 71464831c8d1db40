"""A proxy in front of an S3 server that goes wrong when told to."""

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.wire.serving import serving


@dataclass(frozen=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool = True
    """When not, the connection is closed after the body, whatever length was announced."""


Act = Callable[[Callable[[], Reply]], Reply | None]
"""From what forwards the request to what the client gets; None closes the connection without a word."""


def lose_reply(forward: Callable[[], Reply]) -> None:
    forward()


def hang_up(forward: Callable[[], Reply]) -> None:
    """Close the connection before the server hears of the request."""


def answer(status: int, code: str, message: str = "") -> Act:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    return lambda _forward: Reply(
        status, (("Content-Type", "application/xml"), ("Content-Length", str(len(text)))), text
    )


def cut_body(forward: Callable[[], Reply]) -> Reply:
    reply = forward()
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2], whole=False)


def flip_bit(forward: Callable[[], Reply]) -> Reply:
    reply = forward()
    body = bytearray(reply.body)
    body[len(body) // 2] ^= 1
    return Reply(reply.status, reply.headers, bytes(body))


@dataclass
class FaultProxy:
    """Forwards everything but the planned faults; each happens a number of times, in the order planned."""

    endpoint: str
    happened: list[str] = field(default_factory=list)
    _planned: list[tuple[str, str, Act]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, method: str, key: str, act: Act, *, times: int = 1) -> None:
        """Let `act` deal with the next requests of that method whose path and query hold `key`."""
        with self._lock:
            self._planned += [(method, key, act)] * times

    def take(self, method: str, path: str) -> Act | None:
        with self._lock:
            for position, (planned_method, key, act) in enumerate(self._planned):
                if planned_method == method and key in path:
                    del self._planned[position]
                    self.happened.append(f"{method} {path}")
                    return act
        return None


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Forward)
    server.proxy = FaultProxy(f"http://127.0.0.1:{server.server_port}")
    server.upstream = urlsplit(upstream).netloc
    with serving(server):
        yield server.proxy


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        act = self.server.proxy.take(self.command, self.path)
        forward = partial(self._forward, body)
        reply = act(forward) if act else forward()
        if reply is None:
            self.close_connection = True
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = self.close_connection or not reply.whole

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_request  # noqa: N815 - the names that http.server calls

    def _forward(self, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(self.server.upstream, timeout=1500)
        try:
            # The client's own Host goes along: its signature covers it.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in {"expect", "connection"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            skipped = {"transfer-encoding", "connection", "content-length"}
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in skipped]
            received = response.read()
            length = response.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(received))
            return Reply(response.status, (*headers, ("Content-Length", length)), received)
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        pass
