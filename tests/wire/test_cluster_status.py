"""`octo status` has a sentence with the remedy for each state of a JobSet, its Jobs, its pods and its Workload."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from octo.cluster.ps import ps_command, status_command
from tests.wire.cluster_examples import create_queue, fleet, gang, queued
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers
from tests.wire.kubernetes.job_controller import index_of
from tests.wire.kubernetes.objects import Object, Refusal, over_quota
from tests.wire.kubernetes.resources import EVENTS, JOB_SETS, JOBS, PODS, Resource
from tests.wire.kubernetes.runners import Ending, ScriptedRunner
from tests.wire.kubernetes.store import timestamp

OUT_OF_MEMORY = Ending(137, reason="OOMKilled")


@pytest.fixture
def status(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[dict[str, object], str]]:
    """The row of a JobSet and its sentence."""

    def asked(name: str) -> tuple[dict[str, object], str]:
        assert status_command([name, f"--kubeconfig={kubeconfig}"]) == 0
        shown = capsys.readouterr().out.splitlines()
        assert status_command([name, "-o", "json", f"--kubeconfig={kubeconfig}"]) == 0
        [row] = json.loads(capsys.readouterr().out)["jobsets"]
        header, values = shown[0].split(), shown[1].split()
        columns = dict(zip(header, values, strict=True))
        sentences = shown[2:]
        assert sentences == ([f"{row['stage']}: {row['why']}"] if row["why"] else [])
        return columns, row["why"]

    return asked


Status = Callable[[str], tuple[dict[str, str], str]]


def test_pods_that_fail_and_are_tried_again_are_counted_and_their_error_is_told(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(2, retries=3))
    controllers.settle()
    for index in (0, 1, 1):
        runner.end(f"curation-shards-0-{index}", Ending(1, '{"error": "the bucket was emptied meanwhile"}'))
        controllers.settle()
    row, why = status("curation")
    assert (row["RESTARTS"], row["STATE"]) == ("3", "Running")
    assert why == "2 of 2 pods failed and are tried again (retry 2 of 3): the bucket was emptied meanwhile"


def test_one_pod_of_several_that_is_tried_again_is_one(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(3, retries=2))
    controllers.settle()
    runner.end("curation-shards-0-1", Ending(1, '{"error": "it broke"}'))
    controllers.settle()
    assert status("curation")[1] == "1 of 3 pods failed and is tried again (retry 1 of 2): it broke"


def test_a_rank_that_fails_is_not_said_to_be_tried_again_alone(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, gang(2))
    controllers.settle()
    runner.end("training-node-0-1", Ending(1, '{"error": "it broke"}'))
    # Before the JobSet's controller has seen it.
    row, why = status("training")
    assert row["RESTARTS"] == "0"
    assert why == "1 of 2 pods failed, and all start again together, if a restart is left: it broke"
    controllers.settle()
    assert status("training")[0]["RESTARTS"] == "1"


def test_pods_in_back_off_are_no_pending_ones(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    jobset = fleet(2)
    container = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": "3Gi"}}
    api.store.create(JOB_SETS, jobset)
    controllers.settle()
    for index in (0, 1):
        runner.end(f"curation-shards-0-{index}", OUT_OF_MEMORY)
    # The Job's controller counts them, and waits before it starts others.
    controllers.jobs.backing_off = True
    controllers.settle()
    row, why = status("curation")
    assert (row["STATE"], row["PODS"], row["RESTARTS"]) == ("Retrying", "0/2", "2")
    assert why.startswith("2 of 2 pods failed and are tried again (retry 1 of 1): pod curation-shards-0-")
    assert why.endswith("was killed for using more memory than 3Gi: raise --need.memory-gib")


def test_an_index_that_is_given_up_is_told_while_the_others_go_on(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(3, retries=0))
    controllers.settle()
    runner.end("curation-shards-0-2", Ending(1, '{"error": "shard 2 is no Parquet"}'))
    controllers.settle()
    row, why = status("curation")
    assert (row["STATE"], row["PODS"], row["RESTARTS"]) == ("Running", "2/3", "0")
    assert why == "1 of 3 pods failed for good, and the job fails once the others have ended: shard 2 is no Parquet"


def test_what_a_disruption_took_is_no_failure(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(1))
    controllers.settle()
    controllers.kubelet.evict("default", api.store.listed(PODS)[0]["metadata"]["name"])
    controllers.settle()
    row, why = status("curation")
    assert (row["STATE"], row["RESTARTS"], why) == ("Running", "0", "")


def test_finished_pods_are_among_the_pods(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(3))
    controllers.settle()
    runner.end("curation-shards-0-0", Ending())
    controllers.settle()
    row, _ = status("curation")
    assert (row["PODS"], row["DONE"]) == ("3/3", "1/3")
    for index in (1, 2):
        runner.end(f"curation-shards-0-{index}", Ending())
    controllers.settle()
    row, why = status("curation")
    assert (row["STATE"], row["PODS"], row["DONE"], why) == ("Succeeded", "3/3", "3/3", "")


def test_a_failed_job_says_why_and_how_to_start_it_anew(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(1))
    controllers.settle()
    runner.end("curation", Ending(2, '{"error": "--min-words: expected a value above 0"}'))
    controllers.settle()
    row, why = status("curation")
    assert (row["STATE"], row["RESTARTS"]) == ("Failed", "0")
    assert why == "--min-words: expected a value above 0; once mended, `octo cancel curation`, and start it again"


def test_a_job_that_was_taken_away_goes_on_where_it_was(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, gang(1, restarts=0))
    controllers.settle()
    runner.end("training", Ending(75, '{"error": "stopped by SIGTERM; what is saved stays"}'))
    controllers.settle()
    _, why = status("training")
    assert why == (
        "stopped by SIGTERM; what is saved stays; to go on where it was, `octo cancel training`, and start it again"
    )


def test_a_failed_job_whose_pods_are_gone_has_the_words_of_its_jobs(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(1))
    controllers.settle()
    runner.end("curation", Ending(2))
    controllers.settle()
    for pod in api.store.listed(PODS):
        api.store.delete(PODS, "default", pod["metadata"]["name"])
    _, why = status("curation")
    assert "failed with exit code 2 matching FailJob rule at index 0" in why
    assert why.endswith("; once mended, `octo cancel curation`, and start it again")


def refusing(resource: Resource, refusal: Callable[[str], Refusal]) -> Callable[[Resource, Object], Object]:
    def admit(asked: Resource, manifest: Object) -> Object:
        if asked == resource:
            raise refusal(manifest["metadata"]["name"])
        return manifest

    return admit


def forbidden(message: str) -> Callable[[str], Refusal]:
    return lambda name: Refusal(403, "Forbidden", f'x "{name}" is forbidden: {message}')


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            lambda name: over_quota(JOBS, name, "few, requested: count/jobs.batch=1, used: count/jobs.batch=2"),
            (
                "its Job cannot be created: the quota of the namespace leaves no room: few, "
                "requested: count/jobs.batch=1, used: count/jobs.batch=2; wait for others to end"
            ),
        ),
        (
            lambda _name: Refusal(403, "Forbidden", 'admission webhook "p.example" denied the request: no owner label'),
            'its Job cannot be created: admission webhook "p.example" denied the request: no owner label; a policy of',
        ),
    ],
)
def test_a_job_that_cannot_be_created_is_told_and_forgotten_when_it_is(
    api: FakeCluster, controllers: Controllers, status: Status, refusal: Callable[[str], Refusal], said: str
) -> None:
    admit = refusing(JOBS, refusal)
    api.store.admission.append(admit)
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    assert status("curation")[1].startswith(said)
    api.store.admission.remove(admit)
    controllers.settle()
    assert status("curation")[1] == ""


def test_an_annotation_that_no_pod_can_have_is_told_with_its_setting(
    api: FakeCluster, controllers: Controllers, status: Status
) -> None:
    jobset = fleet()
    template = jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    template["metadata"] = {"annotations": {"bad key!": "x"}}
    api.store.create(JOB_SETS, jobset)
    controllers.settle()
    _, why = status("curation")
    assert why.startswith(
        'its Job cannot be created: spec.template.annotations: Invalid value: "bad key!": name part must'
    )
    assert why.endswith("; mend --installation.annotations")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            'error looking up service account default/jobs: serviceaccount "jobs" not found',
            "create it, as the chart does, or name another by --installation.service-account",
        ),
        ("no PriorityClass with name urgent was found", "name another by --installation.priority-class"),
        ('violates PodSecurity "restricted:latest": seccompProfile', "mend what was added to them"),
        (
            "maximum memory usage per Container is 2Gi, but limit is 8Gi",
            "ask for what the namespace's LimitRange allows",
        ),
    ],
)
def test_a_pod_that_cannot_be_created_is_told_with_the_remedy(
    api: FakeCluster, controllers: Controllers, status: Status, message: str, said: str
) -> None:
    api.store.admission.append(refusing(PODS, forbidden(message)))
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    _, why = status("curation")
    assert why.startswith(f"its pods cannot be created: {message}; ")
    assert said in why


def test_pods_for_which_there_is_no_quota_are_told_beside_those_that_run(
    api: FakeCluster, controllers: Controllers, status: Status
) -> None:
    def admit(resource: Resource, manifest: Object) -> Object:
        if resource == PODS and len(api.store.listed(PODS)) == 2:
            raise over_quota(
                PODS, manifest["metadata"]["name"], "team, requested: pods=1, used: pods=2, limited: pods=2"
            )
        return manifest

    api.store.admission.append(admit)
    api.store.create(JOB_SETS, fleet(5))
    controllers.settle()
    row, why = status("curation")
    assert row["PODS"] == "2/5"
    assert why.startswith(
        "3 of its 5 pods cannot be created: the quota of the namespace leaves no room: team, requested"
    )


def test_what_the_queue_can_never_hold_does_not_wait(
    api: FakeCluster, controllers: Controllers, status: Status
) -> None:
    create_queue(api, 8)
    api.store.create(JOB_SETS, queued(gang(2)))
    controllers.settle()
    row, why = status("training")
    assert row["STATE"] == "Queued"
    assert why.startswith("it can never run in queue team: couldn't assign flavors to pod set node: insufficient quota")
    assert why.endswith(
        "> maximum capacity (8); ask for less by --need, take another queue by --installation.queue, or have this "
        "one's quota raised"
    )


@pytest.mark.parametrize(
    ("message", "shown", "remedy"),
    [
        (
            (
                "0/9 nodes are available: 1 node(s) had untolerated taint(s) {pool: spot}, 8 Insufficient gpus. "
                "no new claims to deallocate, preemption: 0/9 nodes are available: 1 Preemption is not helpful for "
                "scheduling, 8 No preemption victims found for incoming pod."
            ),
            "0/9 nodes are available: 1 node(s) had untolerated taint(s) {pool: spot}, 8 Insufficient gpus",
            "give its pool in --installation.pools the toleration, or ask for less by --need",
        ),
        (
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/2 nodes "
                "are available: 2 Preemption is not helpful for scheduling."
            ),
            "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector",
            "mend node_selector of its pool in --installation.pools",
        ),
        ("0/1 nodes are available: 1 node(s) were unschedulable.", "1 node(s) were unschedulable", "nodes are closed"),
    ],
)
def test_the_scheduler_is_quoted_without_what_it_says_to_itself(
    api: FakeCluster, controllers: Controllers, status: Status, message: str, shown: str, remedy: str
) -> None:
    controllers.kubelet.unschedulable = lambda _pod: message
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    _, why = status("curation")
    assert why.startswith("2 of 2 pods wait: no node takes it: ")
    assert f"{shown}; {remedy}" in why
    assert "preemption" not in why.lower()


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ('Back-off pulling image "i": ErrImagePull: not found', "build and push it, or name another"),
        ("401 Unauthorized", "name a secret for its registry in --installation.images.pull-secrets"),
        ("dial tcp: lookup registry.example: no such host", "its registry is out of the nodes' reach"),
    ],
)
def test_an_image_that_cannot_be_fetched_is_told_with_what_kind_of_thing_is_wrong(
    api: FakeCluster, controllers: Controllers, status: Status, message: str, remedy: str
) -> None:
    controllers.kubelet.unpullable = lambda pod: "" if index_of(pod) else message
    api.store.create(JOB_SETS, fleet())
    controllers.settle()
    _, why = status("curation")
    assert why.startswith(f"1 of 2 pods wait: image octo-data:1 cannot be fetched ({message}): {remedy}")


def test_what_a_node_cannot_prepare_is_told(api: FakeCluster, controllers: Controllers, status: Status) -> None:
    api.store.create(JOB_SETS, fleet(1))
    controllers.kubelet.unpullable = lambda _pod: "x"
    controllers.settle()
    [pod] = api.store.listed(PODS)
    metadata = pod["metadata"]
    waiting = {"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}], "phase": "Pending"}
    api.store.set_status(PODS, pod, waiting)
    place = (PODS, "default", metadata["name"])
    api.store.change(*place, lambda old: old | {"spec": old["spec"] | {"nodeName": "n1"}})
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]},
        "type": "Warning",
        "reason": "FailedMount",
        "message": 'MountVolume.SetUp failed for volume "settings" : configmap "octo-installation" not found',
    }
    api.store.create(EVENTS, event)
    _, why = status("curation")
    assert why.startswith("its pod waits: its node cannot prepare it: MountVolume.SetUp failed for volume")
    assert why.endswith("not found: create it in the namespace of the job")


def test_a_pod_whose_node_does_not_let_it_go_is_told(
    api: FakeCluster, controllers: Controllers, runner: ScriptedRunner, status: Status
) -> None:
    api.store.create(JOB_SETS, fleet(1))
    controllers.settle()
    [pod] = api.store.listed(PODS)
    long_ago = timestamp(datetime.now(UTC) - timedelta(minutes=10))

    def lost(old: Object) -> Object:
        metadata = old["metadata"] | {"finalizers": ["somebody/waits"], "deletionTimestamp": long_ago}
        return old | {"metadata": metadata, "spec": old["spec"] | {"nodeName": "node-7"}}

    api.store.change(PODS, "default", pod["metadata"]["name"], lost)
    _, why = status("curation")
    name = pod["metadata"]["name"]
    assert why.startswith(f"pod {name} was told to stop and is still there: does node-7 answer?")
    assert f"`kubectl delete pod {name} --force`" in why


def test_what_is_being_deleted_says_so(api: FakeCluster, controllers: Controllers, status: Status) -> None:
    jobset = fleet(1)
    jobset["metadata"]["finalizers"] = ["somebody/waits"]
    api.store.create(JOB_SETS, jobset)
    controllers.settle()
    api.store.delete(JOB_SETS, "default", "curation", "Foreground")
    row, why = status("curation")
    assert (row["STATE"], why) == ("Terminating", "it is being deleted, once its pods have stopped")


def test_ps_counts_as_status_does(
    api: FakeCluster,
    controllers: Controllers,
    runner: ScriptedRunner,
    kubeconfig: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    api.store.create(JOB_SETS, fleet(2, retries=3))
    controllers.settle()
    runner.end("curation-shards-0-0", Ending(1))
    runner.end("curation-shards-0-1", Ending())
    controllers.settle()
    assert ps_command([f"--kubeconfig={kubeconfig}"]) == 0
    header, row = (line.split() for line in capsys.readouterr().out.splitlines())
    shown = dict(zip(header, row, strict=True))
    assert (shown["PODS"], shown["RESTARTS"], shown["STATE"]) == ("2/2", "1", "Running")
