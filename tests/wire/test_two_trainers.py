"""Processes that train one training at once, or are told to stop: real gangs, of which one at most goes on."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from octo.settings.loading import secrets_of
from octo.settings.midtraining import MidtrainingSettings
from octo.storage.artifacts import open_artifact
from octo.storage.checkpoints import kept_checkpoints
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.ranks import start_ranks
from tests.token_shards import commit_tokens

NUM_STEPS, EVERY, BATCH = 16, 3, 4
SECONDS = 1500

Start = Callable[..., "subprocess.Popen[str]"]
pytestmark = pytest.mark.slow


@pytest.fixture
def start(embedded: EmbeddedStore, store: Store, tmp_path: Path) -> Start:
    tokens = commit_tokens(store, tmp_path / "tokens", {"web": [NUM_STEPS * BATCH], "math": [9]})
    shape = ["hidden-size=32", "intermediate-size=64", "num-layers=1", "num-heads=2", "num-key-value-heads=2"]
    common = [f"--tokens={tokens.address}", f"--s3.endpoint={embedded.s3.endpoint}", "--no-probe"]
    common += [*(f"--shape.{each}" for each in shape), f"--batch-size={BATCH}", "--micro-batch-size=1"]
    common += [f"--num-steps={NUM_STEPS}", f"--gang.checkpoint-every={EVERY}"]
    secrets = secrets_of(MidtrainingSettings(s3=embedded.s3))

    def start(at: Store, *flags: str, ranks: int = 2) -> "subprocess.Popen[str]":
        told = [f"--store={at.address}", *common, *flags]
        return start_ranks(ranks, "tests.wire.mortal_training", *told, environment=secrets)

    return start


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, said = process.communicate(timeout=SECONDS)
    return process.returncode, out, said


def steps(store: Store) -> list[int]:
    digests = {key.split("/", 2)[1] for key in store.list("checkpoints/")}
    return [each.step for digest in digests for each in kept_checkpoints(store, digest)]


def until(happens: Callable[[], Any], process: "subprocess.Popen[str]") -> None:
    while not happens():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def ranks_of(process: "subprocess.Popen[str]") -> list[int]:
    return [int(each) for each in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def content(store: Store, out: str) -> str:
    return open_artifact(store, out.rsplit(maxsplit=1)[-1]).manifest.content


def test_of_two_gangs_that_race_one_goes_on_and_the_other_stops_and_can_be_resumed(store: Store, start: Start) -> None:
    calm, rough = (store.at(f"{store.address}/{name}") for name in ("calm", "rough"))
    code, out, said = ended(start(calm, ranks=1))
    assert code == 0, said
    expected = content(calm, out)
    both = [ended(each) for each in [start(rough), start(rough)]]
    codes = sorted(code for code, _, _ in both)
    assert codes in ([0, 0], [0, 75]), both
    for code, out, said in both:
        if code:
            assert "this one stops" in said.splitlines()[-1], said
        else:
            assert content(rough, out) == expected
    assert steps(rough) == []


def test_a_gang_that_was_paused_while_another_went_on_stops_and_leaves_what_that_kept(
    store: Store, start: Start
) -> None:
    calm, rough = (store.at(f"{store.address}/{name}") for name in ("calm", "rough"))
    paused = start(rough)
    until(lambda: steps(rough), paused)
    for rank in ranks_of(paused):
        os.kill(rank, signal.SIGSTOP)
    before = steps(rough)
    code, _, said = ended(start(rough, "--updates=5", "--blow=SIGTERM", f"--grace-seconds={SECONDS}"))
    assert code == 75, said
    # Within the grace.
    assert steps(rough)[0] == before[0] + 5
    kept = steps(rough)
    for rank in ranks_of(paused):
        os.kill(rank, signal.SIGCONT)
    code, _, said = ended(paused)
    assert code == 75
    assert said.splitlines()[-1].startswith("octo: another trainer (")
    assert f"has gone on with this training and kept step {kept[0]}: this one stops" in said.splitlines()[-1]
    assert steps(rough) == kept
    code, out, said = ended(start(rough, ranks=4))
    assert (code, f"goes on after step {kept[0]} of {NUM_STEPS}\n" in said) == (0, True), said
    code, whole, _ = ended(start(calm, ranks=1))
    assert content(rough, out) == content(calm, whole)


def test_a_gang_without_time_to_save_in_begins_no_save_and_ends_with_what_is_kept(store: Store, start: Start) -> None:
    code, _, said = ended(start(store, "--updates=8", "--blow=SIGTERM", "--grace-seconds=1"))
    assert code == 75, said
    assert "no checkpoint of step 8 is begun: " in said
    assert said.splitlines()[-1] == "octo: stopped by SIGTERM; what is committed stays: run again to resume"
    assert steps(store) == [6, 3]
