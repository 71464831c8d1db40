"""The embedded server behind a proxy that goes wrong when told to, a cluster that does, and what attacks are run in."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from octo.cluster.client import Cluster
from octo.cluster.client import connect as connect_to_cluster
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store, connect
from tests.wire.escapes import CONFIGURATIONS, Target, target_of
from tests.wire.faults import FaultProxy, fault_proxy
from tests.wire.kubernetes.cluster import FakeCluster
from tests.wire.kubernetes.controllers import Controllers
from tests.wire.kubernetes.runners import ScriptedRunner
from tests.wire.kubernetes.server import api_server


@pytest.fixture
def proxy(embedded: EmbeddedStore) -> Iterator[FaultProxy]:
    with fault_proxy(embedded.s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def faulty(store: Store, embedded: EmbeddedStore, proxy: FaultProxy) -> Store:
    """The same objects as `store`'s, over the proxy."""
    return connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}))


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """A sandbox with all layers that the machine gives, and one with those of a restricted pod."""
    with target_of(request.param) as target:
        yield target


@pytest.fixture
def api() -> Iterator[FakeCluster]:
    """An API server of its own for each test."""
    with api_server() as api:
        yield api


@pytest.fixture
def listener() -> Iterator[str]:
    """URL of a port that takes connections, and nobody ever answers there."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def kubeconfig(api: FakeCluster, tmp_path: Path) -> Path:
    return api.write_kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def cluster(kubeconfig: Path) -> Cluster:
    """A client that outlasts whatever a test breaks for a while, however slow the machine is."""
    return connect_to_cluster(kubeconfig=kubeconfig, patience=30)


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def controllers(api: FakeCluster, runner: ScriptedRunner) -> Controllers:
    return Controllers(api, runner)
