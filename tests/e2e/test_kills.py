"""Exactly once, shown by killing: any process of a run, at any moment, fifty times.

Each trial starts a run, sends SIGKILL to one of its processes, chosen at random (the runner, the store, a stage, a
worker of a stage), after a random time, and runs it again.
"""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from octo.settings.base import S3Settings
from octo.storage.artifacts import open_artifact
from octo.storage.session import open_session
from tests.e2e.conftest import Finished, octo, run_arguments

SEED = int(os.environ.get("KILLS_SEED", "20261122"))
NUM_KILLS = int(os.environ.get("KILLS", "50"))
LAST_STAGE = "evaluate-control"
LATEST_SECONDS = 30.0
"""About as long as the undisturbed run takes; a run that is over before its kill is drawn again."""


def commits_of(directory: Path) -> dict[str, bytes]:
    """Every commit in the store, by key."""
    with open_session(str(directory), S3Settings()) as session:
        return {key: session.store.get(key) for key in session.store.list("artifacts/") if "/commits/" in key}


def is_run(directory: Path, run_id: str) -> bool:
    with open_session(str(directory), S3Settings()) as session:
        return session.store.head(f"runs/{run_id}/run.json") is not None


def parts_of(directory: Path) -> set[str]:
    with open_session(str(directory), S3Settings()) as session:
        return {key for key in session.store.list("artifacts/") if "/parts/" in key}


def contents_of(directory: Path, addresses: dict[str, str]) -> dict[str, str]:
    with open_session(str(directory), S3Settings()) as session:
        return {name: open_artifact(session.store, address).manifest.content for name, address in addresses.items()}


def kill_one(run: subprocess.Popen[str], draw: random.Random, after: float) -> str:
    """Wait, and kill one process of the run; its command line, or nothing when the run was over before."""
    try:
        run.wait(timeout=after)
    except subprocess.TimeoutExpired:
        tree = psutil.Process(run.pid)
        processes = sorted([tree, *tree.children(recursive=True)], key=lambda process: process.pid)
        victim = draw.choice(processes)
        try:
            name = " ".join(victim.cmdline()[:3])
            victim.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            return ""
        return name or "a process that was just starting"
    return ""


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("trial", range(NUM_KILLS))
def test_a_killed_run_run_again_completes_and_redoes_nothing(trial: int, finished: Finished, tmp_path: Path) -> None:
    draw = random.Random(f"{SEED}-{trial}")
    killed = ""
    for attempt in range(20):
        directory = tmp_path / f"store-{attempt}"
        arguments = run_arguments(directory, "--run-id", "killed", "--only", LAST_STAGE, "--json")
        with subprocess.Popen(
            [sys.executable, "-m", "octo.cli", *arguments, "--new"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as run:
            killed = kill_one(run, draw, after=draw.uniform(0.3, LATEST_SECONDS))
            run.communicate(timeout=1500)
        if killed:
            break
    assert killed
    print(f"trial {trial}: killed {killed!r}; the run ended with {run.returncode}")
    before, parts_before = commits_of(directory), parts_of(directory)

    # One that was killed before it was written down is no run yet.
    again = octo(*arguments, *([] if is_run(directory, "killed") else ["--new"]), timeout=1500)
    assert again.returncode == 0, again.stderr

    after, parts_after = commits_of(directory), parts_of(directory)
    assert {key: after[key] for key in before} == before
    for commit in before:
        folder, _, index = commit.removesuffix(".json").rpartition("/commits/")
        recomputed = {key for key in parts_after - parts_before if key.startswith(f"{folder}/parts/{index}-")}
        assert not recomputed, f"{commit} was committed, and computed again"
    addresses = {name: stage["address"] for name, stage in json.loads(again.stdout)["stages"].items()}
    assert len(addresses) == 7
    assert contents_of(directory, addresses) == contents_of(finished.directory, addresses)
