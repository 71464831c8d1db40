"""What a person reads who gave octo something that it cannot use, and that nothing committed is lost by it.

Every command here is one that a user would type, on a real S3 server.
"""

import gzip
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from octo.settings.base import S3Settings
from octo.storage.artifacts import Commit, Manifest
from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.session import open_session
from octo.storage.store import Store, connect
from tests.e2e.conftest import octo
from tests.wire.careless import careless_server
from tests.wire.faults import Reply, fault_proxy

HUGE_BYTES = 100_000_000
NUM_GOOD = 40

# Runs a command as root who may not write everywhere: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE.
_BELOW_ROOT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

# Runs a command and prints the largest memory it held. Started from a process as small as this one: Linux counts the
# peak of whoever started a program as the program's own, and the test runner has torch in it.
_PEAK_OF = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """An S3 server that knows two keys: one that may do everything, one that may only read."""
    directory = tmp_path_factory.mktemp("server")
    keys = {"octo": ("octo", "may-do-everything"), "reader": ("reader", "may-only-read")}
    actions = {"octo": ["Admin", "Read", "List", "Tagging", "Write"], "reader": ["Read", "List"]}
    identities = [
        {"name": name, "credentials": [{"accessKey": access, "secretKey": secret}], "actions": actions[name]}
        for name, (access, secret) in keys.items()
    ]
    (directory / "credentials.json").write_text(json.dumps({"identities": identities}))
    with embedded_store(directory) as served:
        yield served


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("good") / "good.jsonl"
    file.write_bytes(records(NUM_GOOD))
    return file


@pytest.fixture(scope="module")
def committed(server: EmbeddedStore, good: Path) -> Store:
    """A store in which somebody has committed an artifact before."""
    store = connect(f"{server.address}/shared", server.s3)
    ran = octo(*ingest_run(store.address, f"good=file:{good}", run_id="before"), env=reaching(server.s3))
    assert ran.returncode == 0, ran.stderr
    return store


def records(count: int) -> bytes:
    return b"".join(
        json.dumps({"text": f"the document of number {number}"}).encode() + b"\n" for number in range(count)
    )


def reaching(s3: S3Settings, **changes: str) -> dict[str, str]:
    """The environment in which a command reaches that server."""
    assert s3.access_key is not None
    assert s3.secret_key is not None
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("OCTO_", "AWS_"))},
        "OCTO_S3__ENDPOINT": s3.endpoint,
        "OCTO_S3__ACCESS_KEY": s3.access_key.get_secret_value(),
        "OCTO_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
        **changes,
    }


def run_of(stage: str, store: str, settings: Mapping[str, object], *more: str, run_id: str = "run") -> list[str]:
    flags = [flag for name, value in settings.items() for flag in ("--set", f"{name}={json.dumps(value)}")]
    return ["run", "octothinker", "--only", stage, "--store", store, "--run-id", run_id, "--new", *flags, *more]


def resuming(arguments: list[str]) -> list[str]:
    return [argument for argument in arguments if argument != "--new"]


def ingest_run(store: str, *sources: str, run_id: str = "run", **settings: object) -> list[str]:
    given = {"sources": sources, "workers": 1, **settings}
    return run_of("ingest", store, {f"ingest.{name}": value for name, value in given.items()}, run_id=run_id)


def sentence_of(ended: subprocess.CompletedProcess[str], *, exit_code: int) -> str:
    """The one sentence with which a command ended, and no traceback anywhere."""
    assert ended.returncode == exit_code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    said = [line for line in ended.stderr.splitlines() if line.startswith("octo: ")]
    assert len(said) == 1, ended.stderr
    print(ended.stderr)
    return said[0]


def resume_of(said: str) -> list[str]:
    """The arguments of the command that the message names to go on with."""
    program, *arguments = shlex.split(said.partition("resume with: ")[2].splitlines()[0])
    assert program == "octo"
    return arguments


def log_of(store: Store, run_id: str) -> str:
    return "".join(store.get(key).decode() for key in store.list(f"runs/{run_id}/logs/"))


