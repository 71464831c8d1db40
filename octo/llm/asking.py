"""Asking many questions side by side: bounded, paced, patient, and each one once.

Questions wait in a window twice as wide as are asked at once, so what is held does not grow with their number; answers
come in the order of the questions.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from octo.errors import OctoError, StageFailedError
from octo.job import Job
from octo.llm.chat import Answer, Question, Refusal
from octo.llm.endpoint import Endpoint, PassingError
from octo.llm.generations import Generations
from octo.llm.stand_in import stand_in
from octo.settings.endpoint import STAND_IN_VERSION, AskingSettings, EndpointSettings
from octo.storage.patience import REAL_TIME, Clock

logger = logging.getLogger(__name__)
T = TypeVar("T")
S = TypeVar("S", bound=AskingSettings)

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 30.0
"""Seconds before a question is sent again: they double from the first to the longest."""
QUIET_SECONDS = 60.0
"""After which whoever looks on is told what is waited for, and then again."""


@dataclass
class Tally:
    """What a process's asking came to; it depends on what others have asked before, so no result may rest on it."""

    asked: int = 0
    """Answers that the service gave."""
    found: int = 0
    """Answers that the store had."""
    failures: int = 0
    """Tries that found none."""


@contextmanager
def asking(job: Job[S], *, clock: Clock = REAL_TIME) -> "Iterator[Asker]":
    """Who asks the job's questions; where no model is served, the stand-in is, meanwhile."""
    settings = job.settings
    endpoint = settings.endpoint
    with ExitStack() as stack:
        if endpoint.is_stand_in and not endpoint.addresses:
            endpoint = endpoint.model_copy(update={"url": stack.enter_context(stand_in())})
        service = stack.enter_context(Endpoint(endpoint, clock=clock))
        processes = settings.shard_group.count * settings.workers
        asker = Asker(
            endpoint, service, Generations(job.store), identity=_identity(settings), processes=processes, clock=clock
        )
        span = stack.enter_context(job.telemetry.span("octo.llm.ask", {"octo.llm.model": endpoint.model}))
        yield asker
        for name, count in vars(asker.tally).items():
            span.set_attribute(f"octo.llm.{name}", count)


