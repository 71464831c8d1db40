import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from octo.settings.base import S3Settings
from octo.storage.session import Session, open_session

BRANCHES = ("control", "long", "short", "hybrid")

_INGESTED = (
    "general=python:json",
    "math=python:statistics",
    *(f"{kind}=arithmetic:{kind}?count=300" for kind in ("noisy", "long", "short")),
)
_BY_STAGE = {
    ("problems",): {"sources": ["prompts=arithmetic:prompts?count=40", "evaluation=arithmetic:evaluation?count=12"]},
    ("ingest",): {"sources": _INGESTED},
    ("tokenize",): {"vocabulary_size": 300, "sequence_length": 64},
    ("base",): {
        "shape.hidden_size": 32,
        "shape.intermediate_size": 64,
        "shape.num_heads": 2,
        "shape.num_key_value_heads": 2,
    },
    ("base", "stable", *(f"decay-{name}" for name in BRANCHES)): {
        "batch_size": 8,
        "micro_batch_size": 4,
        "num_steps": 3,
    },
    tuple(f"{job}-{name}" for job in ("decay", "rl") for name in BRANCHES): {"num_seeds": 2},
    tuple(f"rl-{name}" for name in BRANCHES): {
        "num_steps": 2,
        "prompts_per_step": 4,
        "group_size": 4,
        "micro_batch_size": 8,
        "max_new_tokens": 6,
    },
    tuple(f"evaluate-{name}" for name in BRANCHES): {"max_new_tokens": 6, "num_samples": 2, "k": [1, 2]},
}
TINY = [
    f"{stage}.{field}={json.dumps(value)}"
    for stages, fields in _BY_STAGE.items()
    for stage in stages
    for field, value in fields.items()
]
"""Every stage of octothinker, real but for the size."""


def octo(
    *arguments: str, launcher: Sequence[str] = (), timeout: float = 1500, **changes: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*launcher, sys.executable, "-m", "octo.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
        **changes,
    )


def run_arguments(directory: Path, *more: str, changes: list[str] = TINY) -> list[str]:
    flags = [flag for change in changes for flag in ("--set", change)]
    place = ["--store", str(directory), "--output", str(directory.parent / "report.html")]
    return ["run", "octothinker", *place, *flags, *more]


@dataclass(frozen=True)
class Finished:
    """A run that has ended: where, what its command printed, and how to look at it again."""

    directory: Path
    run_id: str
    outcome: dict[str, Any]
    log: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One whole run of the tiny pipeline, for every test that looks at what a run leaves behind."""
    directory = tmp_path_factory.mktemp("whole")
    ran = octo(*run_arguments(directory, "--run-id", "whole", "--new", "--json"), timeout=1500)
    assert ran.returncode == 0, ran.stderr
    return Finished(directory, "whole", json.loads(ran.stdout), ran.stderr)


@pytest.fixture(scope="session")
def coders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where diffucoder's tiny pipeline runs; who runs it again finds everything committed."""
    return tmp_path_factory.mktemp("diffucoder")


@pytest.fixture(scope="module")
def looked_at(finished: Finished) -> Iterator[Session]:
    """The store of the finished run, open; no other command can have it meanwhile."""
    with open_session(str(finished.directory), S3Settings()) as session:
        yield session
