"""A store that takes connections and is silent is told to a person who waits, and to nobody else."""

import pytest

from octo.errors import StoreUnreachableError
from octo.job import run_job
from octo.pipelines.views import trace_command
from octo.settings.base import S3Settings
from octo.storage.embedded import EmbeddedStore
from octo.storage.greeting import greet
from octo.storage.session import open_session
from tests.wire.toy_job import FUNCTION, SquaresSettings


def silent(listener: str, **others: str) -> S3Settings:
    return S3Settings(endpoint=listener, access_key="a", secret_key="b", answer_seconds=0.2, **others)


def test_a_silent_store_is_named_with_the_remedies(listener: str) -> None:
    said = rf"{listener} has not answered in 0.2 s: .* give --s3.endpoint another address, or .* --s3.answer-seconds"
    with pytest.raises(StoreUnreachableError, match=said), open_session("s3://bucket/p", silent(listener)):
        pass


def test_a_silent_gateway_over_tls_is_no_other(listener: str) -> None:
    with pytest.raises(StoreUnreachableError, match=r"has not answered in 0\.2 s"):
        greet(silent(listener.replace("http:", "https:")))


def test_in_a_pod_the_secret_is_named(listener: str) -> None:
    with pytest.raises(StoreUnreachableError, match=r"put into endpoint of Secret team-s3 another address"):
        greet(silent(listener, secret="team-s3"))


def test_commands_and_jobs_say_it(listener: str, capfd: pytest.CaptureFixture[str]) -> None:
    store = ["--store=s3://bucket/p", f"--s3.endpoint={listener}", "--s3.answer-seconds=0.2"]
    with pytest.raises(StoreUnreachableError, match="has not answered"):
        trace_command(["run", *store])
    assert run_job(SquaresSettings, FUNCTION, store) == 1
    assert "has not answered in 0.2 s" in capfd.readouterr().err


def test_a_pod_or_a_stage_does_not_ask(listener: str) -> None:
    with open_session("s3://bucket/p", silent(listener), attended=False) as session:
        assert session.store.address == "s3://bucket/p"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://not a host", "ftp://store", ""])
def test_what_else_may_be_wrong_is_left_to_who_asks_for_something(endpoint: str) -> None:
    greet(S3Settings(endpoint=endpoint, access_key="a", secret_key="b"))


def test_any_answer_will_do(embedded: EmbeddedStore) -> None:
    greet(embedded.s3.model_copy(update={"access_key": None, "secret_key": None}))