class Asker:
    """Asks one service, or several that serve the same."""

    def __init__(
        self,
        settings: EndpointSettings,
        service: Endpoint,
        generations: Generations,
        *,
        identity: str,
        processes: int = 1,
        clock: Clock = REAL_TIME,
    ) -> None:
        self._settings = settings
        self._service = service
        self._generations = generations
        self._identity = identity
        self._pace = _Pace(settings.requests_per_minute / processes, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._failure: OctoError | None = None
        self.tally = Tally()

    def answers(
        self, items: Iterable[T], *, instructions: str, text_of: Callable[[T], str | None], seed: int
    ) -> Iterator[tuple[T, Answer | Refusal | None]]:
        """Each item with the answer to the instructions about its text, in their order; None where it has no text.

        Raises:
            StageFailedError: one found no answer within the patience.
            UsageError: the service refuses the key, the model or the address.
        """
        settings = self._settings
        waiting: deque[tuple[T, Future[Answer | Refusal | None]]] = deque()
        with _threads(settings.concurrency) as submit:
            try:
                for item in items:
                    text = text_of(item)
                    if text is None:
                        waiting.append((item, _nothing()))
                    else:
                        waiting.append((item, submit(partial(self._answer_about, text, instructions, seed))))
                    if len(waiting) >= 2 * settings.concurrency:
                        done, answer = waiting.popleft()
                        yield done, answer.result()
                while waiting:
                    done, answer = waiting.popleft()
                    yield done, answer.result()
            finally:
                # Whoever still waits for a service, or for its turn, asks no more.
                self._failure = self._failure or (StageFailedError("it was stopped") if waiting else None)

    def _answer_about(self, text: str, instructions: str, seed: int) -> Answer | Refusal | None:
        return self.answer(
            Question(
                model=self._settings.model,
                identity=self._identity,
                instructions=instructions,
                text=text,
                temperature=self._settings.temperature,
                max_new_tokens=self._settings.max_new_tokens,
                seed=seed,
            )
        )

    def answer(self, question: Question) -> Answer | Refusal:
        """The one answer to the question: the store's, else the service's, which is then the store's."""
        digest = question.digest()
        found = self._generations.find(digest)
        if found is not None:
            self._note("found")
            return found
        try:
            answer = self._insist(question, digest)
        except OctoError as error:
            self._failure = self._failure or error
            raise
        if isinstance(answer, Refusal):
            return answer
        self._note("asked")
        return self._generations.keep(digest, answer)

    def _insist(self, question: Question, digest: str) -> Answer | Refusal:
        urls, began, attempt, said = self._settings.addresses, self._clock.now(), 0, self._clock.now()
        while True:
            self._pace.wait(lambda: self._failure is not None)
            if self._failure is not None:
                raise self._failure
            try:
                # Spread by the questions; one that failed is taken to the next service.
                return self._service.ask(urls[(int(digest[:8], 16) + attempt) % len(urls)], question)
            except PassingError as error:
                self._note("failures")
                now = self._clock.now()
                if now - began >= self._settings.patience_seconds:
                    raise StageFailedError(
                        f"no answer for {now - began:.0f} s (--endpoint.patience-seconds): {error}; what is "
                        "answered is kept: see why, then run again"
                    ) from error
                if now - said >= QUIET_SECONDS:
                    said = now
                    logger.warning("%s; it has been asked for %.0f s by now", error, now - began)
                pause = min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE)
                attempt += 1
                if error.after is not None:
                    # What one is told holds for all: the others would be refused as well.
                    self._pace.rest(error.after)
                self._clock.sleep(pause if error.after is None else 0)

    def _note(self, what: str) -> None:
        with self._lock:
            setattr(self.tally, what, getattr(self.tally, what) + 1)


class _Pace:
    """When the next request may begin."""

    def __init__(self, per_minute: float, clock: Clock) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock.now()

    def wait(self, is_over: Callable[[], bool]) -> None:
        """Until it may, or there is nothing to wait for any more."""
        while not is_over():
            with self._lock:
                now = self._clock.now()
                left = self._next - now
                if left <= 0:
                    self._next = max(self._next, now) + self._gap if self._gap else self._next
                    return
            # In steps, so that whoever stops meanwhile is heard.
            self._clock.sleep(min(left, 1.0))

    def rest(self, seconds: float) -> None:
        """Begin none for so long."""
        with self._lock:
            self._next = max(self._next, self._clock.now() + seconds)


@contextmanager
def _threads(count: int) -> Iterator[Callable[[Callable[[], T]], "Future[T]"]]:
    """What lets one of so many threads do something, in the order of asking.

    They are daemons, as an executor's are not: a process that is told to stop does not wait for a service that hangs.
    """
    to_do: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()

    def work() -> None:
        while (task := to_do.get()) is not None:
            act, future = task
            try:
                future.set_result(act())
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                future.set_exception(error)

    def submit(act: Callable[[], T]) -> "Future[T]":
        future: Future[T] = Future()
        to_do.put((act, future))
        return future

    for number in range(count):
        threading.Thread(target=work, name=f"asking-{number}", daemon=True).start()
    try:
        yield submit
    finally:
        for _ in range(count):
            to_do.put(None)


def _nothing() -> "Future[Answer | Refusal | None]":
    future: Future[Answer | Refusal | None] = Future()
    future.set_result(None)
    return future


def _identity(settings: AskingSettings) -> str:
    if settings.endpoint.is_stand_in:
        return f"stand-in {STAND_IN_VERSION}"
    return "/".join(settings.weights.rstrip("/").split("/")[-2:]) if settings.weights else ""
