"""The fake cluster collects as a real one does: what an owner owns, and what names no owner that is there."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers
from tests.wire.kubernetes.objects import Object
from tests.wire.kubernetes.resources import CONFIG_MAPS, JOB_SETS, JOBS
from tests.wire.kubernetes.runners import ScriptedRunner

OWNER = "owner"


@pytest.fixture
def settled(api: FakeCluster) -> Callable[[], None]:
    controllers = Controllers(api, ScriptedRunner())
    return lambda: controllers.garbage.reconcile(api.store.all_changes(0))


def owner(api: FakeCluster) -> str:
    spec = {"suspend": True, "template": {"spec": {"containers": []}}}
    return str(api.store.create(JOBS, {"metadata": {"name": OWNER}, "spec": spec})["metadata"]["uid"])


def owned(api: FakeCluster, *references: Object) -> None:
    metadata = {"name": "x", "ownerReferences": list(references)}
    api.store.create(JOB_SETS, {"metadata": metadata, "spec": {"replicatedJobs": []}})


def reference(uid: str, **more: Any) -> Object:
    return {"apiVersion": "batch/v1", "kind": "Job", "name": OWNER, "uid": uid} | more


@pytest.mark.parametrize(
    ("difference", "survives"),
    [({}, True), ({"uid": "of another"}, False), ({"apiVersion": "v1", "kind": "Pod"}, False), ({"name": "y"}, False)],
)
def test_what_names_an_owner_that_is_not_there_is_collected(
    api: FakeCluster, settled: Callable[[], None], difference: Object, *, survives: bool
) -> None:
    owned(api, reference(owner(api)) | difference)
    settled()
    assert bool(api.store.listed(JOB_SETS)) is survives


def test_of_several_owners_those_that_are_there_keep_it(api: FakeCluster, settled: Callable[[], None]) -> None:
    uid = owner(api)
    owned(api, reference("gone"), reference(uid))
    settled()
    [kept] = api.store.listed(JOB_SETS)
    assert [each["uid"] for each in kept["metadata"]["ownerReferences"]] == [uid]


def test_in_the_background_the_owner_goes_first(api: FakeCluster) -> None:
    owned(api, reference(owner(api), blockOwnerDeletion=True))
    api.store.delete(JOBS, "default", OWNER, "Background")
    assert api.store.listed(JOBS) == api.store.listed(JOB_SETS) == []
    deleted = [change.resource for change in api.store.all_changes(0) if change.kind == "DELETED"]
    assert deleted == [JOBS, JOB_SETS]


@pytest.mark.parametrize("blocks", [True, False])
def test_in_the_foreground_the_owner_waits_for_what_blocks_it(api: FakeCluster, *, blocks: bool) -> None:
    uid = owner(api)
    held = {
        "name": "x",
        "finalizers": ["somebody/waits"],
        "ownerReferences": [reference(uid, blockOwnerDeletion=blocks)],
    }
    api.store.create(CONFIG_MAPS, {"metadata": held, "data": {}})
    api.store.delete(JOBS, "default", OWNER, "Foreground")
    assert bool(api.store.listed(JOBS)) is blocks
    assert "deletionTimestamp" in api.store.listed(CONFIG_MAPS)[0]["metadata"]
    free = lambda old: old | {"metadata": old["metadata"] | {"finalizers": []}}  # noqa: E731 - what a controller does
    api.store.change(CONFIG_MAPS, "default", "x", free)
    assert api.store.listed(JOBS) == api.store.listed(CONFIG_MAPS) == []


def test_an_orphan_loses_its_owner_and_stays(api: FakeCluster, settled: Callable[[], None]) -> None:
    owned(api, reference(owner(api)))
    api.store.delete(JOBS, "default", OWNER, "Orphan")
    settled()
    [kept] = api.store.listed(JOB_SETS)
    assert kept["metadata"]["ownerReferences"] == []
