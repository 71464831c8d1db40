"""`octo submit` of one job: what has ended before is said, and what would be refused later is refused now."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from octo.cluster.client import Cluster
from octo.cluster.launch import launch
from octo.cluster.rehearsal import rehearse
from octo.cluster.submit_command import submit_command
from octo.errors import ClusterForbiddenError, ClusterRefusedError, StageFailedError
from octo.render.rights import LAUNCH, rules
from octo.settings.base import S3Settings
from octo.settings.curation import CurationSettings
from octo.settings.loading import arguments_of
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.committing import commit
from tests.wire.cluster_examples import COMPLETE, fleet
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers
from tests.wire.kubernetes.faults import refuse
from tests.wire.kubernetes.objects import Object, Refusal, over_quota
from tests.wire.kubernetes.resources import JOB_SETS, JOBS, POD_TEMPLATES, PODS, Resource
from tests.wire.kubernetes.rights import granted
from tests.wire.kubernetes.runners import Ending, ScriptedRunner


@pytest.fixture
def arguments(store: Store, embedded: EmbeddedStore, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    assert embedded.s3.access_key is not None
    assert embedded.s3.secret_key is not None
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("OCTO_S3__ACCESS_KEY", embedded.s3.access_key.get_secret_value())
    monkeypatch.setenv("OCTO_S3__SECRET_KEY", embedded.s3.secret_key.get_secret_value())
    settings = CurationSettings(store=store.address, s3=S3Settings(endpoint=embedded.s3.endpoint), **COMPLETE)
    return ["curation", *arguments_of(settings)]


@pytest.fixture
def submitted(arguments: list[str]) -> Callable[..., int]:
    return lambda *flags: submit_command([*arguments, "--yes", *flags])


def end(controllers: Controllers, ending: Ending) -> str:
    """Let the only JobSet's pod run and end so; its name."""
    controllers.settle()
    controllers.kubelet.runner.end("curation", ending)
    controllers.settle()
    [jobset] = controllers.api.store.listed(JOB_SETS)
    return str(jobset["metadata"]["name"])


@pytest.mark.parametrize("flags", [(), ("--follow",), ("--json",)])
def test_a_job_that_has_failed_says_so_and_why_and_how_to_start_it_anew(
    submitted: Callable[..., int], controllers: Controllers, flags: tuple[str, ...]
) -> None:
    assert submitted() == 0
    name = end(controllers, Ending(2, '{"error": "--min-words: expected a value above 0"}'))
    with pytest.raises(StageFailedError) as caught:
        submitted(*flags)
    assert caught.value.exit_code == 1
    said = str(caught.value)
    assert said.startswith(
        f"nothing was started: JobSet {name} in namespace default has failed before: --min-words: exp"
    )
    assert f"octo cancel {name} -n default, then submit it again" in said


def test_what_failed_without_a_word_is_told_in_kubernetes_words(
    submitted: Callable[..., int], controllers: Controllers, api: FakeCluster
) -> None:
    submitted()
    end(controllers, Ending(2))
    for pod in api.store.listed(PODS):
        api.store.delete(PODS, "default", pod["metadata"]["name"])
    with pytest.raises(StageFailedError, match="failed with exit code 2 matching FailJob rule"):
        submitted()


def test_a_job_that_runs_is_only_said_to_be_there(
    submitted: Callable[..., int], controllers: Controllers, capsys: pytest.CaptureFixture[str]
) -> None:
    submitted()
    controllers.settle()
    assert submitted() == 0
    assert "there already is JobSet curation-" in capsys.readouterr().out


