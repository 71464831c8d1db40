"""An HTTP server that nobody can fill: how many may speak to it at once, for how long, and who is heard out.

A connection is a stranger's until a request on it has shown the token. Strangers have a few seconds for a few
kilobytes, and the one that has been there longest makes room when all places are taken.
"""

import hmac
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from octo.errors import OctoError
from octo.ml.rl.protocol import DAMAGED, LATE, STRANGER, TOO_LARGE
from octo.shown import shown

MOST_CONNECTIONS = 64
"""A learner has one; the rest is air for probes. Each is a thread while it lasts."""
HEAD_SECONDS = 10.0
"""For a request's head, however it trickles in."""
HEAD_BYTES = 16 * 2**10
SILENT_SECONDS = 60
"""An admitted connection on which nothing moves for so long is closed."""
SLOWEST = 2**20
"""Bytes a second: a body or an answer has the time that it takes at this rate, and `SILENT_SECONDS` more."""
LINGER_SECONDS = 2.0
"""For whoever was refused to read the answer, while what it still sends is dropped."""
ROOM_SECONDS = 1.0
"""For a thread whose connection was ended to be gone."""
MOST_DIGITS = 15
BLOCK = 2**20


class RefusalError(OctoError):
    """A request that is answered with a sentence instead."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class Visit:
    """A connection while it lasts."""

    until: float
    """On the monotonic clock."""
    stranger: bool = True


class Reception(ThreadingTCPServer):
    """Accepts connections, never more than there are places."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = MOST_CONNECTIONS

    def __init__(self, port: int, visitor: type[BaseRequestHandler], *, name: str, token: str) -> None:
        self.authorization = f"Bearer {token}".encode()
        self._name = name
        self._visits: dict[socket.socket, Visit] = {}
        """By connection, the oldest first."""
        self._changed = threading.Condition()
        super().__init__(("", port), visitor)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a place and a thread; it is closed where every place is a known learner's."""
        with self._changed:
            if len(self._visits) >= MOST_CONNECTIONS and not self._make_room():
                self.shutdown_request(request)
                return
            self._visits[request] = Visit(until=time.monotonic() + HEAD_SECONDS)
            self._changed.notify_all()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and let the next have its place."""
        super().shutdown_request(request)
        with self._changed:
            self._visits.pop(request, None)
            self._changed.notify_all()

    def service_actions(self) -> None:
        """End what has taken too long; called several times a second."""
        now = time.monotonic()
        with self._changed:
            for connection, visit in self._visits.items():
                if visit.until < now:
                    _end(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """One line for a connection that broke."""
        error = sys.exception()
        how = "hung up" if isinstance(error, OSError) else "sent what could not be answered"
        sys.stderr.write(shown(f"{self._name}: {client_address[0]} {how}: {type(error).__name__}: {error}") + "\n")

    def allow(self, connection: socket.socket, seconds: float, *, admitted: bool = True) -> None:
        """Give a connection so much time from now on."""
        with self._changed:
            if visit := self._visits.get(connection):
                visit.until = time.monotonic() + seconds
                visit.stranger = visit.stranger and not admitted
                self._changed.notify_all()

    def _make_room(self) -> bool:
        strangers = (connection for connection, visit in self._visits.items() if visit.stranger)
        oldest = next(strangers, None)
        if oldest is None:
            return False
        _end(oldest)
        return self._changed.wait_for(lambda: len(self._visits) < MOST_CONNECTIONS, ROOM_SECONDS)


class Visitor(BaseHTTPRequestHandler):
    """One request on one connection: its head is bounded, its token is asked for before its body is read."""

    server: Reception
    raw_requestline: bytes
    timeout = SILENT_SECONDS

    def parse_request(self) -> bool:
        """Read no more of a head than anybody needs, then parse it."""
        connection = self.rfile
        self.rfile = BytesIO(head := self._head())
        try:
            if len(head) + len(self.raw_requestline) > HEAD_BYTES:
                self.requestline, self.request_version, self.command = "", "", ""
                self.send_error(431)
                return False
            return super().parse_request()
        finally:
            self.rfile = connection

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name for it
        """Nothing: spans say what was asked."""

    def admitted(self, path: str, limit: int) -> int:
        """The size of the body that follows, once whoever sends it there has shown the token."""
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.authorization):
            raise RefusalError(STRANGER, "the request has not the token of this worker's artifact")
        if self.path != path:
            raise RefusalError(404, f"nothing is at {self.path}")
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal():
            raise RefusalError(411, "a request must say its Content-Length")
        if len(text) > MOST_DIGITS or int(text) > limit:
            raise RefusalError(TOO_LARGE, f"{text[:MOST_DIGITS]} bytes are more than the {limit} that are taken here")
        self.server.allow(self.connection, _time_for(int(text)))
        return int(text)

    def blocks(self, size: int) -> Iterator[bytes]:
        """The body, which is never held as a whole; then the connection has the time that an answer takes to make."""
        while size:
            try:
                block = self.rfile.read(min(BLOCK, size))
            except TimeoutError:
                raise RefusalError(LATE, f"the request was silent for {SILENT_SECONDS} s, {size} bytes early") from None
            if not block:
                raise RefusalError(DAMAGED, f"the request ended {size} bytes early")
            size -= len(block)
            yield block
        self.server.allow(self.connection, float("inf"))

    def say(self, status: int, text: str) -> None:
        """Answer."""
        body = text.encode(errors="replace")
        self.server.allow(self.connection, _time_for(len(body)), admitted=False)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, refusal: RefusalError) -> None:
        """Answer with a sentence; what is still being sent is dropped for a moment, or the answer would be lost."""
        self.say(refusal.status, str(refusal))
        self.server.allow(self.connection, LINGER_SECONDS, admitted=False)
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(BLOCK):
                pass

    def _head(self) -> bytes:
        """The lines to the empty one, or a little more than is allowed."""
        head = b""
        while len(head) <= HEAD_BYTES:
            head += (line := self.rfile.readline(HEAD_BYTES + 1))
            if line in (b"\r\n", b"\n", b""):
                break
        return head


def _time_for(size: int) -> float:
    return SILENT_SECONDS + size / SLOWEST


def _end(connection: socket.socket) -> None:
    """Whoever reads from it or writes to it finds it closed."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
