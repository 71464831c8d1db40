import threading
from pathlib import Path

import pytest

from octo.cluster.client import Cluster, connect
from octo.cluster.kinds import JOB_SET, LOCAL_QUEUE, POD, Manifest
from octo.errors import (
    ClusterConflictError,
    ClusterError,
    ClusterExpiredError,
    ClusterForbiddenError,
    ClusterLacksError,
    ClusterLoginError,
    ClusterMissingError,
    ClusterQuotaError,
    ClusterRefusedError,
    ClusterUnreachableError,
    UsageError,
)
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.faults import HANG_UP, LOSE_REPLY, Fault, refuse, refuse_in_plain_text
from tests.wire.kubernetes.objects import Object, invalid, over_quota
from tests.wire.kubernetes.resources import JOB_SETS, Resource
from tests.wire.kubernetes.rights import granted

ALWAYS = 100


def jobset(name: str = "train", **labels: str) -> Manifest:
    return {
        "apiVersion": JOB_SET.api_version,
        "kind": JOB_SET.kind,
        "metadata": {"name": name, "labels": labels},
        "spec": {"replicatedJobs": []},
    }


def test_what_is_created_is_read_listed_patched_and_deleted(cluster: Cluster) -> None:
    created = cluster.create(JOB_SET, jobset(color="red"))
    cluster.create(JOB_SET, jobset("other", color="blue"))
    assert cluster.get(JOB_SET, "train") == created
    assert [each["metadata"]["name"] for each in cluster.list(JOB_SET, labels="color=red").items] == ["train"]
    patched = cluster.patch(JOB_SET, "train", {"metadata": {"annotations": {"a": "b"}, "labels": {"color": None}}})
    assert (patched["metadata"]["annotations"], patched["metadata"]["labels"]) == ({"a": "b"}, {})
    cluster.delete(JOB_SET, "train")
    with pytest.raises(ClusterMissingError, match="there is no JobSet train in namespace default: `octo ps`"):
        cluster.get(JOB_SET, "train")


def test_all_namespaces_are_listed_at_once(cluster: Cluster, api: FakeCluster) -> None:
    api.store.create(next(each for each in api.resources if each.kind == "Namespace"), {"metadata": {"name": "far"}})
    cluster.create(JOB_SET, jobset())
    cluster.elsewhere("far").create(JOB_SET, jobset())
    found = cluster.elsewhere("").list(JOB_SET).items
    assert [each["metadata"]["namespace"] for each in found] == ["default", "far"]
    assert {each["kind"] for each in found} == {"JobSet"}


def test_deleting_what_is_gone_is_done(cluster: Cluster) -> None:
    cluster.delete(JOB_SET, "never")


def test_a_delete_by_uid_leaves_a_namesake_alone(cluster: Cluster) -> None:
    cluster.create(JOB_SET, jobset())
    with pytest.raises(ClusterConflictError):
        cluster.delete(JOB_SET, "train", uid="another")
    assert cluster.get(JOB_SET, "train")


@pytest.mark.parametrize("fault", [HANG_UP, LOSE_REPLY, refuse(503, "ServiceUnavailable"), refuse(429, "TooMany")])
def test_a_server_that_fails_for_a_moment_is_asked_again(cluster: Cluster, api: FakeCluster, fault: Fault) -> None:
    cluster.create(JOB_SET, jobset())
    api.faults.plan("GET", "/jobsets/train", fault, times=2)
    assert cluster.get(JOB_SET, "train")["metadata"]["name"] == "train"
    assert len(api.faults.happened) == 2


def test_a_server_that_says_when_to_come_back_is_not_asked_before(cluster: Cluster, api: FakeCluster) -> None:
    api.faults.plan("GET", "/jobsets", refuse(429, "TooManyRequests", retry_after=60))
    with pytest.raises(ClusterUnreachableError, match="answered 429 to list of JobSets in namespace default"):
        cluster.list(JOB_SET)
    assert len(api.requests) == 1


def test_an_object_with_a_name_of_the_servers_making_is_not_created_twice(cluster: Cluster, api: FakeCluster) -> None:
    unnamed = jobset() | {"metadata": {"generateName": "train-"}}
    api.faults.plan("POST", "/jobsets", LOSE_REPLY)
    with pytest.raises(ClusterUnreachableError, match=r"no answer from the cluster at http://127"):
        cluster.create(JOB_SET, unnamed)
    assert len(cluster.list(JOB_SET).items) == 1


def test_an_answer_cut_short_is_asked_for_again(cluster: Cluster, api: FakeCluster) -> None:
    cluster.create(JOB_SET, jobset())
    with api.restarting():
        waiting = threading.Timer(0.2, lambda: setattr(api, "down", False))
        waiting.start()
        assert cluster.get(JOB_SET, "train")
    waiting.join()


