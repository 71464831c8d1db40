"""A real S3 server for the whole session, and a store of its own on it for every test; which files share a process."""

import os
import uuid
from collections.abc import Iterator

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from octo.storage.embedded import EmbeddedStore, embedded_store
from octo.storage.store import Store, connect

# How long an example takes says how busy the machine is, not whether it holds.
hypothesis.settings.register_profile("octo", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("octo")
# Nor does how long a server takes to answer a person; commands that are run as processes have this from here too.
os.environ |= {"OCTO_ANSWER_SECONDS": "600", "OCTO_S3__ANSWER_SECONDS": "600"}


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


TOGETHER = {f"tests/e2e/test_{name}.py": "whole runs" for name in ("commands", "diffucoder", "evidence", "readme")}
"""Files that look at the same run of a pipeline, which is made once where one process has all of them."""


class _ByWhatIsShared(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return TOGETHER.get(file, file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _ByWhatIsShared(config, log) if config.getvalue("dist") == "loadfile" else None
