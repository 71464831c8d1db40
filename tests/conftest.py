"""A real S3 server for the whole session, and a store of its own on it for every test."""

import uuid
from collections.abc import Iterator

import pytest

from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.store import Store, connect


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with embedded_store(tmp_path_factory.mktemp("embedded")) as server:
        yield server


@pytest.fixture(scope="session")
def connection(embedded: EmbeddedStore) -> Store:
    return connect(embedded.address, embedded.s3)


@pytest.fixture
def store(connection: Store) -> Store:
    return connection.at(f"{connection.address}/{uuid.uuid4().hex}")