def test_a_cluster_that_is_not_there_is_named(kubeconfig: Path, api: FakeCluster) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace(api.endpoint, "http://127.0.0.1:9"))
    with pytest.raises(ClusterUnreachableError, match=r"http://127.0.0.1:9 .*--context and --kubeconfig choose"):
        connect(kubeconfig=kubeconfig, patience=0).list(JOB_SET)


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        (refuse(401, "Unauthorized"), ClusterLoginError, r"refused the credentials.* log in again"),
        (
            refuse(403, "Forbidden", 'jobsets.jobset.x-k8s.io is forbidden: User "u" cannot create resource "jobsets"'),
            ClusterForbiddenError,
            (
                r'^not allowed to create jobsets of jobset.x-k8s.io in namespace default: User "u" cannot create '
                r'resource "jobsets"; name {kind: User, name: "u"} under rbac.launchers in the values of octo.s chart'
            ),
        ),
        (
            refuse(
                403, "Forbidden", 'pods "x" is forbidden: violates PodSecurity "restricted:latest": host namespaces'
            ),
            ClusterForbiddenError,
            r"^the cluster forbids JobSet train in namespace default: violates PodSecurity",
        ),
        (
            refuse_in_plain_text(404, "404 page not found\n"),
            ClusterLacksError,
            r"know jobsets.jobset.x-k8s.io in version v1alpha2: install JobSet 0.12 or newer, by `kubectl apply --",
        ),
        (refuse(409, "Conflict", "modified"), ClusterConflictError, r"somebody else changed JobSet train .*try again"),
        (refuse(410, "Expired", "too old"), ClusterExpiredError, r"forgotten .*too old"),
        (
            refuse(400, "BadRequest", 'strict decoding error: unknown field "spec.foo"'),
            ClusterRefusedError,
            r'refused JobSet train in namespace default: strict decoding error: unknown field "spec.foo"; mend',
        ),
        (
            refuse(500, "InternalError", "etcd is down"),
            ClusterUnreachableError,
            r"answered 500 .*: etcd is down; it may",
        ),
        (refuse(418, "Teapot", "short and stout"), ClusterError, r"answered 418 to create of JobSet train"),
    ],
)
def test_each_refusal_has_its_sentence_and_its_remedy(
    kubeconfig: Path, api: FakeCluster, fault: Fault, kind: type[ClusterError], sentence: str
) -> None:
    api.faults.plan("POST", "/jobsets", fault, times=ALWAYS)
    with pytest.raises(kind, match=sentence) as caught:
        connect(kubeconfig=kubeconfig, patience=0).create(JOB_SET, jobset())
    assert "\n" not in str(caught.value)


def test_a_missing_namespace_is_told_from_a_missing_object(cluster: Cluster) -> None:
    with pytest.raises(ClusterMissingError, match="there is no namespace nowhere: create it, or choose another"):
        cluster.elsewhere("nowhere").create(JOB_SET, jobset())


def test_a_cluster_without_kueue_says_what_to_install(cluster: Cluster, api: FakeCluster) -> None:
    api.resources[:] = [each for each in api.resources if each.group != "kueue.x-k8s.io"]
    with pytest.raises(ClusterLacksError, match=r"install Kueue 0.19 or newer"):
        cluster.list(LOCAL_QUEUE)


def test_a_quota_that_is_used_up_is_told_from_a_missing_right(cluster: Cluster, api: FakeCluster) -> None:
    def deny(resource: Resource, manifest: Object) -> Object:
        quota = "jobs, requested: count/jobsets=1, used: count/jobsets=4, limited: count/jobsets=4"
        raise over_quota(resource, manifest["metadata"]["name"], quota)

    api.store.admission.append(deny)
    with pytest.raises(ClusterQuotaError, match=r"quota of namespace default leaves no room for JobSet train: jobs, "):
        cluster.create(JOB_SET, jobset())


def test_a_refused_field_is_named(cluster: Cluster, api: FakeCluster) -> None:
    def refuse_name(_resource: Resource, manifest: Object) -> Object:
        raise invalid(JOB_SETS, "train", "spec.replicatedJobs[0].name", "must be shorter")

    api.store.admission.append(refuse_name)
    with pytest.raises(
        ClusterRefusedError, match=r"refused JobSet train .*: spec.replicatedJobs\[0\].name: must be sh"
    ):
        cluster.create(JOB_SET, jobset())


def test_a_role_allows_what_it_says_and_no_more(cluster: Cluster, api: FakeCluster) -> None:
    api.rights = granted([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}], "default")
    assert cluster.list(POD).items == []
    with pytest.raises(ClusterForbiddenError, match="not allowed to get pods in namespace default"):
        cluster.get(POD, "p")


def test_a_token_that_was_renewed_on_disk_is_read_again(cluster: Cluster, api: FakeCluster, kubeconfig: Path) -> None:
    api.token = "new"
    with pytest.raises(ClusterLoginError):
        cluster.list(POD)
    api.write_kubeconfig(kubeconfig)
    assert cluster.list(POD).items == []


def test_a_context_that_is_missing_is_wrong_usage(kubeconfig: Path) -> None:
    with pytest.raises(UsageError, match=r"no way to a cluster is known: .*nowhere.*; give --kubeconfig or --context"):
        connect(context="nowhere", kubeconfig=kubeconfig)


def test_the_namespace_is_the_contexts_unless_another_is_given(api: FakeCluster, tmp_path: Path) -> None:
    path = api.write_kubeconfig(tmp_path / "c", namespace="theirs")
    assert connect(kubeconfig=path).namespace == "theirs"
    assert connect("mine", kubeconfig=path).namespace == "mine"
