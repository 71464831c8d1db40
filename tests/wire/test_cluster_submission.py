import pytest

from octo.cluster.client import Cluster
from octo.cluster.kinds import JOB_SET
from octo.cluster.submission import create_or_adopt
from octo.errors import ClusterConflictError, ClusterQuotaError
from tests.wire.cluster_examples import fleet
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.faults import LOSE_REPLY, refuse
from tests.wire.kubernetes.objects import Object, over_quota
from tests.wire.kubernetes.resources import JOB_SETS, Resource

FIRST_POD = {"apiVersion": "v1", "kind": "Pod", "name": "step-1", "uid": "1"}
SECOND_POD = {"apiVersion": "v1", "kind": "Pod", "name": "step-2", "uid": "2"}


def owned(owner: Object) -> Object:
    jobset = fleet()
    jobset["metadata"]["ownerReferences"] = [owner]
    return jobset


def test_a_jobset_is_created_once_and_adopted_after_that(cluster: Cluster) -> None:
    first, created = create_or_adopt(cluster, fleet())
    again, created_again = create_or_adopt(cluster, fleet())
    assert (created, created_again) == (True, False)
    assert again == first


def test_a_creation_whose_reply_was_lost_is_adopted(cluster: Cluster, api: FakeCluster) -> None:
    api.faults.plan("POST", "/jobsets", LOSE_REPLY)
    jobset, created = create_or_adopt(cluster, fleet())
    assert not created
    assert cluster.list(JOB_SET).items == [jobset]


def test_adoption_changes_the_owner(cluster: Cluster, api: FakeCluster) -> None:
    create_or_adopt(cluster, owned(FIRST_POD))
    adopted, _ = create_or_adopt(cluster, owned(SECOND_POD))
    assert adopted["metadata"]["ownerReferences"] == [SECOND_POD]
    assert api.store.listed(JOB_SETS)[0]["metadata"]["ownerReferences"] == [SECOND_POD]


def test_adoption_by_nobody_leaves_the_owner(cluster: Cluster) -> None:
    create_or_adopt(cluster, owned(FIRST_POD))
    adopted, _ = create_or_adopt(cluster, fleet())
    assert adopted["metadata"]["ownerReferences"] == [FIRST_POD]


def test_what_does_something_else_is_not_adopted(cluster: Cluster) -> None:
    create_or_adopt(cluster, fleet())
    other = fleet()
    other["metadata"]["annotations"]["octo.dev/spec"] = "another"
    with pytest.raises(
        ClusterConflictError, match=r"curation in namespace default does something else .*octo cancel c"
    ):
        create_or_adopt(cluster, other)


def test_what_is_being_deleted_is_not_adopted(cluster: Cluster, api: FakeCluster) -> None:
    jobset = fleet()
    jobset["metadata"]["finalizers"] = ["somebody/waits"]
    create_or_adopt(cluster, jobset)
    cluster.delete(JOB_SET, "curation")
    with pytest.raises(ClusterConflictError, match="is being deleted: try again when it is gone"):
        create_or_adopt(cluster, jobset)


def test_what_was_deleted_between_the_two_is_created(cluster: Cluster, api: FakeCluster) -> None:
    api.faults.plan("POST", "/jobsets", refuse(409, "AlreadyExists"))
    _, created = create_or_adopt(cluster, fleet())
    assert created


def test_a_denied_quota_creates_nothing(cluster: Cluster, api: FakeCluster) -> None:
    def deny(resource: Resource, manifest: Object) -> Object:
        raise over_quota(resource, manifest["metadata"]["name"], "gpus, requested: x=8, used: x=8, limited: x=8")

    api.store.admission.append(deny)
    with pytest.raises(ClusterQuotaError, match=r"no room for JobSet curation: gpus, requested: x=8"):
        create_or_adopt(cluster, fleet())
    assert api.store.listed(JOB_SETS) == []
