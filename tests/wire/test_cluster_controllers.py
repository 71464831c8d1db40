"""The fake cluster's controllers do what the real ones do for what octo renders."""

from pathlib import Path

from tests.wire.cluster_examples import create_queue, fleet, gang, queued
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers, controlled
from tests.wire.kubernetes.objects import Object, condition, holds
from tests.wire.kubernetes.resources import JOB_SETS, JOBS, PODS, WORKLOADS, Resource
from tests.wire.kubernetes.runners import Ending, ProcessRunner, ScriptedRunner


def names(api: FakeCluster) -> list[str]:
    return [pod["metadata"]["name"].rpartition("-")[0] for pod in api.store.listed(PODS)]


def only(api: FakeCluster, resource: Resource = JOB_SETS) -> Object:
    [found] = api.store.listed(resource)
    return found


def test_every_index_gets_a_pod_and_the_jobset_completes(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner
) -> None:
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    assert names(api) == ["curation-shards-0-0", "curation-shards-0-1"]
    assert only(api, JOBS)["status"]["ready"] == 2
    runner.end("curation-shards-0-0", Ending())
    runner.end("curation-shards-0-1", Ending())
    controllers.settle()
    assert only(api, JOBS)["status"]["completedIndexes"] == "0-1"
    assert holds(only(api), "Completed")


def test_an_index_that_fails_is_retried_alone_and_within_its_limit(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner
) -> None:
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    runner.end("curation-shards-0-0", Ending())
    for _ in range(2):
        runner.end("curation-shards-0-1", Ending(75))
        controllers.settle()
    assert controllers.kubelet.started == {("curation-shards-0", 0): 1, ("curation-shards-0", 1): 2}
    assert only(api, JOBS)["status"]["failedIndexes"] == "1"
    assert condition(only(api, JOBS), "Failed")["reason"] == "FailedIndexes"
    assert condition(only(api), "Failed")["reason"] == "ReachedMaxRestarts"


def test_an_eviction_costs_no_retry(api: FakeCluster, controllers: Controllers, runner: ScriptedRunner) -> None:
    api.store.create(JOB_SETS, fleet(1, retries=0))
    for _ in range(3):
        controllers.settle()
        [name] = [each["metadata"]["name"] for each in api.store.listed(PODS)]
        controllers.kubelet.evict("default", name)
    controllers.settle()
    assert controllers.kubelet.started == {("curation-shards-0", 0): 4}
    runner.end("curation-shards-0-0", Ending())
    controllers.settle()
    assert holds(only(api), "Completed")


def test_a_killed_pod_costs_one(api: FakeCluster, controllers: Controllers) -> None:
    api.store.create(JOB_SETS, fleet(1, retries=0))
    controllers.settle()
    controllers.kubelet.kill("default", api.store.listed(PODS)[0]["metadata"]["name"])
    controllers.settle()
    assert condition(only(api, JOBS), "Failed")["reason"] == "FailedIndexes"


def test_wrong_usage_ends_everything_at_once(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner
) -> None:
    api.store.create(JOB_SETS, fleet(3))
    controllers.settle()
    runner.end("curation-shards-0-1", Ending(2))
    controllers.settle()
    failed = condition(only(api, JOBS), "Failed")
    assert failed["reason"] == "PodFailurePolicy"
    assert "failed with exit code 2 matching FailJob rule at index 0" in failed["message"]
    assert holds(only(api), "Failed")
    assert runner.running == {}


def test_a_gang_restarts_as_a_whole(api: FakeCluster, controllers: Controllers, runner: ScriptedRunner) -> None:
    api.store.create(JOB_SETS, gang())
    controllers.settle()
    first = {each["metadata"]["uid"] for each in api.store.listed(PODS)}
    runner.end("training-node-0-1", Ending(1))
    controllers.settle()
    second = {each["metadata"]["uid"] for each in api.store.listed(PODS)}
    assert only(api)["status"]["restarts"] == 1
    assert not first & second
    assert len(second) == 2
    runner.end("training-node-0-0", Ending(137, reason="OOMKilled"))
    controllers.settle()
    assert condition(only(api), "Failed")["reason"] == "ReachedMaxRestarts"


def test_a_deadline_fails_the_jobset(api: FakeCluster, controllers: Controllers, runner: ScriptedRunner) -> None:
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    controllers.jobs.expire("default", "curation-shards-0")
    controllers.settle()
    assert condition(only(api, JOBS), "Failed")["reason"] == "DeadlineExceeded"
    assert holds(only(api), "Failed")
    assert runner.running == {}


def test_deleting_in_the_foreground_ends_the_pods_first(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner
) -> None:
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    api.store.delete(JOB_SETS, "default", "curation", "Foreground")
    assert "deletionTimestamp" in only(api)["metadata"]
    controllers.settle()
    assert runner.running == {}
    assert [api.store.listed(each) for each in (JOB_SETS, JOBS, PODS)] == [[], [], []]


def test_a_gang_waits_until_its_whole_quota_is_free(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner
) -> None:
    create_queue(api, 32)
    api.store.create(JOB_SETS, queued(gang(3, name="first")))
    api.store.create(JOB_SETS, queued(gang(3, name="second")))
    controllers.settle()
    assert {name.split("-")[0] for name in names(api)} == {"first"}
    waiting = next(each for each in api.store.listed(WORKLOADS) if "second" in each["metadata"]["name"])
    assert condition(waiting, "QuotaReserved")["message"].endswith(
        "for nvidia.com/gpu in flavor default, 16 more needed"
    )
    for index in range(3):
        runner.end(f"first-node-0-{index}", Ending())
    controllers.settle()
    assert {name.split("-")[0] for name in names(api)} == {"first", "second"}
    controllers.queueing.preempt("default", "second")
    controllers.settle()
    assert len(runner.running) == 3


def test_real_processes_run_with_their_variables_logs_and_messages(api: FakeCluster, tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys; print('index', sys.argv[1], os.environ['HOME'] == sys.argv[2]);"
        "pathlib.Path('/dev/termination-log').write_text('bye')"
    )
    jobset = fleet(3, command=["python", "-c", script, "$(INDEX)", "/scratch"])
    container = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]
    path = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    container["env"] = [
        {"name": "INDEX", "valueFrom": {"fieldRef": {"fieldPath": path}}},
        {"name": "HOME", "value": "/scratch"},
        {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "none", "optional": True}}},
    ]
    container["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["volumes"] = [
        {"name": "scratch", "emptyDir": {}}
    ]
    with controlled(api, ProcessRunner(tmp_path)):
        api.store.create(JOB_SETS, jobset)
        with api.store.changed:
            assert api.store.changed.wait_for(lambda: holds(only(api), "Completed"), timeout=1500)
    pods = api.store.listed(PODS)
    assert [api.logs[pod["metadata"]["uid"]].lines[0][1] for pod in pods] == [
        "index 0 True",
        "index 1 True",
        "index 2 True",
    ]
    assert {pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"] for pod in pods} == {"bye"}
