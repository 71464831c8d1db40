import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from octo.cluster.client import Cluster, connect
from octo.cluster.kinds import JOB_SET
from octo.cluster.watching import Change, Watch
from octo.errors import ClusterForbiddenError, ClusterUnreachableError, ClusterWithdrawnError
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.faults import HANG_UP, Fault, cut_after, end_after, refuse
from tests.wire.kubernetes.resources import JOB_SETS
from tests.wire.kubernetes.rights import granted


def add(api: FakeCluster, name: str, color: str = "red") -> None:
    api.store.create(JOB_SETS, {"metadata": {"name": name, "labels": {"color": color}}, "spec": {}})


def edit(api: FakeCluster, name: str, **spec: int) -> None:
    api.store.change(JOB_SETS, "default", name, lambda old: old | {"spec": spec})


def told(changes: Iterator[Change], number: int) -> list[str]:
    """The next changes, as in `ADDED a`."""
    return [
        f"{change.type} {change.manifest.get('metadata', {}).get('name', '')}".strip()
        for change in itertools.islice(changes, number)
    ]


@pytest.fixture
def watch(cluster: Cluster) -> Iterator[Watch]:
    watch = Watch(cluster, JOB_SET, labels="color=red", patience=30)
    yield watch
    watch.close()


@pytest.fixture
def changes(watch: Watch) -> Iterator[Change]:
    return iter(watch)


def test_what_is_there_is_told_and_then_what_happens(api: FakeCluster, changes: Iterator[Change]) -> None:
    add(api, "a")
    add(api, "other", "blue")
    assert told(changes, 2) == ["ADDED a", "LISTED"]
    add(api, "b")
    edit(api, "a", x=1)
    api.store.delete(JOB_SETS, "default", "a")
    assert told(changes, 3) == ["ADDED b", "MODIFIED a", "DELETED a"]


def test_what_loses_its_label_is_told_as_deleted(api: FakeCluster, changes: Iterator[Change]) -> None:
    add(api, "a")
    told(changes, 2)
    api.store.change(JOB_SETS, "default", "a", lambda old: old | {"metadata": {**old["metadata"], "labels": {}}})
    assert told(changes, 1) == ["DELETED a"]


@pytest.mark.parametrize(
    "fault", [HANG_UP, cut_after(0), cut_after(1), refuse(503, "ServiceUnavailable"), refuse(429, "TooManyRequests")]
)
def test_no_change_is_lost_or_told_twice_through_broken_connections(
    api: FakeCluster, changes: Iterator[Change], fault: Fault
) -> None:
    add(api, "a")
    told(changes, 2)
    api.faults.plan("GET", "watch=true", fault, times=3)
    for number in range(4):
        add(api, f"b{number}")
    api.cut_streams()
    assert told(changes, 4) == ["ADDED b0", "ADDED b1", "ADDED b2", "ADDED b3"]
    assert len(api.faults.happened) == 3


@pytest.mark.parametrize("how", ["in the stream", "as the answer"])
def test_when_the_history_is_forgotten_the_differences_are_told(
    api: FakeCluster, changes: Iterator[Change], how: str
) -> None:
    for name in "abc":
        add(api, name)
    told(changes, 4)
    with api.restarting():
        api.store.delete(JOB_SETS, "default", "a")
        edit(api, "b", x=1)
        api.store.delete(JOB_SETS, "default", "c")
        add(api, "c")
        add(api, "d")
        if how == "as the answer":
            api.faults.plan("GET", "watch=true", refuse(410, "Expired", "too old resource version"))
        else:
            api.store.compact()
    seen = told(changes, 6)
    assert sorted(seen[:2]) == ["DELETED a", "DELETED c"]
    assert seen[2:] == ["MODIFIED b", "ADDED c", "ADDED d", "LISTED"]


def test_a_restart_of_the_api_server_is_outlasted(api: FakeCluster, changes: Iterator[Change]) -> None:
    add(api, "a")
    told(changes, 2)
    with api.restarting():
        add(api, "b")
    assert told(changes, 1) == ["ADDED b"]


def test_a_watch_that_the_server_ends_goes_on_where_it_was(api: FakeCluster, changes: Iterator[Change]) -> None:
    api.longest_watch = 0
    add(api, "a")
    told(changes, 2)
    for number in range(3):
        add(api, f"b{number}")
        assert told(changes, 1) == [f"ADDED b{number}"]
    assert sum("watch=true" in request for request in api.requests) > 1
    assert sum("watch=true" not in request for request in api.requests) == 1


