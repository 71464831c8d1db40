"""The embedded server behind a proxy that goes wrong when told to."""

from collections.abc import Iterator

import pytest

from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store, connect
from tests.wire.faults import FaultProxy, fault_proxy


@pytest.fixture
def proxy(embedded: EmbeddedStore) -> Iterator[FaultProxy]:
    with fault_proxy(embedded.s3.endpoint) as proxy:
        yield proxy


@pytest.fixture
def faulty(store: Store, embedded: EmbeddedStore, proxy: FaultProxy) -> Store:
    """The same objects as `store`'s, over the proxy."""
    return connect(store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}))
