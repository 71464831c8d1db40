import subprocess
import sys
from pathlib import Path

import pytest

from octo import __version__, cli
from octo.settings import JOBS

HEAVY = ("torch", "kfp", "kubernetes", "boto3", "pyarrow", "pydantic", "pydantic_settings", "transformers", "rich")


@pytest.fixture
def verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A verb that does what its first argument says."""
    (tmp_path / "verb_for_tests.py").write_text(
        "import importlib, os\n"
        "from octo.errors import *\n"
        "def act(arguments):\n"
        "    what, *rest = arguments\n"
        "    if what == 'return': return int(rest[0])\n"
        "    if what == 'import': importlib.import_module(rest[0])\n"
        "    if what == 'exit': raise SystemExit(rest[0])\n"
        "    if what == 'disk': raise OSError(28, 'No space left on device', rest[0])\n"
        "    raise {'usage': UsageError, 'preempted': PreemptedError, 'failed': StageFailedError, 'bug': ValueError,\n"
        "           'interrupt': KeyboardInterrupt, 'pipe': BrokenPipeError,\n"
        "           'memory': MemoryError}[what]('it went wrong')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(cli.VERBS, "act", cli.Verb("act", "verb_for_tests:act"))
    return "act"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_verb_and_every_job(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    for name in (*cli.VERBS, *JOBS):
        assert f"\n  {name} " in shown
    for job in set(JOBS) - set(cli.VERBS):
        assert JOBS.summary(job) in shown


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["rnu"]])
def test_help_version_and_a_wrong_verb_import_no_library(arguments: list[str]) -> None:
    script = (
        f"import sys; from octo.cli import main; code = main({arguments!r}); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=1500)
    assert ran.stderr.splitlines()[-1] == "[]"


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"octo {__version__}\n"


@pytest.mark.parametrize("arguments", [["curation", "--help"], ["help", "curation"]])
def test_help_of_a_job_is_its_settings(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    assert "--min-words INT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("verb_given", "sentence"),
    [
        ("rnu", "octo has no verb 'rnu': did you mean run?"),
        ("curate", "octo has no verb 'curate': did you mean curation?"),
        ("qqq", "octo has no verb 'qqq': see octo --help"),
    ],
)
def test_an_unknown_verb_names_the_nearest(verb_given: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb_given]) == 2
    assert capsys.readouterr().err == f"octo: {sentence}\n"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        (["usage"], 2, "it went wrong"),
        (["failed"], 1, "it went wrong"),
        (["preempted"], 75, "it went wrong"),
        (["interrupt"], 75, "stopped; what is committed stays: run again to resume"),
        (["bug"], 1, "this is a bug in octo: ValueError: it went wrong (--debug shows the traceback)"),
        (["pipe"], 1, "this is a bug in octo: BrokenPipeError: it went wrong (--debug shows the traceback)"),
        (
            ["memory"],
            1,
            (
                "no memory is left (it went wrong): give this process more, or less to do at once: smaller batches, "
                "fewer workers"
            ),
        ),
        (
            ["disk", "/scratch/model"],
            1,
            "no space left on this machine for /scratch/model: free some, or point TMPDIR elsewhere, then run again",
        ),
        (["exit", "said on the way out"], 1, "said on the way out"),
        (
            ["import", "a_library_for_tests"],
            1,
            "this needs the package a_library_for_tests: install octo with the extra that brings it, or all of them",
        ),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    verb: str, arguments: list[str], exit_code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([verb, *arguments]) == exit_code
    assert capsys.readouterr().err == f"octo: {sentence}\n"


def test_a_verb_decides_the_exit_code(verb: str) -> None:
    assert cli.main([verb, "return", "0"]) == 0
    assert cli.main([verb, "return", "75"]) == 75


@pytest.mark.parametrize("said", [["--debug"], []], ids=["flag", "variable"])
@pytest.mark.parametrize("kind", ["usage", "bug"])
def test_debug_shows_the_traceback_before_the_sentence(
    verb: str, kind: str, said: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not said:
        monkeypatch.setenv("OCTO_DEBUG", "true")
    cli.main([verb, kind, *said])
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback (most recent call last)")
    assert shown.splitlines()[-1].startswith("octo: ")


def test_a_reader_that_leaves_is_no_error() -> None:
    # The pipe is closed before octo writes: its whole output fits into a pipe, so only that is sure to break it.
    script = (
        "import os, subprocess, sys; reader, writer = os.pipe(); os.close(reader); "
        "ran = subprocess.run([sys.executable, '-m', 'octo.cli', '--help'], stdout=writer, stderr=subprocess.PIPE); "
        "print(ran.returncode, ran.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=1500)
    assert ran.stdout == "141 b''\n"
