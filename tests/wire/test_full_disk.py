import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from octo.errors import NoSpaceError
from octo.storage.store import Store

UNSHARE = ["unshare", "--mount"]


def can_mount(directory: Path) -> bool:
    trial = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", str(directory)]
    return (
        shutil.which("unshare") is not None and subprocess.run(trial, check=False, capture_output=True).returncode == 0
    )


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("needs the right to mount a small disk; tests/wire/test_faults.py fakes the server's answers")
    script = [*UNSHARE, sys.executable, "-m", "tests.wire.fill_disk", str(tmp_path)]
    ended = subprocess.run(script, check=False, capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert 10 < report["committed"] < 100
    assert "disk is most likely full" in report["message"]
    assert "run again" in report["message"]
    assert report["served"]
    committed = list(range(report["committed"]))
    assert report["while_full"] == committed
    assert f"the disk of {tmp_path} is too full" in report["start"]
    assert report["after"] == committed
    assert report["resumed_by"] == "second"


def test_a_full_scratch_disk_is_named(store: Store) -> None:
    store.put("object", b"x")
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with pytest.raises(NoSpaceError, match="no space left on this machine"):
        store.download("object", Path("/dev/full"))
