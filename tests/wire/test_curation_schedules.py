"""A whole curation, killed and disturbed by a drawn schedule: it ends with what the undisturbed one made, to the byte.

In each trial two processes make the same stages of one store at a time. Processes are killed, the language model's
service goes away and comes back, and both it and the store answer wrong, late or not at all. SCHEDULES says how many
trials there are, SCHEDULES_FROM which is the first.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from octo.settings.base import S3Settings
from octo.storage.artifacts import Artifact, Manifest, open_artifact
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.asked_documents import pages
from tests.wire import endpoints
from tests.wire.curation_graph import made
from tests.wire.endpoints import Handler, endpoint
from tests.wire.faults import (
    Act,
    FaultProxy,
    answer,
    cut_body,
    damage_what_is_sent,
    fault_proxy,
    flip_bit_unseen,
    hang_up,
    lose_reply,
    reset_in_body,
    shorten_body,
)

SCHEDULES = int(os.environ.get("SCHEDULES", "200"))
FIRST = int(os.environ.get("SCHEDULES_FROM", "0"))
PROCESSES = 2
LATEST_KILL = 5.0
"""Seconds after a process began; an undisturbed one is through in some four."""
STORE_FAULTS: dict[str, tuple[float, str, Act]] = {
    "lost reply": (0.01, "PUT POST DELETE", lose_reply),
    "hang-up": (0.01, "GET PUT HEAD", hang_up),
    "cut body": (0.01, "GET", cut_body),
    "short body": (0.01, "GET", shorten_body),
    "reset": (0.01, "GET", reset_in_body),
    "flipped bit": (0.01, "GET", flip_bit_unseen),
    "damaged on its way": (0.01, "PUT", damage_what_is_sent),
    "conflict": (0.01, "PUT", answer(409, "ConditionalRequestConflict")),
    "internal": (0.01, "GET PUT", answer(500, "InternalError")),
}
STORM_RATE, STORM_REQUESTS = 0.003, 40
SERVICE_FAULTS: dict[str, tuple[float, endpoints.Act]] = {
    "busy": (0.05, endpoints.status(429, "slow down", Retry_After="0")),
    "broken": (0.05, endpoints.status(500, "no")),
    "page": (0.05, endpoints.html),
    "cut": (0.05, endpoints.cut),
    "gone": (0.05, endpoints.reset),
    "twice": (0.03, endpoints.twice),
    "hangs": (0.01, endpoints.hang),
}


class Weather:
    """What goes wrong with requests, drawn for each."""

    def __init__(self, seed: int) -> None:
        self.drawn = Counter[str]()
        self._random = Random(f"{seed} weather")
        self._stormy = 0

    def of_store(self, method: str, _path: str) -> Act | None:
        if not self._stormy and self._random.random() < STORM_RATE:
            self._stormy = STORM_REQUESTS
        if self._stormy:
            self._stormy -= 1
            self.drawn["storm"] += 1
            return answer(503, "SlowDown")
        for name, (rate, methods, act) in STORE_FAULTS.items():
            if method in methods.split() and self._random.random() < rate:
                self.drawn[name] += 1
                return act
        return None

    def of_service(self, handler: Handler, request: dict[str, Any]) -> None:
        for name, (rate, act) in SERVICE_FAULTS.items():
            if self._random.random() < rate:
                self.drawn[name] += 1
                act(handler, request)
                return
        endpoints.answer(handler, request)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of documents: copies are in several of them, and near copies."""
    folder = tmp_path_factory.mktemp("pages")
    whole = pages(60)
    for number in range(3):
        mine = whole[number::3] + whole[: 10 + number]
        lines = [{"text": each.text, "url": each.url, "date": each.date} for each in mine]
        lines += [{**each, "text": f"{each['text']} Page {number}."} for each in lines[:8]]
        (folder / f"part{number}.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    return folder


@pytest.fixture(scope="module")
def gateway(embedded: EmbeddedStore) -> Iterator[FaultProxy]:
    with fault_proxy(embedded.s3.endpoint, signer=embedded.s3) as proxy:
        yield proxy


def contents(artifacts: list[Artifact]) -> list[tuple[Manifest, list[bytes]]]:
    """What artifacts are, but for who made them when and under which keys; what they hold, byte by byte."""

    def lasting(manifest: Manifest) -> Manifest:
        parts = tuple(part.model_copy(update={"key": ""}) for part in manifest.parts)
        nobody = {"attempts": {}, "parts": parts, "producer": None, "started_at": None, "committed_at": None}
        inputs = {
            field: tuple(each.model_copy(update={"address": ""}) for each in given)
            for field, given in manifest.inputs.items()
        }
        return manifest.model_copy(update={**nobody, "inputs": inputs})

    return [(lasting(each.manifest), [each.read(part) for part in each.parts()]) for each in artifacts]


@pytest.fixture(scope="module")
def undisturbed(connection: Store, embedded: EmbeddedStore, folder: Path) -> list[tuple[Manifest, list[bytes]]]:
    place = connection.at(f"{connection.address}/undisturbed-schedules")
    with endpoint() as service:
        reached = {"store": place.address, "s3": embedded.s3, "probe": False}
        found = contents(list(made(reached, service=service.url, folder=folder)))
    # Each stage has something to do, or nothing would be shown of it.
    assert all(any(part.rows for part in manifest.parts) for manifest, _ in found)
    assert {"near_duplicate", "duplicate"} <= {name.rpartition(".")[2] for name in found[1][0].counters}
    return found


def start(store: Store, s3: S3Settings, gate: str, service: str, folder: Path) -> "subprocess.Popen[str]":
    assert s3.access_key is not None
    assert s3.secret_key is not None
    secrets = {"ACCESS": s3.access_key.get_secret_value(), "SECRET": s3.secret_key.get_secret_value()}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.wire.curation_graph", store.address, gate, service, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **{f"OCTO_S3__{name}_KEY": secret for name, secret in secrets.items()}},
    )


