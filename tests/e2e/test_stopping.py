"""A run that is told to stop leaves nothing running, says how to go on, and goes on."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import octo, run_arguments


def processes_of(directory: Path) -> list[str]:
    """The store that serves the directory, and whoever else names it."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(directory) in words:
            found.append(words)
    return found


ATTEMPTS = 20
"""Runs that may be over before their signal, as on a busy machine: they show nothing about stopping."""


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """Children hear the signal, even where this process was begun deaf to it, as by nohup."""
    before = signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, before)


def stopped_run(arguments: list[str], number: signal.Signals) -> tuple[int, list[str], str, list[psutil.Process]]:
    """Signal a run when one stage is committed and another runs.

    Its exit code, the stages that it said were done, its words on stderr, and the children that it had.
    """
    with heeded(number):
        started = subprocess.Popen(
            [sys.executable, "-m", "octo.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    with started as run:
        assert run.stdout is not None
        lines = []
        for line in run.stdout:
            lines.append(line)
            if line.startswith("curate: started"):
                break
        # It has not been waited for, so its number is nobody else's, even if it has ended.
        children = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
        rest, said = run.communicate(timeout=1500)
    done = [line.partition(":")[0] for line in (*lines, *rest.splitlines()) if ": done in " in line]
    return run.returncode, done, said, children


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_ends_its_children_and_resumes(number: signal.Signals, tmp_path: Path) -> None:
    for attempt in range(ATTEMPTS):
        directory = tmp_path / f"{attempt}" / "store"
        directory.parent.mkdir()
        arguments = run_arguments(directory, "--run-id", "stopped", "--new", "--only", "tokenize")
        code, done, said, children = stopped_run(arguments, number)
        if code != 0 and "tokenize" not in done:
            break
    assert code == 75
    assert said.count("\n") == 1
    assert f"stopped by {number.name}" in said
    resume = said.partition("resume with: ")[2].split()
    assert resume[:3] == ["octo", "run", "octothinker"]
    psutil.wait_procs(children, timeout=1500)
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not processes_of(directory)

    # The command that was printed is the one that resumes.
    again = octo(*resume[1:], "--json")
    assert again.returncode == 0, again.stderr
    stages = json.loads(again.stdout)["stages"]
    # Preset, changes and --only come back from the run itself.
    assert set(stages) == {"problems", "ingest", "curate", "tokenize"}
    assert "ingest" in done
    assert {stages[name]["state"] for name in done} == {"cached"}
    assert {stage["state"] for stage in stages.values()} == {"cached", "done"}
