"""The process that reads checkpoints back: one for all of them, told by a pipe, and started again when it is gone."""

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from octo.errors import IntegrityError, StorageError
from octo.storage.checkpoints import CheckpointFile
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from octo.storage.verifier import Verifier


@pytest.fixture
def verifier(store: Store, embedded: EmbeddedStore) -> Iterator[Verifier]:
    verifier = Verifier(store.address, embedded.s3)
    yield verifier
    verifier.close()


def stored(store: Store, name: str, body: bytes) -> CheckpointFile:
    sha256 = store.upload_read(name, len(body), lambda first, size: body[first : first + size])
    return CheckpointFile(name=name, holds="model", key=name, sha256=sha256, size=len(body))


def process_of(verifier: Verifier) -> "subprocess.Popen[bytes]":
    assert verifier._process is not None
    return verifier._process


def test_one_process_reads_one_checkpoint_after_the_other(store: Store, verifier: Verifier) -> None:
    one, two = stored(store, "one", b"1" * 1000), stored(store, "two", b"2" * 1000)
    verifier.verify([one, two])
    started = process_of(verifier)
    store.put("two", b"3" * 1000)
    with pytest.raises(IntegrityError, match=f"could not be read back: .*two: expected sha256 {two.sha256}, got"):
        verifier.verify([one, two])
    verifier.verify([one])
    assert process_of(verifier) is started
    verifier.close()
    assert started.returncode == -signal.SIGKILL


def test_it_needs_no_machine_learning_library() -> None:
    loaded = "import sys, octo.storage.verifier; print(*{'torch', 'safetensors', 'numpy', 'pyarrow'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", loaded], text=True) == "\n"


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSEGV])
def test_one_that_was_ended_is_started_again(store: Store, verifier: Verifier, blow: signal.Signals) -> None:
    file = stored(store, "one", b"1")
    verifier.verify([file])
    killed = process_of(verifier)
    killed.send_signal(blow)
    killed.wait()
    verifier.verify([file])
    assert process_of(verifier) is not killed


def test_signals_that_stop_who_trains_do_not_stop_it(store: Store, verifier: Verifier) -> None:
    verifier.start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Python has hardly begun in it at the first.
        process_of(verifier).send_signal(number)
    started = process_of(verifier)
    verifier.verify([stored(store, "one", b"1")])
    assert process_of(verifier) is started


def impostor(folder: Path, script: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("kill -KILL $$", "SIGKILL ended the process that reads back what was saved, before it was through"),
        ("exit 3", "exit code 3 ended the process that reads back what was saved"),
        ("read a; read b; echo nonsense; sleep 100", "answered b'nonsense"),
        ("read a; read b; echo '{\"problem\": 7}'; sleep 100", "answered"),
        ("read a; read b; tr '\\0' x < /dev/zero", "answered b'xxxx"),
        ("exec sleep 1000", "has not answered in 1 s"),
    ],
)
def test_one_that_is_hostile_hung_or_dies_each_time_costs_the_checkpoint_alone(
    store: Store,
    embedded: EmbeddedStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    said: str,
) -> None:
    is_hung = said.startswith("has not answered")
    verifier = Verifier(store.address, embedded.s3, least_seconds=1 if is_hung else 600)
    # More names than a pipe holds.
    files = [stored(store, "one", b"1").model_copy(update={"name": "n" * 1000})] * (200 if is_hung else 1)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", impostor(tmp_path, script))
        with pytest.raises(StorageError, match=said):
            verifier.verify(files)
    patient = Verifier(store.address, embedded.s3)
    patient.verify(files[:1])
    patient.close()
    verifier.close()


def test_it_dies_with_who_started_it(store: Store, embedded: EmbeddedStore) -> None:
    keys = embedded.s3
    assert keys.access_key
    assert keys.secret_key
    trainer = f"""
import os
from octo.settings.base import S3Settings
from octo.storage.verifier import Verifier
verifier = Verifier({store.address!r}, S3Settings(
    endpoint={keys.endpoint!r}, access_key={keys.access_key.get_secret_value()!r},
    secret_key={keys.secret_key.get_secret_value()!r}))
verifier.verify([])
print(verifier._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    ended = subprocess.run([sys.executable, "-c", trainer], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    with suppress(psutil.NoSuchProcess):
        # Its pipe is closed and its parent gone: whichever it hears first ends it.
        psutil.Process(int(ended.stdout)).wait()
