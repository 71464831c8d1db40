"""Questions to a service that hangs, cuts, refuses and repeats: one answer each, never paid twice, and a clear end."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from octo.errors import StageFailedError, UsageError
from octo.llm.asking import Asker
from octo.llm.chat import Answer, Question, Refusal
from octo.llm.endpoint import Endpoint
from octo.llm.generations import Generations
from octo.settings.endpoint import EndpointSettings
from octo.storage.patience import Clock
from octo.storage.store import Store
from tests.wire import endpoints
from tests.wire.endpoints import Act, FaultyEndpoint, endpoint

KEY = "sk-nobody-may-read-this"
MODEL = "some-model"


class CountedClock(Clock):
    """Its time is what has been slept, and nobody waits for it."""

    def __init__(self) -> None:
        self.slept = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept += seconds


def settings(server: FaultyEndpoint | str, **more: Any) -> EndpointSettings:
    url = server if isinstance(server, str) else server.url
    return EndpointSettings.model_validate(
        {"url": url, "model": MODEL, "api_key": KEY, "concurrency": 4, "patience_seconds": 600, **more}
    )


def ask(
    store: Store, given: EndpointSettings, texts: list[str], *, clock: Clock | None = None
) -> list[Answer | Refusal]:
    clock = clock or CountedClock()
    with Endpoint(given, clock=clock) as service:
        asker = Asker(given, service, Generations(store), identity="", clock=clock)
        found = asker.answers(texts, instructions="Give a final score", text_of=str, seed=0)
        return [answer for _, answer in found]


def texts_of(answers: list[Answer | Refusal]) -> list[str]:
    assert all(isinstance(answer, Answer) for answer in answers)
    return [answer.text for answer in answers if isinstance(answer, Answer)]


TEXTS = [f"the sum of {number} + {number} is even" for number in range(12)]


def test_answers_come_in_the_order_of_the_questions_and_are_asked_once(store: Store) -> None:
    with endpoint() as server:
        first = ask(store, settings(server), TEXTS)
        assert len(server.asked) == len(TEXTS)
        assert set(server.keys) == {f"Bearer {KEY}"}
        assert ask(store, settings(server), TEXTS) == first
        assert ask(store, settings(server), TEXTS[:3] * 5) == first[:3] * 5
        assert len(server.asked) == len(TEXTS)
    assert all("final score" in text.lower() for text in texts_of(first))


@pytest.mark.parametrize(
    "fault",
    [
        endpoints.html,
        endpoints.cut,
        endpoints.reset,
        endpoints.twice,
        endpoints.status(429, Retry_After="30"),
        endpoints.status(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        endpoints.status(429, Retry_After="soon"),
        endpoints.status(500),
        endpoints.status(503, "<html>"),
        endpoints.status(200, '{"choices": []}'),
        endpoints.status(200, '{"choices": [{"message": {"content": 7}}]}'),
        endpoints.status(200, "[" * 100_000),
        endpoints.status(200, ""),
    ],
    ids=lambda fault: getattr(fault, "__name__", "fault"),
)
def test_what_passes_is_asked_again(store: Store, fault: Act) -> None:
    with endpoint() as server:
        expected = texts_of(ask(store.at(f"{store.address}/undisturbed"), settings(server), TEXTS))
        server.plan.extend([fault] * 7)
        assert texts_of(ask(store, settings(server), TEXTS)) == expected


def test_a_service_that_asks_to_be_left_alone_is_for_so_long(store: Store) -> None:
    clock = CountedClock()
    with endpoint() as server:
        server.plan.append(endpoints.status(429, Retry_After="60"))
        ask(store, settings(server, concurrency=1), TEXTS[:2], clock=clock)
    assert 60 <= clock.slept < 65


@pytest.mark.parametrize("fault", [endpoints.hang, endpoints.trickle])
def test_an_answer_that_does_not_end_is_given_up_and_asked_for_again(store: Store, fault: Act) -> None:
    with endpoint() as server:
        server.plan.append(fault)
        given = settings(server, request_seconds=0.3, patience_seconds=600)
        assert len(texts_of(ask(store, given, TEXTS[:2], clock=Clock()))) == 2
        assert len(server.asked) >= 3


def test_a_service_that_never_answers_ends_the_asking_in_one_sentence(store: Store) -> None:
    with endpoint(always=endpoints.html) as server:
        with pytest.raises(StageFailedError, match=r"no answer for .* s .*no chat completion.*Sign in.*run again"):
            ask(store, settings(server), TEXTS)
        server.always = None
        assert len(ask(store, settings(server), TEXTS)) == len(TEXTS)


def test_nobody_listening_is_waited_for_and_then_said(store: Store) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with pytest.raises(StageFailedError, match="gives no whole answer"):
        ask(store, settings(url), TEXTS)


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_key_is_said_with_its_variable_and_not_shown(store: Store, code: int) -> None:
    with endpoint(always=endpoints.status(code, f"wrong key {KEY}")) as server:
        with pytest.raises(UsageError, match=r"OCTO_ENDPOINT__API_KEY.*octo-endpoint") as raised:
            ask(store, settings(server), TEXTS)
        assert KEY not in str(raised.value)
        assert len(server.asked) <= 4


def test_a_key_that_the_service_repeats_is_not_shown(store: Store) -> None:
    with (
        endpoint(always=endpoints.status(500, f"your key {KEY}")) as server,
        pytest.raises(StageFailedError, match=r"your key \*\*\*"),
    ):
        ask(store, settings(server), TEXTS)


@pytest.mark.parametrize("code", [404, 302, 405])
def test_a_wrong_address_or_model_ends_the_asking_at_once(store: Store, code: int) -> None:
    with endpoint(always=endpoints.status(code, "no such model")) as server:
        with pytest.raises(UsageError, match=r"/v1, and an --endpoint.model .* some-model"):
            ask(store, settings(server), TEXTS)
        assert len(server.asked) <= 4


def test_a_question_that_is_too_long_is_refused_alone(store: Store) -> None:
    with endpoint() as server:
        server.plan.append(endpoints.status(400, "this model's context has 8192 tokens"))
        first, *others = ask(store, settings(server, concurrency=1), TEXTS)
        assert isinstance(first, Refusal)
        assert "8192 tokens" in first.sentence
        assert len(texts_of(others)) == len(TEXTS) - 1


def test_the_service_may_go_and_come_back(store: Store) -> None:
    with endpoint() as server:
        port = server.server_address[1]
        before = texts_of(ask(store, settings(server), TEXTS[:6]))
    with ThreadPoolExecutor(1) as pool:
        given = settings(f"http://127.0.0.1:{port}/v1")
        waiting = pool.submit(ask, store, given, TEXTS, clock=Clock())
        with endpoint(port) as server:
            assert texts_of(waiting.result())[:6] == before
            assert len(server.answered) == len(TEXTS) - 6


def test_of_two_that_ask_at_once_both_go_on_with_what_was_stored_first(store: Store) -> None:
    generations = Generations(store)
    first, second = (
        Answer(text=text, finished=True, answered_by=MODEL, prompt_tokens=1, completion_tokens=1) for text in "ab"
    )
    assert generations.keep("0" * 64, first) == first
    assert generations.keep("0" * 64, second) == first
    assert generations.find("0" * 64) == first


def test_a_damaged_answer_is_asked_for_anew(store: Store) -> None:
    with endpoint() as server:
        expected = ask(store, settings(server), TEXTS[:1])
        [key] = store.list("generations/")
        stored = json.loads(store.get(key))
        store.put(key, json.dumps(stored | {"text": "Final score: 5"}).encode())
        assert ask(store, settings(server), TEXTS[:1]) == expected
        assert len(server.asked) == 2
        assert json.loads(store.get(key)) == stored


def test_no_more_are_asked_at_once_than_said_and_what_waits_is_bounded(store: Store) -> None:
    most, now, lock = [0], [0], threading.Lock()

    def counted(handler: endpoints.Handler, request: dict[str, Any]) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        endpoints.answer(handler, request)
        with lock:
            now[0] -= 1

    taken = []

    def questions() -> Any:
        for text in TEXTS * 20:
            taken.append(text)
            yield text

    with endpoint(always=counted) as server:
        given = settings(server, concurrency=3)
        with Endpoint(given, clock=Clock()) as service:
            asker = Asker(given, service, Generations(store), identity="")
            found = asker.answers(questions(), instructions="final score", text_of=str, seed=0)
            next(found)
            assert len(taken) <= 2 * 3
            found.close()
    assert most[0] <= 3 + 1  # the server counts one down after its answer is read


def test_requests_begin_no_faster_than_said(store: Store) -> None:
    clock = CountedClock()
    with endpoint() as server:
        ask(store, settings(server, concurrency=1, requests_per_minute=30), TEXTS, clock=clock)
    assert clock.slept >= 2 * (len(TEXTS) - 1)


def test_a_question_is_another_with_another_model_seed_text_or_instructions() -> None:
    question = Question(model="a", identity="", instructions="b", text="c", temperature=0.0, max_new_tokens=5, seed=0)
    others = [{"model": "x"}, {"identity": "x"}, {"instructions": "x"}, {"text": "x"}, {"temperature": 1.0}]
    others += [{"max_new_tokens": 6}, {"seed": 1}]  # type: ignore[dict-item]
    digests = {Question(**(vars(question) | other)).digest() for other in others}
    assert len(digests | {question.digest()}) == len(others) + 1