def test_a_job_that_has_succeeded_is_said_with_its_artifact(
    submitted: Callable[..., int], controllers: Controllers, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    made = commit(store, [{"documents.parquet": b"1"}], job="curation")
    submitted()
    end(controllers, Ending(0, json.dumps({"artifact": made.address})))
    capsys.readouterr()
    assert submitted() == 0
    assert f"nothing was created: its artifact is {made.address}" in capsys.readouterr().out


def test_a_job_whose_artifact_is_gone_does_not_pass_for_done(
    submitted: Callable[..., int], controllers: Controllers
) -> None:
    submitted()
    name = end(controllers, Ending(0))
    with pytest.raises(
        StageFailedError, match=r"has succeeded before, and its artifact .* is in the store no more"
    ) as caught:
        submitted()
    assert f"kubectl delete jobset {name} -n default, then submit it again" in str(caught.value)


def spoilt(change: Callable[[Object], object]) -> Object:
    """A JobSet whose pods are spoilt so."""
    jobset = fleet()
    change(jobset["spec"]["replicatedJobs"][0]["template"]["spec"]["template"])
    return jobset


BAD_KEY = 'Invalid value: "bad key!": name part must consist of alphanumeric characters'
SPOILT = pytest.mark.parametrize(
    ("change", "said", "remedy"),
    [
        (
            lambda template: template.setdefault("metadata", {}).update(annotations={"bad key!": "x"}),
            f"annotations: {BAD_KEY}",
            "mend --installation.annotations",
        ),
        (
            lambda template: template["spec"].update(nodeSelector={"pool": "a b"}),
            'nodeSelector: Invalid value: "a b": a valid label must be an empty string or consist of',
            "mend node_selector of its pool in --installation.pools",
        ),
        (
            lambda template: template["spec"]["containers"][0].update(image=" octo-data:1"),
            'containers[0].image: Invalid value: " octo-data:1": must not have leading or trailing whitespace',
            "mend --installation.images",
        ),
        (
            lambda template: template["spec"].update(tolerations=[{"key": "spot", "operator": "Exists", "value": "x"}]),
            "tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
            "mend tolerations of its pool",
        ),
    ],
)


@SPOILT
@pytest.mark.parametrize("may_create_pods", [True, False])
def test_what_a_pod_would_be_refused_for_is_refused_before_anything_is_created(
    cluster: Cluster,
    api: FakeCluster,
    change: Callable[[Object], object],
    said: str,
    remedy: str,
    *,
    may_create_pods: bool,
) -> None:
    if not may_create_pods:
        api.rights = granted(rules(LAUNCH, queued=False), "default")
    with pytest.raises(ClusterRefusedError) as caught:
        rehearse(cluster, spoilt(change))
    assert said in str(caught.value)
    assert remedy in str(caught.value)
    assert str(caught.value).startswith("nothing was created, for pods such as curation-shards-0-0 would be refused: ")
    assert [api.store.listed(each) for each in (JOB_SETS, PODS, POD_TEMPLATES)] == [[], [], []]


@SPOILT
def test_what_is_rehearsed_is_what_the_cluster_would_refuse_later(
    api: FakeCluster, change: Callable[[Object], object], said: str, remedy: str
) -> None:
    api.store.create(JOB_SETS, spoilt(change))
    Controllers(api, ScriptedRunner()).settle()
    assert len(api.store.listed(JOB_SETS)) == 1
    assert api.store.listed(JOBS) == []


def test_a_policy_that_judges_pods_is_asked_too(cluster: Cluster, api: FakeCluster) -> None:
    def deny(resource: Resource, manifest: Object) -> Object:
        if resource == PODS:
            raise Refusal(
                403, "Forbidden", 'pods "x" is forbidden: violates PodSecurity "restricted:latest": host ports'
            )
        return manifest

    api.store.admission.append(deny)
    with pytest.raises(ClusterRefusedError, match="would be refused: violates PodSecurity"):
        rehearse(cluster, fleet())


def test_a_quota_that_is_used_up_now_keeps_nothing_from_waiting(cluster: Cluster, api: FakeCluster) -> None:
    def deny(resource: Resource, manifest: Object) -> Object:
        if resource == PODS:
            raise over_quota(PODS, "x", "team, requested: pods=1, used: pods=4, limited: pods=4")
        return manifest

    api.store.admission.append(deny)
    rehearse(cluster, fleet())


def test_a_webhook_that_takes_no_dry_run_is_left_alone(cluster: Cluster, api: FakeCluster) -> None:
    message = 'admission webhook "x" does not support dry run with sideEffects: Some'
    api.faults.plan("POST", "/pods", refuse(400, "BadRequest", message))
    rehearse(cluster, fleet())
    assert any("/podtemplates" in request for request in api.requests)


def test_a_webhook_that_is_down_keeps_nothing_from_being_created(cluster: Cluster, api: FakeCluster) -> None:
    down = refuse(500, "InternalError", 'failed calling webhook "x": connection refused')
    for part in ("/pods", "/podtemplates"):
        api.faults.plan("POST", part, down, times=50)
    rehearse(replace(cluster, patience=0), fleet())


def test_a_cluster_without_pod_templates_is_not_asked_about_them(cluster: Cluster, api: FakeCluster) -> None:
    api.resources.remove(POD_TEMPLATES)
    api.rights = granted(rules(LAUNCH, queued=False), "default")
    rehearse(cluster, fleet())


def test_the_jobset_itself_is_judged_first(cluster: Cluster, api: FakeCluster) -> None:
    api.rights = granted([], "default")
    with pytest.raises(ClusterForbiddenError, match="not allowed to create jobsets"):
        rehearse(cluster, fleet())


def test_submit_and_launch_both_ask_before_they_create(
    submitted: Callable[..., int], arguments: list[str], api: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    def deny(resource: Resource, manifest: Object) -> Object:
        if resource == PODS:
            raise Refusal(403, "Forbidden", 'pods "x" is forbidden: no PriorityClass with name urgent was found')
        return manifest

    api.store.admission.append(deny)
    with pytest.raises(
        ClusterRefusedError, match="no PriorityClass with name urgent was found; have it created, or name"
    ):
        submitted()
    assert launch([*arguments, "--run-id=r"]) == 1
    assert "no PriorityClass with name urgent" in capsys.readouterr().err
    assert api.store.listed(JOB_SETS) == []
