"""A small pipeline on a store where anything may go wrong: it ends with what the undisturbed one made, or by name."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from octo.errors import OctoError
from octo.job import produce
from octo.settings.base import S3Settings, ShardGroup
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.tokenization import TokenizationSettings
from octo.storage import patience
from octo.storage.artifacts import Artifact, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.wire.faults import (
    Act,
    FaultProxy,
    Reply,
    answer,
    cut_body,
    damage_what_is_sent,
    drop_keys,
    fault_proxy,
    flip_bit_unseen,
    hang_up,
    lose_reply,
    reset_in_body,
    shorten_body,
)

SEEDS = 50
GROUPS = 2
STORM_SECONDS = 60


class Fault(NamedTuple):
    """Something that goes wrong with one request of so many, of some methods."""

    rate: float
    methods: str
    act: Act


def error_page(forward: object) -> Reply:
    page = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"
    return Reply(200, (("Content-Type", "application/xml"), ("Content-Length", str(len(page)))), page)


FAULTS = {
    "lost reply": Fault(0.03, "PUT POST DELETE", lose_reply),
    "hang-up": Fault(0.03, "GET PUT HEAD", hang_up),
    "cut body": Fault(0.03, "GET", cut_body),
    "short body": Fault(0.03, "GET", shorten_body),
    "reset": Fault(0.03, "GET", reset_in_body),
    "flipped bit": Fault(0.03, "GET", flip_bit_unseen),
    "damaged on its way": Fault(0.03, "PUT", damage_what_is_sent),
    "error page": Fault(0.02, "GET PUT", error_page),
    "conflict": Fault(0.01, "PUT", answer(409, "ConditionalRequestConflict")),
    "internal": Fault(0.02, "GET PUT", answer(500, "InternalError")),
    "redirect": Fault(0.0003, "GET PUT", answer(302, "Found", Location="https://login")),
    "clock": Fault(0.0003, "GET PUT", answer(403, "RequestTimeTooSkewed")),
}


class Chance:
    """What goes wrong, drawn for every request; some of it with every storm, some with every listing."""

    def __init__(self, seed: int) -> None:
        self.drawn = Counter[str]()
        self._random = random.Random(seed)
        self._storm_ends = 0.0

    def __call__(self, method: str, path: str) -> Act | None:
        now = patience.REAL_TIME.now()
        if self._random.random() < 0.01:
            self._storm_ends = now + STORM_SECONDS
        if now < self._storm_ends:
            return self._told("storm", answer(503, "SlowDown"))
        if "list-type" in path and self._random.random() < 0.5:
            return self._told("dropped keys", drop_keys(lambda _key: self._random.random() < 0.5))
        for name, fault in FAULTS.items():
            if method in fault.methods.split() and self._random.random() < fault.rate:
                return self._told(name, fault.act)
        return None

    def _told(self, name: str, act: Act) -> Act:
        self.drawn[name] += 1
        return act


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of documents, some of which are in both."""
    folder = tmp_path_factory.mktemp("source")
    for number in range(GROUPS):
        lines = [
            json.dumps({"text": f"Document {each} says that {each} and {each} make {2 * each}.", "n": each})
            for each in range(10 * number, 10 * number + 15)
        ]
        (folder / f"{number}.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def gateway(embedded: EmbeddedStore) -> Iterator[FaultProxy]:
    with fault_proxy(embedded.s3.endpoint, signer=embedded.s3) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for a store takes no time, and as much of it passes as was asked for."""
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(patience.REAL_TIME, "sleep", sleep)
    monkeypatch.setattr(patience.REAL_TIME, "now", lambda: passed)


def run(store: Store, s3: S3Settings, source: Path) -> list[Artifact]:
    """Ingest, curate and tokenize, each by two groups of a fleet, one after the other."""
    reached = {"store": store.address, "s3": s3, "probe": False}
    files = tuple(f"{number}=file:{source}/{number}.jsonl" for number in range(GROUPS))

    def by_groups(settings: IngestionSettings | CurationSettings | TokenizationSettings, function: str) -> Artifact:
        for index in range(GROUPS):
            group = ShardGroup(index=index, count=GROUPS)
            made = produce(settings.model_copy(update={"shard_group": group}), function)
        return open_artifact(store, made.address)

    ingested = by_groups(IngestionSettings(sources=files, **reached), "octo.data.ingestion:ingest")
    curated = by_groups(
        CurationSettings(documents=ingested.address, unfiltered=("0", "1"), without_benchmarks="a test", **reached),
        "octo.data.curation:curate",
    )
    tokens = by_groups(
        TokenizationSettings(corpus=(curated.address,), vocabulary_size=280, sequence_length=32, **reached),
        "octo.data.tokenization:tokenize",
    )
    return [ingested, curated, tokens]


def contents(artifacts: list[Artifact]) -> list[tuple[str, str, list[bytes]]]:
    """What artifacts hold, and that it is there."""
    return [
        (each.manifest.job, each.manifest.content, [each.read(part) for part in each.parts()]) for each in artifacts
    ]


@pytest.fixture(scope="module")
def undisturbed(connection: Store, embedded: EmbeddedStore, source: Path) -> list[tuple[str, str, list[bytes]]]:
    return contents(run(connection.at(f"{connection.address}/undisturbed"), embedded.s3, source))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_pipeline_makes_what_the_undisturbed_one_made_or_fails_by_name(
    store: Store, embedded: EmbeddedStore, gateway: FaultProxy, source: Path, undisturbed: object, seed: int
) -> None:
    gateway.chance = chance = Chance(seed)
    disturbed = embedded.s3.model_copy(update={"endpoint": gateway.endpoint})
    # Anything but octo's own errors is a bug, and ends the test.
    with suppress(OctoError):
        assert contents(run(store, disturbed, source)) == undisturbed
    gateway.chance = None
    assert chance.drawn
    # Whatever became of it, what is committed is right, and the rest is made when it is run again.
    assert contents(run(store, embedded.s3, source)) == undisturbed
