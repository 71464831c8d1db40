import pytest
from pydantic import SecretStr

from octo.errors import AccessDeniedError, StoreUnreachableError, UnsupportedStoreError
from octo.settings.base import S3Settings
from octo.storage.embedded import EmbeddedStore
from octo.storage.probe import probe
from octo.storage.store import Store, connect
from tests.wire.careless import Careless, careless_server
from tests.wire.faults import FaultProxy, answer, lose_reply


def store_on(server: Careless) -> Store:
    return connect(
        "s3://bucket/prefix",
        S3Settings(endpoint=server.endpoint, access_key=SecretStr("key"), secret_key=SecretStr("secret")),
        attempts=1,
    )


def test_the_embedded_store_passes_and_nothing_is_left_of_the_probe(store: Store) -> None:
    probe(store)
    assert list(store.list("")) == []


def test_the_embedded_store_passes_without_a_race_too(store: Store) -> None:
    probe(store, rivals=0)
    assert list(store.list("")) == []


def test_a_lost_reply_does_not_make_the_probe_fail(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "/put", lose_reply)
    proxy.plan("PUT", "/race", lose_reply)
    probe(faulty)
    assert len(proxy.happened) == 2


def test_a_store_that_ignores_if_none_match_is_refused() -> None:
    with (
        careless_server() as server,
        pytest.raises(
            UnsupportedStoreError, match=r"a PUT with If-None-Match: \* replaced an object.*use a store that"
        ),
    ):
        probe(store_on(server))
    assert not server.objects


def test_a_store_that_completes_uploads_over_objects_is_refused() -> None:
    with (
        careless_server("put") as server,
        pytest.raises(UnsupportedStoreError, match="a multipart upload completed with If-None-Match"),
    ):
        probe(store_on(server))
    assert not server.objects


def test_a_store_that_looks_before_it_writes_but_does_not_lock_is_refused() -> None:
    with (
        careless_server("put", "completion") as server,
        pytest.raises(UnsupportedStoreError, match="8 of 8 racing PUTs"),
    ):
        probe(store_on(server))
    assert not server.objects


@pytest.mark.parametrize("refusal", [(501, "NotImplemented"), (400, "InvalidArgument")])
def test_a_store_that_does_not_know_conditions_is_refused(refusal: tuple[int, str]) -> None:
    with careless_server(refusal=refusal) as server, pytest.raises(UnsupportedStoreError, match=refusal[1]) as caught:
        probe(store_on(server))
    assert server.endpoint in str(caught.value)


def test_a_store_that_cannot_be_written_says_so(faulty: Store, proxy: FaultProxy) -> None:
    proxy.plan("PUT", "", answer(403, "AccessDenied"))
    with pytest.raises(AccessDeniedError, match="does not allow PutObject"):
        probe(faulty)


def test_wrong_credentials_are_named_with_what_to_set(embedded: EmbeddedStore) -> None:
    wrong = embedded.s3.model_copy(update={"secret_key": SecretStr("wrong-secret")})
    with pytest.raises(AccessDeniedError, match=r"SignatureDoesNotMatch.*OCTO_S3__SECRET_KEY") as caught:
        probe(connect(embedded.address, wrong))
    assert "wrong-secret" not in str(caught.value)


def test_a_store_that_is_not_there_is_named() -> None:
    with careless_server() as server:
        gone = store_on(server)
    with pytest.raises(StoreUnreachableError, match=server.endpoint):
        probe(gone)
