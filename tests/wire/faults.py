"""A proxy in front of an S3 server that goes wrong when told to."""

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from octo.settings.base import S3Settings
from tests.wire.serving import serving


@dataclass(frozen=True)
class Reply:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool = True
    """When not, the connection is closed after the body, whatever length was announced."""
    reset: bool = False
    """Closed by a reset, not in order."""


Forward = Callable[..., Reply]
"""Forwards the request, and its body as it came or, where one is given, another."""
Act = Callable[[Forward], Reply | None]
"""From what forwards the request to what the client gets; None closes the connection without a word."""
CHECKSUMS = ("x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-trailer")


def lose_reply(forward: Forward) -> None:
    forward()


def hang_up(forward: Forward) -> None:
    """Close the connection before the server hears of the request."""


def answer(status: int, code: str, message: str = "", **headers: str) -> Act:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return lambda _forward: Reply(
        status, (("Content-Type", "application/xml"), ("Content-Length", str(len(text))), *given), text
    )


def cut_body(forward: Forward) -> Reply:
    reply = forward()
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2], whole=False)


def shorten_body(forward: Forward) -> Reply:
    """Cut it so that nothing tells of it: the length that is announced is what comes."""
    reply = forward()
    half = reply.body[: len(reply.body) // 2]
    headers = [(name, value) for name, value in reply.headers if name != "Content-Length"]
    return Reply(reply.status, _unchecked((*headers, ("Content-Length", str(len(half))))), half)


def reset_in_body(forward: Forward) -> Reply:
    reply = forward()
    return Reply(reply.status, reply.headers, reply.body[: len(reply.body) // 2], whole=False, reset=True)


def flip_bit(forward: Forward) -> Reply:
    reply = forward()
    return Reply(reply.status, reply.headers, damaged(reply.body))


def flip_bit_unseen(forward: Forward) -> Reply:
    """The same where the store has sent no checksum."""
    reply = forward()
    return Reply(reply.status, _unchecked(reply.headers), damaged(reply.body))


def damage_what_is_sent(forward: Forward) -> Reply:
    return forward(damage=True)


def drop_keys(kept: Callable[[str], bool]) -> Act:
    """Let a listing miss the keys that are not to be kept."""

    def act(forward: Forward) -> Reply:
        reply = forward()
        entries = re.compile(rb"<Contents>.*?<Key>(.*?)</Key>.*?</Contents>", re.DOTALL)
        body = entries.sub(lambda entry: entry[0] if kept(entry[1].decode()) else b"", reply.body)
        headers = [(name, value) for name, value in reply.headers if name != "Content-Length"]
        return Reply(reply.status, (*headers, ("Content-Length", str(len(body)))), body)

    return act


def damaged(body: bytes, bit: int = 1) -> bytes:
    flipped = bytearray(body)
    if flipped:
        flipped[len(flipped) // 2] ^= bit
    return bytes(flipped)


def _unchecked(headers: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if not name.lower().startswith(CHECKSUMS))


@dataclass
class FaultProxy:
    """Forwards everything but the planned faults; each happens a number of times, in the order planned."""

    endpoint: str
    happened: list[str] = field(default_factory=list)
    chance: Callable[[str, str], Act | None] | None = None
    """What deals with a request of that method and path that nothing is planned for, if anything."""
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
        act = self.chance(method, path) if self.chance else None
        if act is not None:
            self.happened.append(f"{method} {path}")
        return act


@contextmanager
def fault_proxy(upstream: str, *, signer: S3Settings | None = None) -> Iterator[FaultProxy]:
    """A proxy; with a signer a gateway, which drops every checksum on the way and signs requests by its own key."""
    server = _Server(("127.0.0.1", 0), _Forward)
    server.proxy = FaultProxy(f"http://127.0.0.1:{server.server_port}")
    server.upstream = urlsplit(upstream).netloc
    server.signer = signer
    with serving(server):
        yield server.proxy


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Else many clients at once wait for a second, as the kernel forgets those beyond the queue."""

    def handle_error(self, *_: object) -> None:
        """A client that has gone, or whose connection was reset here, is nobody's concern."""


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Else a body waits 40 ms behind its headers."""

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
        if reply.reset:
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = self.close_connection or not reply.whole

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_request  # noqa: N815 - the names that http.server calls

    def _forward(self, body: bytes, *, damage: bool = False) -> Reply:
        sent = self._signed(damaged(body, bit=2) if damage else body)
        connection = http.client.HTTPConnection(self.server.upstream, timeout=1500)
        try:
            # The client's own Host goes along: its signature covers it.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.headers.items():
                if name.lower() not in {"expect", "connection"}:
                    connection.putheader(name, value)
            connection.endheaders(sent.data)
            response = connection.getresponse()
            skipped = {"transfer-encoding", "connection", "content-length"}
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in skipped]
            received = response.read()
            length = response.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(received))
            answered = (*headers, ("Content-Length", length))
            return Reply(response.status, _unchecked(answered) if self.server.signer else answered, received)
        finally:
            connection.close()

    def _signed(self, body: bytes) -> AWSRequest:
        signer = self.server.signer
        if signer is None:
            return AWSRequest(self.command, self.path, headers=self.headers, data=body)
        dropped = ("authorization", "x-amz-content-sha256", "x-amz-date", "expect", "connection", *CHECKSUMS)
        headers = {name: value for name, value in self.headers.items() if not name.lower().startswith(dropped)}
        url = f"http://{self.headers['Host']}{self.path}"
        signed = AWSRequest(self.command, url, headers={**headers, "Content-Length": str(len(body))}, data=body)
        keys = Credentials(signer.access_key.get_secret_value(), signer.secret_key.get_secret_value())
        S3SigV4Auth(keys, "s3", signer.region).add_auth(signed)
        return signed

    def log_message(self, *_: object) -> None:
        pass
