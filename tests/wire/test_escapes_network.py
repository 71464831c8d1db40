"""Attacks by network. Whatever they would reach is opened here, on the loopback device; nothing is sent elsewhere."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from octo.sandbox.landlock import KEEPS_SIGNALS, version
from tests.wire.escapes import NEEDS_LAYERS, Target, stopped_by, target_of

pytestmark = NEEDS_LAYERS


@dataclass(frozen=True)
class Services:
    """What hears of a program that gets out, one for each way."""

    tcp: socket.socket
    udp: socket.socket
    file: socket.socket
    abstract: socket.socket

    @property
    def port(self) -> int:
        port: int = self.tcp.getsockname()[1]
        return port

    @property
    def path(self) -> str:
        return str(Path(self.file.getsockname()).absolute())

    @property
    def name(self) -> str:
        """Of the abstract one, behind its zero byte."""
        return bytes(self.abstract.getsockname()[1:]).decode()

    def heard(self) -> list[str]:
        """Which of them were reached."""
        return [name for name, service in vars(self).items() if _reached(service)]


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as opened:
        tcp, udp, file, abstract = (
            opened.enter_context(socket.socket(family, kind))
            for family, kind in (
                (socket.AF_INET, socket.SOCK_STREAM),
                (socket.AF_INET, socket.SOCK_DGRAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
                (socket.AF_UNIX, socket.SOCK_STREAM),
            )
        )
        tcp.bind(("127.0.0.1", 0))
        udp.bind(tcp.getsockname())
        # An absolute path may be longer than such an address.
        file.bind("service.sock")
        abstract.bind(f"\0octo-{uuid.uuid4().hex}")
        for service in (tcp, udp, file, abstract):
            service.settimeout(0)
            if service is not udp:
                service.listen()
        yield Services(tcp, udp, file, abstract)


def _reached(service: socket.socket) -> bool:
    try:
        if service.type == socket.SOCK_DGRAM:
            service.recvfrom(100)
        else:
            service.accept()[0].close()
    except BlockingIOError:
        return False
    return True


KNOCK = """
import socket
def knock(port, file, name):
    def tcp(): socket.create_connection(("127.0.0.1", port), timeout=5)
    def udp(): socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))
    def unix(address): socket.socket(socket.AF_UNIX).connect(address)
    return [attempt(tcp), attempt(udp), attempt(unix, file), attempt(unix, "\\0" + name)]
"""


def knock(services: Services) -> str:
    """A program that tries each."""
    return f"{KNOCK}\ndef attack(): return knock({services.port}, {services.path!r}, {services.name!r})"


@stopped_by("seccomp", "landlock", "namespaces")
def test_no_service_of_this_machine_is_reached(target: Target, services: Services) -> None:
    assert target.told(knock(services)) == ["EPERM"] * 4
    assert services.heard() == []


@pytest.mark.skipif(version() < KEEPS_SIGNALS, reason="a kernel whose Landlock knows no scopes")
@stopped_by("landlock", "namespaces")
def test_without_the_filter_no_service_of_this_machine_is_connected_to(services: Services) -> None:
    """Landlock, where it knows ports, and scopes; not yet what is connectionless or a socket with a path."""
    with target_of(("seccomp", "namespaces"), weaker=True) as target:
        told = target.told(knock(services))
    assert (told[0], told[3]) == ("EACCES", "EPERM")
    assert {"tcp", "abstract"}.isdisjoint(services.heard())


@stopped_by("namespaces")
def test_without_the_filter_a_world_of_its_own_has_no_such_service(services: Services) -> None:
    with target_of(("seccomp", "landlock"), weaker=True) as target:
        told = target.told(knock(services))
    assert (told[0], told[2], told[3]) == ("ECONNREFUSED", "ENOENT", "ECONNREFUSED")
    assert services.heard() == []


@stopped_by("seccomp", "namespaces")
def test_the_metadata_address_cannot_be_called_for_want_of_a_socket(target: Target) -> None:
    """What would send a first packet is never come to: there is no socket to send it by."""
    told = target.told("""
        import socket
        def attack():
            kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
            families = (socket.AF_INET, socket.AF_INET6)
            return sorted({attempt(socket.socket, family, kind) for family in families for kind in kinds})
    """)
    assert told == ["EPERM"]


@stopped_by("seccomp")
def test_no_family_of_sockets_is_open_to_it(target: Target) -> None:
    """Netlink, packets, the kernel's cryptography, virtual machines, Bluetooth and the rest: 45 families, 6 kinds."""
    told = target.told("""
        import socket
        def attack():
            return sorted({attempt(socket.socket, family, kind) for family in range(46) for kind in range(1, 7)})
    """)
    assert told == ["EPERM"]


