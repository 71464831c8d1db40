"""A run that is told to stop leaves nothing running, says how to go on, and goes on."""

import json
import signal
import subprocess
import sys
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_run_ends_its_children_and_resumes(number: signal.Signals, tmp_path: Path) -> None:
    directory = tmp_path / "store"
    arguments = run_arguments(directory, "--run-id", "stopped", "--only", "tokenize")
    with subprocess.Popen(
        [sys.executable, "-m", "octo.cli", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        # The stop comes when one stage is committed and another runs.
        for line in run.stdout:
            if line.startswith("curate: started"):
                break
        children = psutil.Process(run.pid).children(recursive=True)
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 75
    assert said.count("\n") == 1
    assert f"stopped by {number.name}" in said
    resume = said.partition("resume with: ")[2].split()
    assert resume[:3] == ["octo", "run", "octothinker"]
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not processes_of(directory)

    # The command that was printed is the one that resumes.
    again = octo(*resume[1:], "--json")
    assert again.returncode == 0, again.stderr
    stages = json.loads(again.stdout)["stages"]
    # Preset, changes and --only come back from the run itself.
    assert set(stages) == {"problems", "ingest", "curate", "tokenize"}
    assert stages["ingest"]["state"] == "cached"
    assert stages["curate"]["state"] == "done"
