"""A fleet of a thousand shards on a cluster where one pod in twenty is lost: what octo exists for.

The API server, its controllers and its kubelet are fake. The pods are real processes of the real job, the store is a
real one, the client is octo's own launcher.
"""

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from octo.cluster.launch import launch_job
from octo.job import produce
from octo.processes import num_cores
from octo.settings.base import Need, S3Settings
from octo.settings.combined import with_job
from octo.settings.ingestion import IngestionSettings
from octo.settings.launch import LaunchSettings
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.wire.faults import Act, FaultProxy, Reply
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.objects import Object, labels_of
from tests.wire.kubernetes.resources import JOBS, PODS, SECRETS
from tests.wire.kubernetes.runners import ProcessRunner

SHARDS = 1000
PODS_OF_THE_FLEET = 100
LOST = PODS_OF_THE_FLEET // 20
SHARDS_OF_A_POD = SHARDS // PODS_OF_THE_FLEET
RETRIES = 2
SEED = 20261123

FLEET = IngestionSettings(
    sources=tuple(f"s{shard}=arithmetic:prompts?count=2" for shard in range(SHARDS)),
    need=Need(pods=PODS_OF_THE_FLEET, retries=RETRIES),
    probe=False,
)


def give_secret(api: FakeCluster, s3: S3Settings) -> None:
    assert s3.access_key is not None
    assert s3.secret_key is not None
    texts = {
        "access_key": s3.access_key.get_secret_value(),
        "secret_key": s3.secret_key.get_secret_value(),
        "endpoint": s3.endpoint,
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "octo-s3"}, "stringData": texts}
    api.store.create(SECRETS, secret, "default")


def group_of(pod: Object) -> int:
    return int(labels_of(pod)["batch.kubernetes.io/job-completion-index"])


def lose_pods(controllers: Controllers, proxy: FaultProxy) -> dict[int, str]:
    """Kill or evict the first pod of some groups when it commits a shard; by group, what is done to it.

    Nothing is lost by the clock: each is met at a commit of its own, the first, the last, or one between.
    """
    draw = random.Random(SEED)
    fated = draw.sample(range(PODS_OF_THE_FLEET), 3 * LOST)
    fates = dict(zip(fated, itertools.cycle(["kill", "evict"]), strict=False))

    def losing(group: int, how: str) -> Act:
        def lose(_forward: Callable[[], Reply]) -> None:
            [pod] = [pod for pod in controllers.api.store.listed(PODS, "default") if group_of(pod) == group]
            getattr(controllers.kubelet, how)("default", pod["metadata"]["name"])

        return lose

    for group, how in fates.items():
        shard = group + PODS_OF_THE_FLEET * draw.randrange(SHARDS_OF_A_POD)
        proxy.plan("PUT", f"/commits/{shard}.json", losing(group, how))
    return fates


@pytest.fixture
def clean(store: Store, embedded: EmbeddedStore) -> Artifact:
    """The same shards by one process that nothing happens to."""
    settings = FLEET.model_copy(update={"store": f"{store.address}/clean", "s3": embedded.s3})
    artifact = produce(settings, "octo.data.ingestion:ingest")
    assert isinstance(artifact, Artifact)
    return artifact


def test_every_shard_of_a_fleet_is_committed_once_though_pods_are_lost(
    api: FakeCluster,
    kubeconfig: Path,
    store: Store,
    embedded: EmbeddedStore,
    proxy: FaultProxy,
    clean: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    s3 = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    give_secret(api, s3)
    fleet = FLEET.model_copy(update={"store": store.address, "s3": s3})
    with controlled(api, ProcessRunner(tmp_path, at_once=max(2, num_cores()))) as controllers:
        done = lose_pods(controllers, proxy)
        address = launch_job(with_job(LaunchSettings, "ingestion")(), fleet)
        [job] = api.store.listed(JOBS, "default")
    started = {index: count for (_, index), count in controllers.kubelet.started.items()}
    lost = {index for index, count in started.items() if count > 1}

    # What was lost was started again, nothing else was, and within its limit.
    assert len(lost) >= LOST
    assert lost == done.keys()
    assert {done[group] for group in lost} == {"kill", "evict"}
    assert set(started) == set(range(PODS_OF_THE_FLEET))
    assert max(started.values()) <= 1 + RETRIES
    assert job["status"]["failed"] <= len(done)

    # Every shard is committed once, by one attempt, and holds what an undisturbed process makes of it.
    artifact = open_artifact(store, address)
    indexes = [int(Path(key).stem) for key in store.list(f"{address.removeprefix(f'{store.address}/')}/commits/")]
    assert sorted(indexes) == list(range(SHARDS))
    assert sorted(artifact.manifest.attempts) == list(range(SHARDS))
    assert artifact.manifest.content == clean.manifest.content
    # A group that was lost in the middle kept what it had: two attempts share its shards.
    attempts = [
        len({artifact.manifest.attempts[shard] for shard in range(group, SHARDS, PODS_OF_THE_FLEET)}) for group in lost
    ]
    assert all(count <= started[group] for group, count in zip(lost, attempts, strict=True))
