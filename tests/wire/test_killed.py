import json
import os
import random
import re
import subprocess
import sys
from itertools import count

import pytest

from octo.storage.artifacts import Manifest, Output, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.wire.committer import NUM_INDEXES

UNDISTURBED = "0" * 64
DISTURBED = "1" * 64


def start(embedded: EmbeddedStore, store: Store, digest: str, attempt: str) -> "subprocess.Popen[str]":
    s3 = embedded.s3
    assert s3.access_key
    assert s3.secret_key
    keys = {
        "OCTO_S3__ENDPOINT": s3.endpoint,
        "OCTO_S3__ACCESS_KEY": s3.access_key.get_secret_value(),
        "OCTO_S3__SECRET_KEY": s3.secret_key.get_secret_value(),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.wire.committer", store.address, digest, attempt],
        env={**os.environ, **keys},
        stdout=subprocess.PIPE,
        text=True,
    )


def run_until_killed(process: "subprocess.Popen[str]", *, requests: int) -> list[str]:
    """Read what the process says, and kill it at a request; an empty list when it ended before that."""
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line.strip())
        if said.count("request") == requests:
            process.kill()
    process.stdout.close()
    assert process.wait() in {0, -9}
    return said


def without_times_and_attempts(manifest: Manifest) -> bytes:
    """The manifest as it is written, without the fields that may differ between two runs."""
    value = json.loads(manifest.canonical())
    for field in ("started_at", "committed_at", "attempts", "digest", "seal"):
        del value[field]
    for part in value["parts"]:
        part["key"] = re.sub(r"artifacts/curation/\w+/parts/(\d+)-\w+\.", r"\1.", part["key"])
    return json.dumps(value).encode()


@pytest.mark.parametrize("seed", range(3))
def test_a_stage_killed_anywhere_redoes_only_what_was_not_committed(
    embedded: EmbeddedStore, store: Store, seed: int
) -> None:
    generator = random.Random(seed)
    commits = Output(store, job="curation", digest=DISTURBED, attempt="looking")
    committed = commits.committed()
    for attempt in count():
        said = run_until_killed(
            start(embedded, store, DISTURBED, f"attempt{attempt}"), requests=generator.randrange(1, 30)
        )
        redone = {int(line.split()[1]) for line in said if line.startswith("work")}
        assert not redone & committed.keys()
        before, committed = committed, commits.committed()
        assert {index: committed[index] for index in before} == before
        if said[-1].startswith("s3://"):
            break

    undisturbed = run_until_killed(start(embedded, store, UNDISTURBED, "only"), requests=-1)
    expected, found = open_artifact(store, undisturbed[-1]), open_artifact(store, said[-1])
    assert found.manifest.content == expected.manifest.content
    assert without_times_and_attempts(found.manifest) == without_times_and_attempts(expected.manifest)
    assert len(set(found.manifest.attempts.values())) > 1
    assert [found.read(part) for part in found.parts()] == [expected.read(part) for part in expected.parts()]


def test_processes_that_race_through_a_stage_end_with_one_artifact(embedded: EmbeddedStore, store: Store) -> None:
    rivals = [start(embedded, store, DISTURBED, f"rival{number}") for number in range(3)]
    addresses = {run_until_killed(rival, requests=-1)[-1] for rival in rivals}
    assert len(addresses) == 1
    artifact = open_artifact(store, addresses.pop())
    commits = Output(store, job="curation", digest=DISTURBED, attempt="looking").committed()
    assert artifact.manifest.attempts == {index: commit.attempt for index, commit in commits.items()}
    assert [part.index for part in artifact.parts("documents")] == list(range(NUM_INDEXES))
    assert all(f"-{artifact.manifest.attempts[part.index]}." in part.key for part in artifact.parts())
    for part in artifact.parts():
        artifact.read(part)