def test_a_server_that_stays_away_ends_the_watch(api: FakeCluster, kubeconfig: Path) -> None:
    changes = iter(Watch(connect(kubeconfig=kubeconfig, patience=0), JOB_SET, patience=0))
    assert told(changes, 1) == ["LISTED"]
    with api.restarting(), pytest.raises(ClusterUnreachableError, match=r"broke|no answer"):
        next(changes)


def test_what_was_allowed_is_asked_again_while_a_server_knows_nobodys_rights(
    api: FakeCluster, changes: Iterator[Change]
) -> None:
    add(api, "a")
    told(changes, 2)
    edit(api, "a", x=1)
    assert told(changes, 1) == ["MODIFIED a"]
    with api.restarting(forbids=3):
        add(api, "b")
        api.store.compact()
    assert told(changes, 2) == ["ADDED b", "LISTED"]
    assert api.forbidding == 0


def test_a_right_that_stays_away_for_longer_than_the_patience_is_named(api: FakeCluster, kubeconfig: Path) -> None:
    changes = iter(Watch(connect(kubeconfig=kubeconfig, patience=0), JOB_SET, patience=0))
    api.faults.plan("GET", "watch=true", end_after(1))
    assert told(changes, 1) == ["LISTED"]
    add(api, "x")
    assert told(changes, 1) == ["ADDED x"]
    api.rights = granted([], "default")
    with pytest.raises(ClusterWithdrawnError, match="not allowed to watch jobsets"):
        next(changes)


def test_a_watch_that_is_not_allowed_says_so(api: FakeCluster, cluster: Cluster) -> None:
    rule = {"apiGroups": ["jobset.x-k8s.io"], "resources": ["jobsets"], "verbs": ["list"]}
    api.rights = granted([rule], "default")
    with pytest.raises(ClusterForbiddenError, match="not allowed to watch jobsets"):
        list(Watch(cluster, JOB_SET))


def test_bookmarks_move_the_version_on(api: FakeCluster, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.wire.kubernetes.routing.SECONDS_BETWEEN_BOOKMARKS", 0.01)
    changes = iter(watch)
    add(api, "a")
    told(changes, 2)
    for number in range(3):
        add(api, f"blue{number}", "blue")
    behind = api.store.version
    add(api, "b")
    assert told(changes, 1) == ["ADDED b"]
    edit(api, "a", x=1)
    assert told(changes, 1) == ["MODIFIED a"]
    api.store.compacted = behind
    api.cut_streams()
    add(api, "c")
    assert told(changes, 1) == ["ADDED c"]


def test_closing_ends_a_watch_that_waits(watch: Watch, api: FakeCluster) -> None:
    add(api, "a")
    seen = []
    for change in watch:
        seen.append(change.type)
        if change.type == "LISTED":
            watch.close()
    assert seen == ["ADDED", "LISTED"]


def test_a_history_is_told_up_to_a_version_and_no_further(api: FakeCluster, cluster: Cluster) -> None:
    since = cluster.list(JOB_SET).version
    add(api, "a")
    api.store.delete(JOB_SETS, "default", "a")
    add(api, "b", "blue")
    until = cluster.list(JOB_SET).version
    history = Watch(cluster, JOB_SET, labels="color=red", since=since, until=until, seconds=3)
    assert told(iter(history), 9) == ["ADDED a", "DELETED a"]


def test_a_history_ends_where_versions_tell_nothing_when_the_server_has_no_more(
    api: FakeCluster, cluster: Cluster
) -> None:
    since = cluster.list(JOB_SET).version
    add(api, "a")
    history = Watch(cluster, JOB_SET, labels="color=red", since=since, until="of-another-kind", seconds=1)
    assert told(iter(history), 9) == ["ADDED a"]


def test_a_history_that_is_forgotten_ends_with_what_there_is(api: FakeCluster, cluster: Cluster) -> None:
    since = cluster.list(JOB_SET).version
    add(api, "a")
    api.store.compact()
    history = Watch(cluster, JOB_SET, labels="color=red", since=since, until=cluster.list(JOB_SET).version, seconds=3)
    assert told(iter(history), 9) == ["ADDED a", "LISTED"]
