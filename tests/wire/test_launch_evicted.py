"""A launcher whose pod is taken away: its JobSet goes on, the next pod adopts it, and only the Job's end is its end."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from octo.cluster.launch import launch
from octo.render.pods import owner_variables
from octo.settings.base import S3Settings
from octo.settings.curation import CurationSettings
from octo.settings.loading import arguments_of
from octo.storage.artifacts import Artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.chart.rendering import CHART, rendered_file
from tests.committing import commit
from tests.wire.cluster_examples import COMPLETE
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.objects import Object, holds, labels_of
from tests.wire.kubernetes.resources import JOB_SETS, JOBS, PODS
from tests.wire.kubernetes.runners import Container, Ending, ScriptedRunner

LAUNCHER = "launcher"
SECONDS = 60
RULES = [
    {"action": "FailJob", "onExitCodes": {"containerName": "octo", "operator": "In", "values": [2]}},
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
]


def launcher(namespace: str = "default") -> Object:
    """A Job as the chart makes one: its pod learns which Job it is of."""
    container = {"name": "octo", "image": "octo-data:1", "command": ["true"], "env": owner_variables()}
    spec = {
        "backoffLimit": 0,
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": {"rules": RULES},
        "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
    }
    return {"metadata": {"name": LAUNCHER, "namespace": namespace}, "spec": spec}


@dataclass
class Pods(ScriptedRunner):
    """Launchers are this process, and told to stop by a signal; the job's pods run until they are told to end."""

    stopped: list[str] = field(default_factory=list)

    def stop(self, uid: str) -> None:
        container = self.running.get(uid)
        if container and labels_of(container.pod).get("batch.kubernetes.io/job-name") == LAUNCHER:
            self.stopped.append(container.pod["metadata"]["name"])
            os.kill(os.getpid(), signal.SIGTERM)
        super().stop(uid)

    def of(self, job: str) -> list[Container]:
        return [
            each for each in list(self.running.values()) if labels_of(each.pod)["batch.kubernetes.io/job-name"] == job
        ]


@pytest.fixture
def pods() -> Pods:
    return Pods()


@pytest.fixture
def controllers(api: FakeCluster, pods: Pods) -> Iterator[Controllers]:
    with controlled(api, pods) as controllers:
        yield controllers


@pytest.fixture
def made(store: Store) -> Artifact:
    return commit(store, [{"documents.parquet": b"1"}], job="curation")


@pytest.fixture
def launched(
    kubeconfig: Path, store: Store, embedded: EmbeddedStore, controllers: Controllers, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Container | None], int]:
    """`octo launch curation` with the variables of a launcher's container."""
    assert embedded.s3.access_key is not None
    assert embedded.s3.secret_key is not None
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("OCTO_S3__ACCESS_KEY", embedded.s3.access_key.get_secret_value())
    monkeypatch.setenv("OCTO_S3__SECRET_KEY", embedded.s3.secret_key.get_secret_value())

    def run(container: Container | None) -> int:
        for name, value in (container.environment if container else {}).items():
            monkeypatch.setenv(name, value)
        settings = CurationSettings(
            store=store.address, s3=S3Settings(endpoint=embedded.s3.endpoint), stage="curate", **COMPLETE
        )
        return launch(["curation", *arguments_of(settings), "--run-id=of-a-launcher"])

    return run


def waited(api: FakeCluster, so: Callable[[], object]) -> None:
    with api.store.changed:
        assert api.store.changed.wait_for(so, timeout=SECONDS)


def running(pods: Pods, *, but: str = "") -> list[Container]:
    return [each for each in pods.of(LAUNCHER) if each.uid != but]


def jobs_pods(api: FakeCluster) -> list[Object]:
    return [each for each in api.store.listed(PODS) if labels_of(each).get("batch.kubernetes.io/job-name") != LAUNCHER]


