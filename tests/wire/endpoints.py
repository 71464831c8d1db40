"""A service of chat completions that goes wrong when told to, and remembers what it was asked."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from octo.llm.stand_in import completion

Act = Callable[["Handler", dict[str, Any]], None]


class FaultyEndpoint(ThreadingHTTPServer):
    """Does what is planned, request by request, and answers as the stand-in does when nothing is."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, *, always: Act | None = None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.plan: deque[Act] = deque()
        self.always = always
        self.asked: list[dict[str, Any]] = []
        self.answered: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.lock = threading.Lock()
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def act(self) -> Act:
        with self.lock:
            return self.plan.popleft() if self.plan else self.always or answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what it is for."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultyEndpoint

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append(request)
            self.server.keys.append(self.headers.get("Authorization", ""))
        self.server.act()(self, request)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass

    def say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def answer(handler: Handler, request: dict[str, Any]) -> None:
    body = json.dumps(completion(request)).encode()
    with handler.server.lock:
        handler.server.answered.append(request)
    handler.say(200, body)


def saying(text: str, **more: Any) -> Act:
    def act(handler: Handler, request: dict[str, Any]) -> None:
        reply = completion(request) | more
        reply["choices"][0]["message"]["content"] = text
        handler.say(200, json.dumps(reply).encode())

    return act


def status(code: int, text: str = "no", **headers: str) -> Act:
    return lambda handler, _request: handler.say(code, text.encode(), **headers)


def html(handler: Handler, _request: dict[str, Any]) -> None:
    handler.say(200, b"<!doctype html><title>Sign in</title>", Content_Type="text/html")


def cut(handler: Handler, request: dict[str, Any]) -> None:
    """Half of a reply, and the connection is gone."""
    body = json.dumps(completion(request)).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


def reset(handler: Handler, _request: dict[str, Any]) -> None:
    handler.close_connection = True


def twice(handler: Handler, request: dict[str, Any]) -> None:
    """One reply after the other in one body."""
    handler.say(200, 2 * json.dumps(completion(request)).encode())


def hang(handler: Handler, _request: dict[str, Any]) -> None:
    handler.server.released.wait()
    handler.close_connection = True


def trickle(handler: Handler, _request: dict[str, Any]) -> None:
    """A byte now and then, without an end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.released.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()
    handler.close_connection = True


@contextmanager
def endpoint(port: int = 0, *, always: Act | None = None) -> Iterator[FaultyEndpoint]:
    server = FaultyEndpoint(port, always=always)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
