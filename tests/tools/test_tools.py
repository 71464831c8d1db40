"""The tools of `make check`: pinned, apart from octo's own environment, and there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "tests/tools/requirements.lock"


def pinned(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_installing_the_tools_changes_nothing_that_octo_runs_with() -> None:
    both = pinned(LOCK).keys() & pinned(ROOT / "images/local.lock").keys()
    assert not both, "run make lock-tools"


def test_every_tool_is_pinned_by_checksum() -> None:
    requirements = re.split(r"\n(?=\S)", LOCK.read_text().strip())
    assert pinned(LOCK)
    assert [each for each in requirements if "--hash=sha256:" not in each] == []


@pytest.mark.tools
@pytest.mark.parametrize(
    ("command", "version"),
    [
        ("helm version --short", "v4.3.1"),
        ("helm3 version --short", "v3.17.3"),
        ("kubectl version --client", "v1.37.1"),
        ("trivy --version", "0.76.0"),
        ("hadolint --version", "2.15.1"),
    ],
)
def test_a_tool_answers_with_the_version_that_is_pinned(command: str, version: str) -> None:
    program, *arguments = command.split()
    done = subprocess.run(
        [Path(sys.executable).parent / program, *arguments], capture_output=True, text=True, check=True
    )
    assert version in done.stdout