@stopped_by("seccomp", "namespaces")
def test_libraries_that_use_the_network_find_none(target: Target, services: Services) -> None:
    told = target.told(f"""
        import asyncio, http.client, smtplib, urllib.request, xmlrpc.client
        def attack():
            where = "127.0.0.1:{services.port}"
            return [
                attempt(urllib.request.urlopen, "http://" + where),
                attempt(http.client.HTTPConnection(where).request, "GET", "/"),
                attempt(xmlrpc.client.ServerProxy("http://" + where).method),
                attempt(smtplib.SMTP, *where.split(":")),
                attempt(asyncio.run, asyncio.open_connection(*where.split(":"))),
            ]
    """)
    assert told == ["URLError", "EPERM", "EPERM", "EPERM", "EPERM"]
    assert services.heard() == []


@stopped_by("seccomp", "landlock")
def test_names_are_not_looked_up(target: Target) -> None:
    told = target.told("""
        import socket
        def attack():
            return [attempt(socket.getaddrinfo, "localhost", "http"), attempt(socket.gethostbyname, "localhost")]
    """)
    assert "done" not in told


@stopped_by("seccomp")
def test_its_own_socket_is_turned_to_nobody_else(target: Target, services: Services) -> None:
    told = target.told(f"""
        import socket, stat
        def own():
            is_socket = lambda number: attempt(os.fstat, number) == "done" and stat.S_ISSOCK(os.fstat(number).st_mode)
            return socket.socket(fileno=os.dup(next(filter(is_socket, range(3, 1 << 16)))))
        def attack():
            mine, path = own(), {services.path!r}
            return [
                attempt(mine.connect, path),
                attempt(mine.bind, "own"),
                attempt(mine.listen),
                attempt(mine.accept),
                attempt(mine.sendto, b"x", path),
                attempt(mine.sendmsg, [b"x"], [], 0, path),
            ]
    """)
    assert told == ["EPERM"] * 6
    assert services.heard() == []


@stopped_by("seccomp")
def test_no_descriptor_is_passed_over_a_socket(target: Target) -> None:
    told = target.told("""
        import socket
        def attack():
            one, other = socket.socketpair()
            return [
                attempt(socket.send_fds, one, [b"x"], [0]),
                attempt(socket.recv_fds, other, 1, 1),
                attempt(one.sendmsg, [b"x"]),
                attempt(other.recvmsg, 1),
            ]
    """)
    assert told == ["EPERM"] * 4


@stopped_by("seccomp")
def test_a_pair_of_sockets_is_good_for_talking_to_oneself_only(target: Target) -> None:
    """Those without a connection could be turned to any address."""
    told = target.told("""
        import socket
        def attack():
            one, other = socket.socketpair()
            one.sendall(b"hello")
            kinds = (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)
            return [other.recv(5).decode(), *(attempt(socket.socketpair, socket.AF_UNIX, kind) for kind in kinds)]
    """)
    assert told == ["hello", "EPERM", "EPERM", "EPERM"]


@stopped_by("seccomp")
def test_no_urgent_byte_is_sent_past_the_others(target: Target) -> None:
    """What the kernel does with it in a local socket (CVE-2025-38236) has led out of a browser's sandbox."""
    told = target.told("""
        import socket
        def attack():
            one, other = socket.socketpair()
            return [attempt(one.send, b"x", socket.MSG_OOB), attempt(other.recv, 1, socket.MSG_OOB)]
    """)
    assert told[0] == "EPERM"
    assert told[1] != "done"
