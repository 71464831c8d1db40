import json
import subprocess
import sys
from pathlib import Path

import pytest

from octo.sandbox.layers import offered
from tests.wire.small_disk import FILLERS
from tests.wire.test_full_disk import UNSHARE, can_mount


@pytest.mark.skipif(not offered().sufficient, reason=f"this machine lacks layers: {offered().lacking}")
def test_who_fills_the_disk_is_charged_for_it_and_nobody_beside_it_is(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("needs the right to mount a small disk")
    script = [*UNSHARE, sys.executable, "-m", "tests.wire.small_disk", str(tmp_path)]
    ended = subprocess.run(script, check=False, capture_output=True, text=True, timeout=1500)
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert len(said) == 4 * len(FILLERS)
    for name, outcome, detail in said:
        if name in FILLERS:
            assert (outcome, detail.partition(":")[0]) == ("error", "filled the disk"), name
        else:
            assert outcome == {"needs room": "pass", "wrong": "fail"}[name], detail