def kill(process: "subprocess.Popen[str]") -> bool:
    """SIGKILL to it and its children; whether it was there yet."""
    was_there = process.poll() is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return was_there


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SCHEDULES))
def test_a_curation_that_is_disturbed_and_killed_makes_what_the_undisturbed_one_makes(
    store: Store,
    embedded: EmbeddedStore,
    gateway: FaultProxy,
    folder: Path,
    undisturbed: list[tuple[Manifest, list[bytes]]],
    seed: int,
) -> None:
    draw, weather = Random(seed), Weather(seed)
    gateway.chance = weather.of_store
    kills = 0
    with endpoint(always=weather.of_service) as first:
        service, port = first.url, first.server_address[1]
        running = [start(store, embedded.s3, gateway.endpoint, service, folder) for _ in range(PROCESSES)]
        for _ in range(draw.randint(1, 3)):
            victim = draw.randrange(PROCESSES)
            with suppress(subprocess.TimeoutExpired):
                running[victim].wait(timeout=draw.uniform(0.2, LATEST_KILL))
            kills += kill(running[victim])
            running[victim] = start(store, embedded.s3, gateway.endpoint, service, folder)
    # The service is gone, and comes back where it was.
    with endpoint(port, always=weather.of_service):
        ended = [(*each.communicate(timeout=600), each.returncode) for each in running]
        gateway.chance = None
        for _, errors, code in ended:
            # Whoever fails says why in a sentence, and never by a traceback.
            assert code in (0, 1), errors
            assert "Traceback" not in errors, errors
        last = start(store, embedded.s3, embedded.s3.endpoint, service, folder)
        output, errors = last.communicate(timeout=600)
    assert last.returncode == 0, errors
    print(f"schedule {seed}: {kills} killed, {sum(not code for *_, code in ended)} ended well, {dict(weather.drawn)}")
    assert contents([open_artifact(store, address) for address in json.loads(output.splitlines()[-1])]) == undisturbed
