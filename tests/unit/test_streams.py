"""Every command that prints, where nothing can be printed: its exit code is the conventional one."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from octo import cli
from octo.cluster.step import _write
from octo.confirmation import confirm
from octo.errors import InputError, OutputError
from octo.outcome import Command, concluded
from octo.pipelines.compile_command import compile_command
from octo.settings import JOBS

FULL = "octo: standard output cannot be written: No space left on device; what is committed stays\n"
CLOSED = "octo: standard output cannot be written: Bad file descriptor; what is committed stays\n"
PRINTING = [
    [],
    ["--version"],
    ["completion", "bash"],
    ["plan", "octothinker", "--only", "curate"],
    ["plan", "octothinker", "--only", "curate", "--json"],
    ["render", "ingestion", "--sources", "prompts=arithmetic:prompts?count=2", "--store", "s3://octo/team"],
    *([name, "--help"] for name in (*cli.VERBS, *JOBS)),
]


ENDS = {"full": (74, FULL), "closed": (74, CLOSED), "nobody reads": (141, "")}
"""How a command ends that prints on such an output."""


@contextmanager
def output(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if kind == "full":
        descriptor = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, descriptor = os.pipe()
        os.close(reading)
    with os.fdopen(descriptor, "w") as stream, monkeypatch.context() as patch:
        # Where the descriptor was closed before it began, Python has no stream.
        patch.setattr(sys, "stdout", None if kind == "closed" else stream)
        yield


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_command_that_cannot_print_says_so_by_its_exit_code(
    arguments: list[str],
    kind: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with output(kind, monkeypatch):
        exit_code = cli.main(arguments)
    assert (exit_code, capsys.readouterr().err) == ENDS[kind]


@pytest.mark.parametrize(
    ("redirection", "exit_code", "said"),
    [(">&-", 74, CLOSED), (">/dev/full", 74, FULL), (">/dev/full 2>/dev/full", 74, ""), ("2>&-", 0, "")],
)
def test_a_shell_is_told_what_it_expects(redirection: str, exit_code: int, said: str) -> None:
    script = f"{sys.executable} -m octo.cli --version {redirection}"
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=1500)
    assert (ran.returncode, ran.stderr) == (exit_code, said)


@pytest.mark.parametrize("kind", ENDS)
def test_an_error_is_worth_more_than_the_output_that_was_lost(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_arguments: Sequence[str]) -> int:
        print("the beginning")
        raise InputError("a shard is empty")

    with output(kind, monkeypatch):
        exit_code = concluded(fail, [])
    assert (exit_code, capsys.readouterr().err) == (1, "octo: a shard is empty\n")


def test_whoever_asks_where_there_is_no_standard_input_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        assert concluded(lambda _: confirm("Really?", yes=False) or 0, []) == 2
    assert capsys.readouterr().err == "octo: Really? There is no terminal to ask on: say --yes\n"


def test_what_the_output_has_no_letters_for_is_spelt_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert concluded(lambda _: print("naïve") or 0, []) == 0
    assert (tmp_path / "out").read_bytes() == b"na\\xefve\n"


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(compile_command, ["octothinker", "-o", "/dev/full"]), (compile_command, ["diffucoder", "--output=/dev/full"])],
)
def test_a_file_that_is_full_is_no_bug_of_octos(
    command: Command, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert concluded(command, arguments) == 74
    assert (
        capfd.readouterr().err
        == "octo: /dev/full cannot be written: No space left on device; what is committed stays\n"
    )


def test_what_a_step_is_asked_to_leave_behind_ends_it_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file cannot be made: .*; what is committed stays"):
        _write(tmp_path / "file" / "address", "s3://b/a")
    with pytest.raises(OutputError, match=r"/dev/full cannot be written: No space left on device"):
        _write(Path("/dev/full"), "s3://b/a")
