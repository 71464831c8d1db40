"""A store that is away for a while: how long it is waited for, in a time that the tests move."""

import random
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from octo.errors import AccessDeniedError, StorageError, StoreUnreachableError
from octo.storage.embedded import EmbeddedStore
from octo.storage.patience import BUSY_SECONDS, UNKNOWN_SECONDS
from octo.storage.store import PART_BYTES, Store, connect
from tests.wire.faults import Act, FaultProxy, answer, hang_up, reset_in_body, shorten_body
from tests.wire.moving_clock import MovingClock

BODY = random.Random(2).randbytes(10_000)
BUSY = answer(503, "SlowDown", "Please reduce your request rate.")


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
def patient(store: Store, embedded: EmbeddedStore, proxy: FaultProxy, clock: MovingClock) -> Store:
    s3 = embedded.s3.model_copy(update={"endpoint": proxy.endpoint})
    return connect(store.address, s3, clock=clock)


def storm(proxy: FaultProxy, clock: MovingClock, act: Act, *, seconds: float) -> None:
    """From now on everything goes so, for that time."""
    ends = clock.now() + seconds
    proxy.chance = lambda _method, _path: act if clock.now() < ends else None


@pytest.mark.parametrize("readers", [1, 32])
@pytest.mark.parametrize("act", [BUSY, answer(429, "TooManyRequests"), hang_up], ids=["503", "429", "silence"])
def test_a_storm_of_a_minute_is_survived_by_one_reader_and_by_many(
    store: Store, patient: Store, proxy: FaultProxy, clock: MovingClock, readers: int, act: Act
) -> None:
    store.put("object", BODY)
    assert patient.get("object") == BODY
    storm(proxy, clock, act, seconds=60)

    together = threading.Barrier(readers, timeout=60)

    def read(_number: int) -> bytes:
        with clock.working():
            together.wait()
            return patient.get("object")

    with ThreadPoolExecutor(readers) as pool:
        assert list(pool.map(read, range(readers))) == [BODY] * readers
    assert clock.now() >= 60
    assert len(proxy.happened) >= 8 * readers


def test_what_is_written_in_a_storm_is_written(
    store: Store, patient: Store, proxy: FaultProxy, clock: MovingClock, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(random.Random(3).randbytes(PART_BYTES + 1))
    storm(proxy, clock, BUSY, seconds=60)
    assert patient.put_if_absent("claim", BODY)
    # Parts are sent by threads that the clock does not know: it passes for each as it sleeps.
    storm(proxy, clock, BUSY, seconds=60)
    patient.upload(large, "large")
    assert store.get("claim") == BODY
    assert store.get("large") == large.read_bytes()


def test_a_storm_without_end_is_named_in_its_time(patient: Store, proxy: FaultProxy, clock: MovingClock) -> None:
    storm(proxy, clock, BUSY, seconds=float("inf"))
    with pytest.raises(StorageError, match=r"answered SlowDown to GetObject of s3://.*/object in \d+ tries: Please"):
        patient.get("object")
    assert BUSY_SECONDS <= clock.now() < 2 * BUSY_SECONDS


def test_a_store_that_never_answered_is_not_waited_for_so_long(
    patient: Store, proxy: FaultProxy, clock: MovingClock
) -> None:
    storm(proxy, clock, hang_up, seconds=float("inf"))
    with pytest.raises(StoreUnreachableError, match="no answer from"):
        patient.get("object")
    assert UNKNOWN_SECONDS <= clock.now() < 2 * UNKNOWN_SECONDS


def test_tries_are_bounded_where_somebody_waits(
    store: Store, embedded: EmbeddedStore, proxy: FaultProxy, clock: MovingClock
) -> None:
    impatient = connect(
        store.address, embedded.s3.model_copy(update={"endpoint": proxy.endpoint}), attempts=3, clock=clock
    )
    storm(proxy, clock, BUSY, seconds=float("inf"))
    with pytest.raises(StorageError, match="in 3 tries"):
        impatient.get("object")
    assert len(proxy.happened) == 3


def test_that_there_is_none_is_known_though_its_answer_is_cut(patient: Store, proxy: FaultProxy) -> None:
    proxy.plan("GET", "nothing", shorten_body)
    assert patient.get_if_present("nothing") is None
    proxy.plan("GET", "nothing", reset_in_body)
    assert patient.get_if_present("nothing") is None
    assert len(proxy.happened) == 2


def test_a_body_that_is_reset_is_read_again_and_named_when_it_always_is(
    store: Store, patient: Store, proxy: FaultProxy, clock: MovingClock, tmp_path: Path
) -> None:
    store.put("object", random.Random(4).randbytes(1_000_000))
    proxy.plan("GET", "object", reset_in_body, times=2)
    assert patient.get("object") == store.get("object")
    storm(proxy, clock, reset_in_body, seconds=float("inf"))
    for read in (
        lambda: patient.get("object"),
        lambda: patient.get_range("object", 0, 500_000),
        lambda: patient.download("object", tmp_path / "object"),
        lambda: list(patient.list("")),
    ):
        with pytest.raises(StoreUnreachableError, match=proxy.endpoint):
            read()
    assert not list(tmp_path.iterdir())


def test_a_listing_that_is_cut_is_fetched_again(store: Store, patient: Store, proxy: FaultProxy) -> None:
    store.put("object", BODY)
    proxy.plan("GET", "list-type", shorten_body, times=2)
    assert list(patient.list("")) == ["object"]
    assert len(proxy.happened) == 2


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (answer(307, "TemporaryRedirect", Location="http://elsewhere:9000/bucket"), "to http://elsewhere:9000/bucket"),
        (answer(302, "Found", Location="https://login"), r"to https://login \(Found\): give --s3.endpoint the address"),
        (
            answer(301, "PermanentRedirect", x_amz_bucket_region="eu-west-9"),
            r"\(PermanentRedirect\): give --s3.region eu-west-9",
        ),
    ],
)
def test_a_redirect_is_not_followed_and_says_where_to(
    patient: Store, proxy: FaultProxy, clock: MovingClock, act: Act, said: str
) -> None:
    storm(proxy, clock, act, seconds=float("inf"))
    for action in (lambda: patient.get("object"), lambda: patient.put("object", BODY)):
        with pytest.raises(StorageError, match=rf"sends whoever asks for s3://.*/object .*{said}"):
            action()
    assert clock.now() == 0


def test_clocks_that_differ_are_said(patient: Store, proxy: FaultProxy, clock: MovingClock) -> None:
    skewed = answer(403, "RequestTimeTooSkewed", Date="Sat, 01 Jan 2050 00:00:00 GMT")
    storm(proxy, clock, skewed, seconds=float("inf"))
    with pytest.raises(AccessDeniedError, match=r"a request of \d+ minutes ago \(RequestTimeTooSkewed\): the clocks"):
        patient.get("object")


def test_an_object_that_the_store_cannot_give_back_is_named_and_a_person_hears_of_the_wait(
    store: Store, patient: Store, proxy: FaultProxy, clock: MovingClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("damaged", BODY)
    proxy.chance = lambda _method, path: answer(500, "InternalError", "try again") if "damaged" in path else None
    with pytest.raises(
        StorageError, match=r"InternalError to GetObject of s3://.*/damaged .*may be damaged: see its log"
    ):
        patient.get("damaged")
    assert UNKNOWN_SECONDS <= clock.now() < 2 * UNKNOWN_SECONDS
    (said,) = caplog.messages
    assert re.fullmatch(r"the store fails at http://.*/damaged for 1\d s by now: it is asked again", said)
