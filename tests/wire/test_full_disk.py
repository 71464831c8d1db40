import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from octo.errors import NoSpaceError
from octo.settings.loading import secrets_of
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import open_artifact
from octo.storage.checkpoints import kept_checkpoints
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.token_shards import commit_tokens

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


@pytest.mark.slow
def test_a_training_whose_scratch_disk_is_full_ends_with_a_sentence_and_goes_on_from_its_last_step(
    store: Store, embedded: EmbeddedStore, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if not can_mount(small):
        pytest.skip("needs the right to mount a small disk")
    tokens = commit_tokens(store, tmp_path / "tokens", {"web": [40]})
    # 4 MB of weights, three times as much in a checkpoint; nothing of a step is on the disk but the tokens.
    shape = ["hidden-size=256", "intermediate-size=256", "num-layers=2", "num-heads=2", "num-key-value-heads=2"]
    flags = [f"--tokens={tokens.address}", f"--s3.endpoint={embedded.s3.endpoint}", "--no-probe", "--num-steps=6"]
    flags += [*(f"--shape.{each}" for each in shape), "--batch-size=4", "--micro-batch-size=4"]
    flags += ["--gang.checkpoint-every=2"]
    training = [sys.executable, "-m", "tests.wire.mortal_training", *flags]
    mount = f'mount -t tmpfs -o size=2m tmpfs {small} && TMPDIR={small} exec "$@"'

    def ended(at: Store, *, on_a_small_disk: bool) -> "subprocess.CompletedProcess[str]":
        before = [*UNSHARE, "sh", "-c", mount, "sh"] if on_a_small_disk else []
        environment = {**os.environ, **secrets_of(MidtrainingSettings(s3=embedded.s3)), "OMP_NUM_THREADS": "1"}
        command = [*before, *training, f"--store={at.address}"]
        return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=1500)

    calm, full = (store.at(f"{store.address}/{name}") for name in ("calm", "full"))
    expected = open_artifact(calm, ended(calm, on_a_small_disk=False).stdout.split()[-1]).manifest
    # Where the model is written, and then where the checkpoint is read.
    for said in (
        "octo: no space left on this machine: free some",
        "octo: the checkpoint of step 4 could not be read: no space",
    ):
        struck = ended(full, on_a_small_disk=True)
        assert struck.returncode == 1, struck.stderr
        assert struck.stderr.splitlines()[-1].startswith(said), struck.stderr
        assert [each.step for each in kept_checkpoints(full, expected.digest)] == [4, 2]
    resumed = ended(full, on_a_small_disk=False)
    assert "goes on after step 4 of 6" in resumed.stderr
    assert open_artifact(full, resumed.stdout.split()[-1]).manifest.content == expected.content
