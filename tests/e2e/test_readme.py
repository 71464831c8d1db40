"""Every command that README shows is run here, or for what takes minutes, found to exist."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import TINY, Finished, octo
from tests.e2e.test_diffucoder import TINY as DIFFUCODER_TINY

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```bash\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
COMMANDS = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines() if line.strip()]
SIZES = {"octothinker": [flag for change in TINY for flag in ("--set", change)], "diffucoder": DIFFUCODER_TINY}
ON_A_CLUSTER = {"submit", "ps", "logs", "status", "cancel", "render"}
"""Verbs whose commands tests/wire/test_readme_cluster.py runs, against a cluster."""


def verb_of(command: str) -> str:
    return shlex.split(command)[1]


def test_readme_shows_the_two_commands_first() -> None:
    assert COMMANDS[:2] == ["make demo", "make test"]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make")])
def test_every_make_command_exists(command: str) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", "--directory", str(ROOT), *shlex.split(command)[1:]],
        check=False,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert planned.returncode == 0, planned.stderr


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.startswith(".venv/bin/octo") and verb_of(command) not in ON_A_CLUSTER],
)
def test_every_octo_command_works(command: str, finished: Finished, coders: Path, tmp_path: Path) -> None:
    words = [meant(word, finished, tmp_path) for word in shlex.split(command)[1:]]
    if "--help" not in words and words[0] != "compile":
        words += ["--store", str(coders / "store" if "diffucoder" in words else finished.directory)]
    if words[0] == "run":
        # At the size of these tests; what README's line sets comes last and wins.
        sizes = SIZES[words[1]]
        words = [*words[:2], *sizes, *words[2:], "--output", str(tmp_path / "report.html")]
    if words[0] == "pretrained":
        exported = octo("export", address_of(finished), words[2], "--store", str(finished.directory))
        assert exported.returncode == 0, exported.stderr
    ran = octo(*words, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr


def meant(word: str, finished: Finished, folder: Path) -> str:
    """What somebody has in the place of a word of README."""
    if word.startswith("docs/"):
        return str(ROOT / word)
    return {"RUN": finished.run_id, "ADDRESS": address_of(finished), "DIR": str(folder / "model")}.get(word, word)


def address_of(finished: Finished) -> str:
    """Of a model that the run has made."""
    return str(finished.outcome["stages"]["decay-long"]["address"])


def test_the_workflow_runs_what_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "make check" in script
    assert "make test" in script
