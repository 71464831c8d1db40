"""The search for near matches when it is stopped, and when the store loses or damages what its phases pass on."""

import subprocess
import sys

import pytest

from octo.errors import IntegrityError, StorageError
from octo.job import produce, stage_digest
from octo.settings.curation import CurationSettings
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.near import NearSettings
from octo.storage.embedded import EmbeddedStore
from octo.storage.store import Store
from tests.near_corpus import committed, corpus, said, settings_of
from tests.wire.faults import FaultProxy, answer, cut_body, damaged, flip_bit_unseen, hang_up, lose_reply

NEAR = NearSettings(threshold=0.6, shingle_size=2, rows=3)
PHASES = ("near-signed-1-1-1", "near-matched-1-1-0", "near-sent-1-1-1", "near-met-1-1-0")
CURATE = "octo.data.curation:curate"


@pytest.fixture
def settings(store: Store, embedded: EmbeddedStore, proxy: FaultProxy) -> CurationSettings:
    """Over the proxy."""
    s3 = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    place = {"store": store.address, "s3": s3, "progress": "json", "probe": False}
    return settings_of(place, committed(store, corpus(1, families=6), 2), NEAR)


@pytest.fixture
def undisturbed(settings: CurationSettings) -> object:
    return said(produce(settings.model_copy(update={"store": f"{settings.store}/undisturbed"}), CURATE))


def shared(settings: CurationSettings, store: Store) -> dict[str, object]:
    """What the phases have passed on so far."""
    folder = f"artifacts/curation/{stage_digest(settings)}/shared/near-"
    return {key.rpartition("/")[2]: store.head(key) for key in store.list(folder)}


def test_a_search_that_is_stopped_in_each_phase_goes_on_where_it_was(
    settings: CurationSettings, store: Store, proxy: FaultProxy, undisturbed: object
) -> None:
    before: dict[str, object] = {}
    for phase in PHASES:
        proxy.plan("PUT", f"/shared/{phase}", answer(403, "AccessDenied"))
        with pytest.raises(StorageError):
            produce(settings, CURATE)
        after = shared(settings, store)
        assert phase not in after
        assert {name: after[name] for name in before} == before
        before = after
    assert said(produce(settings, CURATE)) == undisturbed
    assert {name: each for name, each in shared(settings, store).items() if name in before} == before


def test_a_search_that_is_killed_goes_on_where_it_was(
    settings: CurationSettings, store: Store, proxy: FaultProxy, undisturbed: object
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "jobs.curation", *arguments_of(settings)],
        env={"PATH": "/usr/bin:/bin", **secrets_of(settings)},
    )
    proxy.plan("PUT", f"/shared/{PHASES[2]}", lambda _forward: process.kill())
    assert process.wait(timeout=600) < 0
    assert {PHASES[0], PHASES[1]} <= shared(settings, store).keys()
    assert said(produce(settings, CURATE)) == undisturbed


def test_a_store_that_fails_now_and_then_changes_nothing(
    settings: CurationSettings, proxy: FaultProxy, undisturbed: object
) -> None:
    for phase in PHASES:
        proxy.plan("PUT", f"/shared/{phase}", answer(503, "SlowDown"))
        proxy.plan("PUT", f"/shared/{phase}", lose_reply)
        proxy.plan("GET", f"/shared/{phase}", flip_bit_unseen)
        proxy.plan("GET", f"/shared/{phase}", cut_body)
        proxy.plan("GET", f"/shared/{phase}.", flip_bit_unseen)
        proxy.plan("GET", f"/shared/{phase}.", hang_up)
        proxy.plan("HEAD", f"/shared/{phase}", answer(500, "InternalError"))
    assert said(produce(settings, CURATE)) == undisturbed
    assert len(proxy.happened) >= 6 * len(PHASES)


@pytest.mark.parametrize("read_in", [1, 3])
def test_what_lies_damaged_in_the_store_is_named_with_the_remedy(
    settings: CurationSettings, store: Store, proxy: FaultProxy, undisturbed: object, read_in: int
) -> None:
    phase = PHASES[read_in - 1]
    proxy.plan("PUT", f"/shared/{PHASES[read_in]}", answer(403, "AccessDenied"))
    with pytest.raises(StorageError):
        produce(settings, CURATE)
    folder = f"artifacts/curation/{stage_digest(settings)}/shared"
    (data,) = store.list(f"{folder}/{phase}.")
    store.put(data, damaged(store.get(data)))
    with pytest.raises(IntegrityError, match=rf"is not what was left: .*; remove {store.address}/{folder}/{phase} and"):
        produce(settings, CURATE)
    store.delete(f"{folder}/{phase}")
    assert said(produce(settings, CURATE)) == undisturbed
