"""A stage dealt to processes that know nothing of each other: in any order, at once, killed, twice."""

import json
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.errors import InvariantError, UsageError
from octo.job import produce, stage_digest
from octo.settings.base import JobSettings, ShardGroup
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.loading import arguments_of, secrets_of
from octo.storage.artifacts import Artifact, PendingArtifact, find_artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.wire.toy_job import (
    FUNCTION,
    GangSettings,
    SquaresSettings,
    diary,
    finish,
    in_a_process,
    squares,
    start,
)

COUNT = 7
SQUARES = [index * index for index in range(COUNT)]


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore, tmp_path: Path) -> SquaresSettings:
    place = {"store": store.address, "s3": embedded.s3, "probe": False}
    return SquaresSettings(**place, run_id="run", diary=str(tmp_path), count=COUNT)


def group(settings: SquaresSettings, index: int, *, count: int = 3, **changes: object) -> SquaresSettings:
    return settings.model_copy(update={"shard_group": ShardGroup(count=count, index=index), **changes})


def made(settings: SquaresSettings, store: Store) -> Artifact | None:
    return find_artifact(store, "squares", stage_digest(settings))


@given(st.integers(1, 50), st.integers(0, 300), st.data())
def test_groups_are_a_partition_of_any_indexes_however_pools_share_them(count: int, num_indexes: int, data) -> None:
    second_pool = data.draw(st.integers(1, count))
    groups = [
        *(ShardGroup(count=count, index=index) for index in range(second_pool)),
        *(ShardGroup(count=count, first=second_pool, index=index) for index in range(count - second_pool)),
    ]
    for index in range(num_indexes):
        assert sum(each.has(index) for each in groups) == 1
    sizes = [sum(map(each.has, range(num_indexes))) for each in groups]
    assert max(sizes) - min(sizes) <= 1


def test_the_digest_is_the_same_whatever_the_group(settings: SquaresSettings) -> None:
    assert {stage_digest(group(settings, index)) for index in range(3)} == {stage_digest(settings)}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_groups_make_in_any_order_what_one_process_makes(
    settings: SquaresSettings, store: Store, order: tuple[int, ...]
) -> None:
    *first, last = (produce(group(settings, index), FUNCTION) for index in order)
    assert isinstance(last, Artifact)
    assert first == [PendingArtifact(last.address)] * 2
    assert squares(last) == SQUARES
    assert diary(settings) == dict.fromkeys(range(COUNT), 1)
    elsewhere = settings.model_copy(update={"store": f"{settings.store}/elsewhere"})
    assert produce(elsewhere, FUNCTION).manifest.content == last.manifest.content


def test_groups_that_run_at_once_make_one_artifact(settings: SquaresSettings, store: Store) -> None:
    processes = [start(group(settings, index, progress="json", workers=1 + index % 2)) for index in range(3)]
    ended = [finish(process) for process in processes]
    assert [(each.returncode, each.stderr) for each in ended] == [(0, "")] * 3
    told = {json.loads(each.stdout.splitlines()[-1])["artifact"] for each in ended}
    artifact = made(settings, store)
    assert artifact is not None
    assert told == {artifact.address}
    assert squares(artifact) == SQUARES
    assert diary(settings) == dict.fromkeys(range(COUNT), 1)


def test_a_group_tells_its_own_progress_and_the_address_that_the_artifact_will_have(
    settings: SquaresSettings, store: Store, tmp_path: Path
) -> None:
    log = tmp_path.parent / f"{tmp_path.name}-log"
    ended = in_a_process(group(settings, 0, progress="json", termination_log=log))
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert lines[-2] == {"progress": {"done": 3, "total": 3, "unit": "shards", "figures": {}}}
    assert made(settings, store) is None
    assert json.loads(log.read_text()) == lines[-1]
    for index in (1, 2):
        artifact = produce(group(settings, index), FUNCTION)
    assert lines[-1] == {"artifact": artifact.address}


def test_a_group_killed_between_its_last_commit_and_the_manifest_computes_nothing_again(
    settings: SquaresSettings, store: Store
) -> None:
    for index in range(2):
        produce(group(settings, index), FUNCTION)
    killed = in_a_process(group(settings, 2), "tests.wire.toy_job:die_before_the_manifest")
    assert killed.returncode < 0
    assert made(settings, store) is None
    assert diary(settings).total() == COUNT
    assert squares(produce(group(settings, 2), FUNCTION)) == SQUARES
    assert diary(settings).total() == COUNT


