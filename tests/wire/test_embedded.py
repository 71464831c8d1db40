import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from octo.errors import AccessDeniedError, MissingError, UsageError
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.sockets import remove_unheard
from octo.storage.store import Store, connect

KEEP_SERVING = """
import sys
from pathlib import Path
from octo.storage.embedded import embedded_store
from octo.storage.store import connect
with embedded_store(Path(sys.argv[1])) as server:
    connect(server.address, server.s3).put("kept", b"kept")
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that serves from tmp_path, has stored `kept`, and has said its server's pid."""
    command = [sys.executable, "-c", KEEP_SERVING, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def wait_for_end(pid: int) -> None:
    """Return when the child has ended, and leave its exit status to whoever started it."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_what_is_stored_is_there_after_a_restart_with_the_same_keys(tmp_path: Path) -> None:
    with embedded_store(tmp_path) as server:
        connect(server.address, server.s3).put("key", b"value")
        first = server
    assert not first.alive()
    with embedded_store(tmp_path) as server:
        assert connect(server.address, server.s3).get("key") == b"value"
        assert server.s3.secret_key == first.s3.secret_key
        assert list(connect(server.address, server.s3).list("")) == ["key"]


def test_a_killed_server_is_seen_and_what_it_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with embedded_store(tmp_path) as server:
        assert server.alive()
        assert connect(server.address, server.s3).put_if_absent("key", b"value")
        os.kill(server.pid, signal.SIGKILL)
        wait_for_end(server.pid)
        assert not server.alive()
    with embedded_store(tmp_path) as server:
        store = connect(server.address, server.s3)
        assert store.get("key") == b"value"
        assert not store.put_if_absent("key", b"other")


def test_the_server_follows_its_parent_into_death_and_the_directory_is_free_at_once(
    tmp_path: Path, parent: "subprocess.Popen[str]"
) -> None:
    assert parent.stdout
    server = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    with embedded_store(tmp_path) as successor:
        assert connect(successor.address, successor.s3).get("kept") == b"kept"
        assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE


def test_a_second_user_of_a_directory_is_told_whose_it_is(tmp_path: Path, parent: "subprocess.Popen[str]") -> None:
    assert parent.stdout
    parent.stdout.readline()
    with pytest.raises(UsageError, match=rf"{tmp_path} is in use by process {parent.pid}: .*--store"):
        embedded_store(tmp_path).__enter__()


def test_two_directories_are_served_side_by_side(tmp_path: Path, store: Store) -> None:
    store.put("key", b"one")
    with embedded_store(tmp_path) as server, pytest.raises(MissingError):
        connect(store.address, server.s3).get("key")
    assert store.get("key") == b"one"


def test_a_directory_with_a_long_path_can_be_served(tmp_path: Path) -> None:
    with embedded_store(tmp_path / ("long" * 30)) as server:
        connect(server.address, server.s3).put("key", b"value")


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write to .*/file/store \(Not a directory\): give --store"):
        embedded_store(tmp_path / "file" / "store").__enter__()


def test_a_directory_with_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{}")
    with pytest.raises(UsageError, match=r"credentials.json does not hold the embedded store's key: remove it"):
        embedded_store(tmp_path).__enter__()


def test_without_the_server_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(UsageError, match=r"pip install 'octo\[local\]'"):
        embedded_store(tmp_path).__enter__()


def test_only_the_key_opens_the_store_and_only_its_owner_reads_the_key(embedded: EmbeddedStore) -> None:
    stranger = embedded.s3.model_copy(update={"access_key": SecretStr("stranger")})
    with pytest.raises(AccessDeniedError, match=r"InvalidAccessKeyId.*OCTO_S3__ACCESS_KEY"):
        connect(embedded.address, stranger).put("key", b"")
    credentials = embedded.log.parent / "credentials.json"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert embedded.s3.secret_key
    assert embedded.s3.secret_key.get_secret_value() not in embedded.log.read_text() + repr(embedded)


def test_the_server_listens_on_loopback_alone(embedded: EmbeddedStore) -> None:
    listening = [each.laddr.ip for each in psutil.Process(embedded.pid).net_connections() if each.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}


def test_an_unknown_bucket_is_not_made_on_the_way(embedded: EmbeddedStore) -> None:
    with pytest.raises(MissingError, match=r"no bucket for s3://unknown/key: create it"):
        connect("s3://unknown", embedded.s3).put("key", b"")


def sockets_in_tmp(directory: Path) -> list[Path]:
    return [Path(each) for each in (directory / "sockets").read_text().split()]


def test_the_servers_sockets_go_with_it_or_with_the_next_start(tmp_path: Path, parent: "subprocess.Popen[str]") -> None:
    assert parent.stdout is not None
    assert parent.stdout.readline()
    killed = sockets_in_tmp(tmp_path)
    assert sum(each.exists() for each in killed) > 0
    parent.kill()
    parent.wait()
    with embedded_store(tmp_path):
        assert not any(each.exists() for each in killed)
        ended = sockets_in_tmp(tmp_path)
        assert any(each.exists() for each in ended)
    assert not any(each.exists() for each in ended)


def test_a_socket_that_another_server_listens_at_stays(tmp_path: Path) -> None:
    heard, unheard = tmp_path / "heard.sock", tmp_path / "unheard.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listening, closing(socket.socket(socket.AF_UNIX)) as ended:
        listening.bind(str(heard))
        listening.listen()
        ended.bind(str(unheard))
        remove_unheard([heard, unheard, tmp_path / "never.sock"])
        assert (heard.exists(), unheard.exists()) == (True, False)