def artifacts_in(store: Store) -> dict[str, bytes]:
    return {key: store.get(key) for key in store.list("artifacts/")}


@contextmanager
def nothing_lost(store: Store) -> Iterator[None]:
    """Everything that is committed when the block begins is there, byte for byte, when it ends."""
    before = artifacts_in(store)
    assert any(key.endswith("/manifest.json") for key in before)
    yield
    after = artifacts_in(store)
    assert {key: after.get(key) for key in before} == before


def cut_parquet(directory: Path) -> Path:
    file = directory / "cut.parquet"
    pq.write_table(pa.table({"text": [f"the document of number {number}" for number in range(NUM_GOOD)]}), file)
    file.write_bytes(file.read_bytes()[:-20])
    return file


def huge_document(directory: Path) -> Path:
    """NUM_GOOD documents and one of 100 MB, which is small on the disk and written a megabyte at a time."""
    file = directory / "huge.jsonl.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(records(NUM_GOOD) + b'{"text": "')
        for _ in range(HUGE_BYTES // 1_000_000):
            stream.write(b"octopus. " * 111_111 + b" ")
        stream.write(b'"}\n')
    return file


def invalid_utf8(directory: Path, *, count: int = 10) -> Path:
    file = directory / "latin1.jsonl"
    file.write_bytes(records(NUM_GOOD) + b'{"text": "caf\xe9 au lait"}\n' * count)
    return file


def empty(directory: Path) -> Path:
    file = directory / "empty.jsonl"
    file.touch()
    return file


UNUSABLE: list[tuple[Callable[[Path], Path], dict[str, object], tuple[str, ...]]] = [
    (cut_parquet, {}, ("cut.parquet is corrupt", "Parquet magic bytes not found", "--on-bad-file skip")),
    (
        huge_document,
        {"max_bad_share": 0.01},
        ("1 of 41 records", "huge.jsonl.gz", "too_large", "longer than 10000000 bytes", "--max-bad-share"),
    ),
    (
        invalid_utf8,
        {},
        ("10 of 50 records", "20.0%, the limit is 5.0%", "invalid_utf8", "latin1.jsonl#41: byte 13", "--max-bad-share"),
    ),
    (empty, {}, ("the source bad=file:", "empty.jsonl is empty", "take it out of --sources")),
]


@pytest.mark.parametrize(("make", "settings", "said"), UNUSABLE, ids=[make.__name__ for make, _, _ in UNUSABLE])
def test_a_source_that_cannot_be_used_fails_its_stage_with_one_sentence(
    make: Callable[[Path], Path],
    settings: dict[str, object],
    said: tuple[str, ...],
    *,
    committed: Store,
    server: EmbeddedStore,
    good: Path,
    tmp_path: Path,
) -> None:
    run_id = make.__name__.replace("_", "-")
    sources = (f"good=file:{good}", f"bad=file:{make(tmp_path)}")
    with nothing_lost(committed):
        failed = octo(*ingest_run(committed.address, *sources, run_id=run_id, **settings), env=reaching(server.s3))
    check_stage_failed(failed, said, store=committed, run_id=run_id)


def test_a_corrupt_gzip_is_named_and_once_mended_the_same_run_completes(
    committed: Store, server: EmbeddedStore, good: Path, tmp_path: Path
) -> None:
    file = tmp_path / "cut.jsonl.gz"
    whole = gzip.compress(records(NUM_GOOD))
    file.write_bytes(whole[: len(whole) // 2])
    command = ingest_run(committed.address, f"good=file:{good}", f"bad=file:{file}", run_id="gzip")
    with nothing_lost(committed):
        failed = octo(*command, env=reaching(server.s3))
    said = (f"{file} is corrupt", "end-of-stream", "mend it, or skip such files with --on-bad-file skip")
    check_stage_failed(failed, said, store=committed, run_id="gzip")
    file.write_bytes(whole)
    with nothing_lost(committed):
        mended = octo(*resume_of(failed.stderr), "--json", env=reaching(server.s3))
    assert mended.returncode == 0, mended.stderr
    assert json.loads(mended.stdout)["stages"]["ingest"]["state"] == "done"


def check_stage_failed(
    ended: subprocess.CompletedProcess[str], said: tuple[str, ...], *, store: Store, run_id: str
) -> None:
    sentence = sentence_of(ended, exit_code=1)
    assert sentence.startswith("octo: stage ingest failed")
    assert all(part in sentence for part in said), sentence
    assert run_id in " ".join(resume_of(ended.stderr))
    log = log_of(store, run_id)
    assert "Traceback" not in log
    assert said[0] in log


def test_a_few_bad_records_are_set_aside_and_counted_and_a_huge_one_is_never_held(
    committed: Store, server: EmbeddedStore, tmp_path: Path
) -> None:
    sources = (f"huge=file:{huge_document(tmp_path)}", f"latin=file:{invalid_utf8(tmp_path, count=1)}")
    flags = [flag for source in sources for flag in ("--sources", source)]
    command = [sys.executable, "-c", _PEAK_OF, sys.executable, "-m", "octo.cli", "ingestion"]
    job = subprocess.run(
        [*command, "--store", committed.address, *flags],
        env=reaching(server.s3),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    address, peak = job.stdout.splitlines()[-2:]
    manifest = Manifest.model_validate_json(committed.at(address).get("manifest.json"))
    assert manifest.counters == {
        "records.in": 2 * NUM_GOOD + 2,
        "records.written": 2 * NUM_GOOD,
        "records.rejected.too_large": 1,
        "records.rejected.invalid_utf8": 1,
    }
    # Measured with the document: about 180 MB; a process that held it as well would be far above. Linux counts in KiB.
    assert int(peak) < 250_000


@pytest.mark.parametrize("directory", ["/proc/octo", "BELOW_A_FILE", "WITHOUT_PERMISSION"])
def test_a_store_that_cannot_be_written_is_refused_before_anything_starts(
    directory: str, good: Path, tmp_path: Path
) -> None:
    launcher: tuple[str, ...] = ()
    if directory == "BELOW_A_FILE":
        directory = f"{good}/store"
    elif directory == "WITHOUT_PERMISSION":
        tmp_path.chmod(0o500)
        directory = str(tmp_path)
        launcher = (sys.executable, "-c", _BELOW_ROOT)
    refused = octo(*ingest_run(directory, f"good=file:{good}"), launcher=launcher)
    sentence = sentence_of(refused, exit_code=2)
    assert f"cannot write to {directory}" in sentence
    assert "give --store a directory that can be written" in sentence
    assert not list(tmp_path.iterdir())


UNKNOWN = {"OCTO_S3__ACCESS_KEY": "nobody"}
WRONG = {"OCTO_S3__SECRET_KEY": "wrong"}
READS = {"OCTO_S3__ACCESS_KEY": "reader", "OCTO_S3__SECRET_KEY": "may-only-read"}


@pytest.mark.parametrize(
    ("command", "changes", "said"),
    [
        ("run", UNKNOWN, "refused the credentials (InvalidAccessKeyId)"),
        ("job", WRONG, "refused the credentials (SignatureDoesNotMatch)"),
        ("run", READS, "it takes a key that may read, write and list there"),
        ("job", READS, "it takes a key that may read, write and list there"),
    ],
)
def test_credentials_that_do_not_do_are_named_and_nothing_is_touched(
    command: str, changes: dict[str, str], said: str, *, committed: Store, server: EmbeddedStore, good: Path
) -> None:
    source = f"another=file:{good}"
    job = ["ingestion", "--store", committed.address, "--sources", source]
    arguments = ingest_run(committed.address, source) if command == "run" else job
    with nothing_lost(committed):
        refused = octo(*arguments, env=reaching(server.s3, **changes))
    sentence = sentence_of(refused, exit_code=1)
    assert server.s3.endpoint in sentence
    assert said in sentence
    assert "OCTO_S3__ACCESS_KEY and OCTO_S3__SECRET_KEY" in sentence
    assert not any(secret in refused.stdout + refused.stderr for secret in ("may-do-everything", "may-only-read"))


@pytest.mark.parametrize("command", ["run", "job"])
def test_a_store_without_conditional_writes_is_refused_before_anything_starts(command: str, good: Path) -> None:
    source = f"good=file:{good}"
    job = ["ingestion", "--store", "s3://octo/corpus", "--sources", source]
    arguments = ingest_run("s3://octo/corpus", source) if command == "run" else job
    with careless_server() as careless:
        s3 = S3Settings(endpoint=careless.endpoint, access_key=SecretStr("any"), secret_key=SecretStr("any"))
        refused = octo(*arguments, env=reaching(s3))
    sentence = sentence_of(refused, exit_code=1)
    assert f"{careless.endpoint} does not honour conditional writes" in sentence
    assert "use a store that does (AWS S3, SeaweedFS, a recent MinIO), or a directory as --store" in sentence
    assert "started" not in refused.stdout
    assert careless.objects == {}


@pytest.mark.parametrize(
    ("command", "text", "said"),
    [
        (["run", "octothinker"], "presett: toy", "unknown key presett: did you mean preset?"),
        (["curation"], "min_word: 50", "unknown key min_word: did you mean min_words?"),
        (["curation"], "s3:\n  endpont: http://x", "unknown key s3.endpont: did you mean s3.endpoint?"),
    ],
)
def test_a_misspelt_key_of_a_settings_file_is_said_with_the_right_one(
    command: list[str], text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    refused = octo(*command, "--store", str(tmp_path / "store"), "--settings-file", str(file))
    assert sentence_of(refused, exit_code=2) == f"octo: {file}: {said}"
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("command", ["run", "job"])
def test_debug_shows_the_traceback_before_the_sentence(
    command: str, committed: Store, server: EmbeddedStore, tmp_path: Path
) -> None:
    source = f"bad=file:{empty(tmp_path)}"
    job = ["ingestion", "--store", committed.address, "--sources", source]
    arguments = ingest_run(committed.address, source, run_id="debug") if command == "run" else job
    failed = octo(*arguments, "--debug", env=reaching(server.s3))
    assert failed.returncode == 1
    traceback, _, sentence = failed.stderr.partition("\nocto: ")
    assert traceback.startswith("Traceback")
    assert "empty.jsonl is empty" in sentence
    if command == "run":
        assert "Traceback" in log_of(committed, "debug")
        assert "InputError" in log_of(committed, "debug")


def started(arguments: list[str], environment: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "octo.cli", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(run: "subprocess.Popen[str]", number: signal.Signals, *, mark: str) -> str:
    """Send the signal; the run's sentence, once none of its processes is left. Each has `mark` in its command line."""
    sentence = stopped(run, number, mark=mark)
    assert sentence is not None
    return sentence


def stopped(run: "subprocess.Popen[str]", number: signal.Signals, *, mark: str) -> str | None:
    """The same of a run that may have come to its end before the signal: it has no sentence."""
    family = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(number)
    stdout, stderr = run.communicate(timeout=1500)
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not [process for process in psutil.process_iter() if mark in " ".join(_command_line(process))]
    if run.returncode == 0:
        return None
    assert family
    # EX_TEMPFAIL: what schedulers take for "again later".
    return sentence_of(subprocess.CompletedProcess(run.args, run.returncode, stdout, stderr), exit_code=75)


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


PROBLEMS = {"problems.sources": ["prompts=arithmetic:prompts?count=40", "evaluation=arithmetic:evaluation?count=12"]}


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_in_the_middle_of_a_commit_leaves_no_process_and_a_run_to_resume(
    workers: int, server: EmbeddedStore, good: Path
) -> None:
    store = connect(f"{server.address}/{uuid.uuid4().hex}", server.s3)
    reached, stopped = threading.Event(), threading.Event()

    def hold(_forward: Callable[[], Reply]) -> None:
        reached.set()
        stopped.wait(300)

    with fault_proxy(server.s3.endpoint) as proxy:
        sources = [f"first=file:{good}", f"second=file:{good}"]
        settings = {"ingest.sources": sources, "ingest.workers": workers}
        arguments = run_of("ingest", store.address, settings, run_id="stopped")
        environment = reaching(server.s3, OCTO_S3__ENDPOINT=proxy.endpoint)
        proxy.plan("PUT", "/commits/1.json", hold)
        with started(arguments, environment) as run:
            assert reached.wait(300)
            sentence = stop(run, signal.SIGTERM, mark=store.address)
        stopped.set()
        assert "stopped by SIGTERM" in sentence
        assert "Traceback" not in log_of(store, "stopped")
        before = {key: body for key, body in artifacts_in(store).items() if "/commits/" in key}
        again = octo(*resume_of(sentence), "--json", env=environment)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["stages"]["ingest"]["state"] == "done"
    assert {key: store.get(key) for key in before} == before
    if workers == 1:
        assert [Commit.model_validate_json(body).index for body in before.values()] == [0]


def test_ctrl_c_stops_the_embedded_store_too_and_the_same_run_resumes(good: Path, tmp_path: Path) -> None:
    settings = {**PROBLEMS, "ingest.sources": [f"good=file:{good}"], "curate.workers": 1}
    for attempt in itertools.count():
        directory = tmp_path / str(attempt)
        arguments = run_of("curate", str(directory), settings, "--parallel", "1", run_id="stopped")
        with started(arguments) as run:
            assert run.stdout is not None
            assert any(line.startswith("ingest: started") for line in run.stdout)
            # A run that was over before its signal, as on a busy machine, shows nothing about stopping.
            if (sentence := stopped(run, signal.SIGINT, mark=str(directory))) is not None:
                break
    assert "stopped by SIGINT" in sentence

    again = octo(*resume_of(sentence), "--json")
    assert again.returncode == 0, again.stderr
    states = {name: stage["state"] for name, stage in json.loads(again.stdout)["stages"].items()}
    assert states.keys() == {"problems", "ingest", "curate"}
    assert states["problems"] == "cached"
    assert set(states.values()) == {"cached", "done"}
    with open_session(str(directory), S3Settings()) as session:
        assert "Traceback" not in log_of(session.store, "stopped")


@contextmanager
def small_disk(directory: Path, *, megabytes: int) -> Iterator[tuple[Path, Callable[[int], None]]]:
    """A disk of that size, and how to make it larger; it lives in a mount namespace that ends with the block."""
    with subprocess.Popen(
        ["unshare", "--mount", "sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None

        def mount(options: str) -> None:
            print(f"mount {options} && echo mounted || echo refused", file=shell.stdin, flush=True)
            if shell.stdout.readline() != "mounted\n":
                pytest.skip("needs the right to mount a small disk")

        mount(f"-t tmpfs -o size={megabytes}m tmpfs {directory}")
        yield Path(f"/proc/{shell.pid}/root{directory}"), lambda more: mount(f"-o remount,size={more}m {directory}")


def test_a_full_disk_is_said_and_once_there_is_room_the_same_run_resumes(good: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.jsonl"
    with large.open("w") as file:
        file.writelines(json.dumps({"text": os.urandom(500_000).hex()}) + "\n" for _ in range(50))
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", megabytes=20) as (disk, enlarge):
        sources = (f"good=file:{good}", f"large=file:{large}")
        arguments = ingest_run(str(disk), *sources, run_id="full")
        sentence = sentence_of(octo(*arguments, timeout=1500), exit_code=1)
        assert "disk is most likely full" in sentence
        assert "ree some" in sentence
        enlarge(200)
        with open_session(str(disk), S3Settings()) as session:
            before = artifacts_in(session.store)
        assert [key.rpartition("/")[2] for key in before if "/commits/" in key] == ["0.json"]
        resumed = octo(*resuming(arguments), "--json")
        assert resumed.returncode == 0, resumed.stderr
        with open_session(str(disk), S3Settings()) as session:
            after = artifacts_in(session.store)
        assert {key: after[key] for key in before} == before
        assert len([key for key in after if "/parts/0-" in key]) == 2