def test_a_group_killed_in_its_work_redoes_only_what_it_had_not_committed(
    settings: SquaresSettings, store: Store
) -> None:
    killed = in_a_process(group(settings, 0, deadly=3))
    assert killed.returncode < 0
    assert diary(settings) == {0: 1}
    for index in (1, 2, 0):
        artifact = produce(group(settings, index), FUNCTION)
    assert squares(artifact) == SQUARES
    assert diary(settings) == dict.fromkeys(range(COUNT), 1)


def test_two_pods_of_one_group_at_once_commit_every_index_once(settings: SquaresSettings, store: Store) -> None:
    processes = [start(group(settings, index, count=2)) for index in (0, 1, 1)]
    assert [finish(process).returncode for process in processes] == [0, 0, 0]
    artifact = made(settings, store)
    assert artifact is not None
    assert squares(artifact) == SQUARES
    assert artifact.manifest.counters == {"squares": COUNT}
    assert len(list(store.list(f"artifacts/squares/{stage_digest(settings)}/commits/"))) == COUNT


def test_groups_that_all_see_everything_adopt_one_manifest(settings: SquaresSettings, store: Store) -> None:
    in_a_process(settings, "tests.wire.toy_job:die_before_the_manifest")
    assert made(settings, store) is None
    processes = [start(group(settings, index)) for index in range(3)]
    assert [finish(process).returncode for process in processes] == [0, 0, 0]
    assert squares(produce(settings, FUNCTION)) == SQUARES
    assert diary(settings).total() == COUNT


def test_a_group_without_an_index_ends_well(settings: SquaresSettings) -> None:
    settings = settings.model_copy(update={"count": 2})
    assert isinstance(produce(group(settings, 2), FUNCTION), PendingArtifact)
    assert diary(settings) == {}
    for index in range(2):
        artifact = produce(group(settings, index), FUNCTION)
    assert squares(artifact) == SQUARES[:2]


def test_an_index_that_its_own_group_left_out_fails_that_group(settings: SquaresSettings) -> None:
    assert isinstance(produce(group(settings, 0), "tests.wire.toy_job:forget_one"), PendingArtifact)
    with pytest.raises(InvariantError, match=r"missing .*7.*, unexpected \[\]"):
        produce(group(settings, COUNT % 3), "tests.wire.toy_job:forget_one_of_its_own")


def test_an_index_that_nobody_planned_fails_the_group_that_sees_it(settings: SquaresSettings, store: Store) -> None:
    store.put(f"artifacts/squares/{stage_digest(settings)}/commits/99.json", b"{}")
    with pytest.raises(InvariantError, match=r"unexpected \[99\]"):
        produce(group(settings, 0), FUNCTION)


def test_a_job_that_is_no_fleet_is_not_dealt_to_groups(settings: SquaresSettings) -> None:
    with pytest.raises(UsageError, match="cannot be dealt to 3 shard groups, as it is a gang"):
        produce(group(GangSettings(**dict(settings)), 0), FUNCTION)


def run_groups(settings: JobSettings, count: int) -> list[str]:
    """The addresses that the job's own entry point tells, run as that many processes at once."""
    dealt = [
        settings.model_copy(update={"shard_group": ShardGroup(count=count, index=index)}) for index in range(count)
    ]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"jobs.{settings.job}", *arguments_of(each)],
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": "/usr/bin:/bin", **secrets_of(settings)},
        )
        for each in dealt
    ]
    outputs = [process.communicate(timeout=1500)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * count
    return [json.loads(output.splitlines()[-1])["artifact"] for output in outputs]


def test_ingestion_and_curation_dealt_to_three_processes_hold_what_one_process_makes(
    store: Store, embedded: EmbeddedStore
) -> None:
    place = {"store": store.address, "s3": embedded.s3, "progress": "json", "run_id": "run"}
    problems = ("examples", "copies", "exam", "more")
    sources = [f"{label}=arithmetic:short?count=60" for label in problems]
    ingestion = IngestionSettings(**place, sources=(*sources, "prose=python:json"))
    (raw,) = set(run_groups(ingestion, 3))
    curation = CurationSettings(
        **place,
        documents=raw,
        benchmarks=(raw,),
        benchmark_sources=("exam",),
        not_benchmarks=("examples", "copies", "more", "prose"),
        unfiltered=problems,
        min_words=5,
    )
    (curated,) = set(run_groups(curation, 3))
    assert open_artifact(store, curated).manifest.counters["documents.dropped.duplicate"] == 180
    alone = {"store": f"{store.address}/alone"}
    for settings, function, address in (
        (ingestion, "octo.data.ingestion:ingest", raw),
        (curation, "octo.data.curation:curate", curated),
    ):
        single = produce(settings.model_copy(update=alone), function)
        assert single.manifest.content == open_artifact(store, address).manifest.content
        assert single.address != address
