"""Where the jobs of these tests read and write."""

import pytest

from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store


@pytest.fixture
def place(embedded: EmbeddedStore, store: Store) -> dict[str, object]:
    """Settings that every job takes to use the test's store."""
    return {"store": store.address, "s3": embedded.s3, "progress": "json"}
