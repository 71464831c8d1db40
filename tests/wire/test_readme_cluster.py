"""The commands that README shows for a cluster, run against one."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.e2e.test_readme import COMMANDS, ON_A_CLUSTER, verb_of
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.resources import JOB_SETS
from tests.wire.kubernetes.runners import Ending, ScriptedRunner

SHOWN = [command for command in COMMANDS if command.startswith(".venv/bin/octo") and verb_of(command) in ON_A_CLUSTER]
SECONDS = 300


@pytest.fixture
def documents(store: Store) -> Artifact:
    return commit(store, [{"documents.parquet": b"1"}])


@pytest.fixture
def controllers(api: FakeCluster) -> Iterator[Controllers]:
    # Each pod writes a line and ends, so that what follows logs ends too.
    with controlled(api, ScriptedRunner(lambda _pod: Ending(0, lines=("curation: 1 of 1 shards",)))) as controllers:
        yield controllers


@pytest.fixture
def environment(kubeconfig: Path, store: Store, embedded: EmbeddedStore) -> dict[str, str]:
    assert embedded.s3.access_key is not None
    assert embedded.s3.secret_key is not None
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "KUBECONFIG": str(kubeconfig),
        "OCTO_STORE": store.address,
        "OCTO_S3__ENDPOINT": embedded.s3.endpoint,
        "OCTO_S3__ACCESS_KEY": embedded.s3.access_key.get_secret_value(),
        "OCTO_S3__SECRET_KEY": embedded.s3.secret_key.get_secret_value(),
    }


def test_readme_shows_every_verb_that_works_on_a_cluster() -> None:
    assert {verb_of(command) for command in SHOWN} == ON_A_CLUSTER


def test_the_commands_for_a_cluster_work_in_their_order(
    documents: Artifact, controllers: Controllers, environment: dict[str, str], tmp_path: Path
) -> None:
    name = ""
    for command in SHOWN:
        words = shlex.split(command.partition("|")[0])[1:]
        words = [re.sub("s3://bucket/[A-Z]+$", documents.address, word).replace("RUN", name) for word in words]
        words += ["--yes"] if words[0] in ("submit", "cancel") else []
        ran = subprocess.run(
            [sys.executable, "-m", "octo.cli", *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ran.returncode == 0, f"{words}: {ran.stderr}"
        if words[0] == "submit":
            [jobset] = controllers.api.store.listed(JOB_SETS, "default")
            name = jobset["metadata"]["name"]
            assert name in ran.stdout
        elif words[0] == "logs":
            assert "curation: 1 of 1 shards" in ran.stdout
