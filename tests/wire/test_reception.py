"""A server that strangers cannot fill, and that says little about them."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from octo.ml.rl import reception
from octo.ml.rl.reception import HEAD_BYTES, MOST_CONNECTIONS, Reception, RefusalError, Visitor
from tests.wire.serving import serving

TOKEN = "t" * 20
LIMIT = 1000
RIGHT = f"Authorization: Bearer {TOKEN}"
MORE_THAN_ANY_BODY = 10**12


class Echo(Visitor):
    """Says the body again, when it is let."""

    let = threading.Event()

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        try:
            body = b"".join(self.blocks(self.admitted("/", LIMIT)))
        except RefusalError as refusal:
            self.refuse(refusal)
        else:
            self.let.wait()
            self.say(200, body.decode())


@pytest.fixture
def server() -> Iterator[Reception]:
    Echo.let.set()
    with serving(Reception(0, Echo, name="echo", token=TOKEN)) as server:
        yield server
        Echo.let.set()


@contextmanager
def visit(server: Reception, *head: str, body: bytes = b"") -> Iterator[socket.socket]:
    """A connection on which a request's head has been sent, where one is given, and some of a body."""
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as connection:
        if head:
            connection.sendall("\r\n".join(["POST / HTTP/1.1", *head, "", ""]).encode() + body)
        yield connection


def answer(connection: socket.socket) -> tuple[str, str]:
    """The status line and the body, once the server has closed."""
    with connection.makefile("rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    return head.decode().partition("\r\n")[0].removeprefix("HTTP/1.0 "), body.decode()


def asked(server: Reception, *head: str, body: bytes = b"") -> tuple[str, str]:
    with visit(server, *head, body=body) as connection:
        connection.shutdown(socket.SHUT_WR)
        return answer(connection)


def hang_up(connection: socket.socket) -> None:
    """Without a word: what is on its way is dropped, and the server told that nobody is there."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def await_visits(server: Reception, holds: Callable[[int], bool]) -> None:
    with server._changed:
        assert server._changed.wait_for(lambda: holds(len(server._visits)), timeout=1500)


def test_who_has_the_token_is_answered(server: Reception) -> None:
    assert asked(server, RIGHT, "Content-Length: 5", body=b"hello") == ("200 OK", "hello")


@pytest.mark.parametrize("token", ["", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", f"Bearer {TOKEN}\xe9"])
def test_a_stranger_is_refused_before_a_byte_of_its_body_is_there(server: Reception, token: str) -> None:
    with visit(server, f"Authorization: {token}", f"Content-Length: {MORE_THAN_ANY_BODY}") as connection:
        received = connection.recv(1 << 16)
    assert received.startswith(b"HTTP/1.0 401 ")


def test_a_stranger_reads_its_answer_though_it_has_sent_what_nobody_reads(server: Reception) -> None:
    with visit(server, f"Content-Length: {MORE_THAN_ANY_BODY}", body=bytes(1 << 20)) as connection:
        connection.shutdown(socket.SHUT_WR)
        status, body = answer(connection)
    assert (status, body) == ("401 Unauthorized", "the request has not the token of this worker's artifact")


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("X: y", "411 Length Required"),
        ("Content-Length: -1", "411 Length Required"),
        ("Content-Length: five", "411 Length Required"),
        (f"Content-Length: {LIMIT + 1}", "413 Request Entity Too Large"),
        (f"Content-Length: {'9' * 6000}", "413 Request Entity Too Large"),
    ],
)
def test_a_body_of_no_or_too_great_a_length_is_refused_unread(server: Reception, length: str, status: str) -> None:
    assert asked(server, RIGHT, length)[0] == status


def test_a_body_that_ends_early_is_damaged(server: Reception) -> None:
    status, said = asked(server, RIGHT, "Content-Length: 5", body=b"hel")
    assert (status, said) == ("400 Bad Request", "the request ended 2 bytes early")


def test_a_head_has_a_largest_size_however_it_is_spread_over_lines(server: Reception) -> None:
    lines = [f"X-{number}: {'y' * 90}" for number in range(HEAD_BYTES // 90)]
    assert asked(server, RIGHT, *lines)[0].startswith("431 ")
    assert asked(server, RIGHT, f"X: {'y' * HEAD_BYTES}")[0].startswith("431 ")


def test_hundreds_of_silent_connections_take_few_threads_and_nobody_s_place(server: Reception) -> None:
    before = threading.active_count()
    with ExitStack() as silent:
        for number in range(400):
            connection = silent.enter_context(visit(server))
            if number % 2:
                connection.sendall(b"POST / HT")
        assert threading.active_count() - before <= MOST_CONNECTIONS
        assert asked(server, RIGHT, "Content-Length: 2", body=b"hi") == ("200 OK", "hi")
    await_visits(server, lambda number: number == 0)


def test_who_is_admitted_is_not_sent_away_for_a_newcomer(server: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "MOST_CONNECTIONS", 2)
    Echo.let.clear()
    with ExitStack() as admitted:
        connections = [admitted.enter_context(visit(server, RIGHT, "Content-Length: 1", body=b"a")) for _ in range(2)]
        with server._changed:
            assert server._changed.wait_for(
                lambda: [visit.stranger for visit in server._visits.values()] == [False, False], timeout=1500
            )
        with visit(server) as newcomer:
            assert newcomer.recv(1) == b""
        Echo.let.set()
        assert [answer(connection) for connection in connections] == [("200 OK", "a")] * 2


@pytest.mark.parametrize("sent", [b"", b"POST", b"POST / HTTP/1.1\r\nAuthorization: Bea"])
def test_a_head_that_never_ends_is_ended(server: Reception, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "HEAD_SECONDS", 0.01)
    with visit(server) as connection:
        connection.sendall(sent)
        while connection.recv(1 << 10):
            pass


def test_a_body_that_comes_too_slowly_is_ended(server: Reception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "SILENT_SECONDS", 0.01)
    with visit(server, RIGHT, "Content-Length: 5", body=b"h") as connection:
        while connection.recv(1 << 10):
            pass


@pytest.mark.parametrize("body", [b"", b"hel"])
def test_a_hang_up_is_one_line(server: Reception, body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with visit(server, RIGHT, "Content-Length: 5", body=body) as connection:
        await_visits(server, lambda number: number == 1)
        hang_up(connection)
    await_visits(server, lambda number: number == 0)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("echo: 127.0.0.1 hung up: ")


def test_who_leaves_in_silence_is_no_line(server: Reception, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        with visit(server):
            pass
    await_visits(server, lambda number: number == 0)
    assert capsys.readouterr().err == ""