def when(api: FakeCluster, so: Callable[[], object], then: Callable[[], object]) -> threading.Thread:
    def wait() -> None:
        waited(api, so)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_an_evicted_launcher_leaves_its_jobset_to_the_next_pod(
    api: FakeCluster, pods: Pods, controllers: Controllers, launched: Callable[[Container | None], int], made: Artifact
) -> None:
    api.store.create(JOBS, launcher())
    waited(api, lambda: running(pods))
    [first] = running(pods)
    evict = lambda: controllers.kubelet.evict("default", first.pod["metadata"]["name"])  # noqa: E731 - a step of the story
    evicting = when(api, lambda: jobs_pods(api) and len(pods.running) == 2, evict)
    assert launched(first) == 75
    evicting.join()
    waited(api, lambda: running(pods, but=first.uid))
    [second] = running(pods, but=first.uid)
    [before] = api.store.listed(JOB_SETS)
    [pod] = jobs_pods(api)
    assert pod["status"]["phase"] == "Running"
    # Nobody follows it now, and it ends all the same.
    pods.end("curate", Ending(0, json.dumps({"artifact": made.address})))
    waited(api, lambda: holds(api.store.listed(JOB_SETS)[0], "Completed"))
    assert launched(second) == 0
    [after] = api.store.listed(JOB_SETS)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert controllers.jobs.tallies[api.store.read(JOBS, "default", LAUNCHER)["metadata"]["uid"]].num_failed == 0


def test_a_kubeflow_step_that_is_evicted_is_followed_on_by_its_next_try(
    api: FakeCluster, pods: Pods, launched: Callable[[Container | None], int], made: Artifact
) -> None:
    def is_running() -> bool:
        return any(each["status"].get("phase") == "Running" for each in jobs_pods(api))

    evicting = when(api, is_running, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert launched(None) == 75
    evicting.join()
    [before], [pod] = api.store.listed(JOB_SETS), jobs_pods(api)
    assert "ownerReferences" not in before["metadata"]
    beat = before["metadata"]["annotations"]["octo.dev/heartbeat"]

    def is_followed_again() -> bool:
        return bool(api.store.listed(JOB_SETS)[0]["metadata"]["annotations"]["octo.dev/heartbeat"] != beat)

    ending = when(api, is_followed_again, lambda: pods.end("curate", Ending(0, json.dumps({"artifact": made.address}))))
    assert launched(None) == 0
    ending.join()
    [after], [same] = api.store.listed(JOB_SETS), jobs_pods(api)
    assert (after["metadata"]["uid"], same["metadata"]["uid"]) == (before["metadata"]["uid"], pod["metadata"]["uid"])


def test_a_launchers_job_that_is_deleted_takes_its_jobset_and_every_pod_along(
    api: FakeCluster, pods: Pods, controllers: Controllers, launched: Callable[[Container | None], int]
) -> None:
    api.store.create(JOBS, launcher())
    waited(api, lambda: running(pods))
    delete = lambda: api.store.delete(JOBS, "default", LAUNCHER, "Background")  # noqa: E731
    deleting = when(api, lambda: jobs_pods(api) and len(pods.running) == 2, delete)
    assert launched(running(pods)[0]) in (1, 75)
    deleting.join()
    waited(api, lambda: not api.store.listed(JOB_SETS) and not api.store.listed(PODS))
    assert pods.running == {}


def test_a_jobset_of_no_launchers_job_lives_until_the_janitor_comes(
    api: FakeCluster, pods: Pods, launched: Callable[[Container | None], int]
) -> None:
    stop = lambda: os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
    stopping = when(api, lambda: pods.running, stop)
    assert launched(None) == 75
    stopping.join()
    [jobset] = api.store.listed(JOB_SETS)
    assert "ownerReferences" not in jobset["metadata"]
    assert jobset["metadata"]["labels"]["octo.dev/followed"] == "true"
    assert len(pods.running) == 1


@pytest.mark.tools
@pytest.mark.parametrize("file", sorted((CHART / "ci").glob("full-values.yaml")), ids=lambda file: file.stem)
def test_the_charts_launchers_know_their_job_leave_word_of_their_end_and_are_not_failed_by_evictions(
    file: Path,
) -> None:
    launchers = [
        each["spec"].get("jobTemplate", each)["spec"]
        for each in rendered_file(file)
        if each["kind"] in ("Job", "CronJob") and "-job-" in each["metadata"]["name"]
    ]
    assert launchers
    for job in launchers:
        [container] = job["template"]["spec"]["containers"]
        assert [each for each in container["env"] if each["name"].startswith("OCTO_OWNER")] == owner_variables()
        assert f"--termination-log={container['terminationMessagePath']}" in container["args"]
        assert job["podFailurePolicy"]["rules"] == RULES


def test_the_manifest_of_launch_names_the_job_and_not_the_pod() -> None:
    manifest = yaml.safe_load((CHART.parents[1] / "manifests/launch.yaml").read_text())
    [replicated] = manifest["spec"]["replicatedJobs"]
    [container] = replicated["template"]["spec"]["template"]["spec"]["containers"]
    assert [each for each in container["env"] if each["name"].startswith("OCTO_OWNER")] == owner_variables()
