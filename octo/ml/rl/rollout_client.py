"""The learner's side of rollout workers: chunks are dealt to whoever is free, and redone where an answer fails.

A thread for each worker takes a chunk at a time. A worker that fails is asked again after a pause that grows; its chunk
goes to whoever is free first. It makes no difference who answers: a chunk has one right answer for one set of weights.
"""

import http.client
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO
from urllib.parse import urlsplit

from pydantic import ValidationError

from octo.errors import OctoError, StageFailedError, UsageError
from octo.ml.rl.protocol import STALE, TOO_LARGE, UNFIT, WEIGHTS_HEADER, Sampled
from octo.ml.rl.rollout import Completions
from octo.ml.rl.sampling import Chunk
from octo.ml.rl.weights import Weights
from octo.settings.rl import RolloutSettings

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 15.0
"""Seconds before a worker that failed is asked again: they double from the first to the longest."""


class WorkerError(OctoError):
    """A worker gave no answer that can be used; it may give one later."""


@dataclass
class Step:
    """A step's chunks while they are dealt out."""

    chunks: Sequence[Chunk]
    weights: Weights
    answers: dict[int, Completions] = field(default_factory=dict)
    failure: Exception | None = None

    @property
    def over(self) -> bool:
        """Whether every chunk has its answer, or none will have."""
        return self.failure is not None or len(self.answers) == len(self.chunks)


class Workers:
    """The rollout workers of one learner."""

    def __init__(self, settings: RolloutSettings, *, token: str) -> None:
        """Nothing is sent yet; UsageError for a URL that is none of a worker."""
        self._settings = settings
        self._changed = threading.Condition()
        self._to_do: deque[tuple[Step, int]] = deque()
        self._failing: dict[str, float] = {}
        """Since when a worker has failed, for those whose last answer was a failure."""
        workers = [_Worker(url, token=token, seconds=settings.request_seconds) for url in settings.servers]
        for worker in workers:
            threading.Thread(target=self._deal, args=(worker,), name=worker.url, daemon=True).start()

    def sample(self, chunks: Sequence[Chunk], weights: Weights) -> list[Completions]:
        """Every chunk's completions, in order, each made by these weights.

        Raises:
            StageFailedError: no worker has answered for `patience_seconds`, or one says that nobody ever will.
        """
        step = Step(chunks, weights)
        with self._changed:
            self._failing.clear()
            self._to_do = deque((step, place) for place in range(len(chunks)))
            self._changed.notify_all()
            self._changed.wait_for(lambda: step.over)
        if step.failure:
            raise step.failure
        return [step.answers[place] for place in range(len(chunks))]

    def _deal(self, worker: "_Worker") -> None:
        pause = FIRST_PAUSE
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._to_do)
                step, place = self._to_do.popleft()
            try:
                completions = worker.complete(step.chunks[place], step.weights)
            except WorkerError as error:
                with self._changed:
                    self._to_do.appendleft((step, place))
                    self._note_failure(step, worker, error)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            except Exception as error:  # noqa: BLE001 - the learner waits, and raises it
                with self._changed:
                    self._give_up(step, error)
            else:
                pause = FIRST_PAUSE
                with self._changed:
                    self._failing.pop(worker.url, None)
                    step.answers[place] = completions
                    self._changed.notify_all()

    def _note_failure(self, step: Step, worker: "_Worker", error: WorkerError) -> None:
        if worker.url not in self._failing:
            logger.warning("%s; its chunk goes to whoever is free first", error)
            self._failing[worker.url] = time.monotonic()
        self._changed.notify_all()
        # A worker that is still being waited for is not among the failing.
        alone = time.monotonic() - max(self._failing.values())
        if len(self._failing) == len(set(self._settings.servers)) and alone >= self._settings.patience_seconds:
            sentence = (
                f"none of {len(self._failing)} rollout workers has answered for {alone:.0f} s "
                f"(--rollout.patience-seconds), the last one: {error}; see why its pod does not run, then run again"
            )
            self._give_up(step, StageFailedError(sentence))

    def _give_up(self, step: Step, error: Exception) -> None:
        step.failure = error
        self._to_do.clear()
        self._changed.notify_all()


class _Worker:
    """One worker, and the weights that it is believed to have."""

    def __init__(self, url: str, *, token: str, seconds: float) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise UsageError(f"--rollout.servers: expected http://host:port, got {url!r}")
        self.url = url
        self._host, self._port = parts.hostname, parts.port or 80
        self._authorization = f"Bearer {token}"
        self._seconds = seconds
        self._believed = ""

    def complete(self, chunk: Chunk, weights: Weights) -> Completions:
        """The chunk's completions; the weights are sent first where the worker lacks them."""
        if self._believed != weights.digest:
            self._push(weights)
        status, body = self._ask(chunk, weights)
        if status == STALE:
            # It was restarted, or another learner has been here.
            self._push(weights)
            status, body = self._ask(chunk, weights)
        if status != 200:
            raise self._refusal(status, body)
        try:
            sampled = Sampled.model_validate_json(body)
        except ValidationError as error:
            raise WorkerError(f"{self.url} sent no completions: {error.errors()[0]['msg']}") from error
        if sampled.weights != weights.digest:
            raise WorkerError(f"{self.url} sampled with weights {sampled.weights}, expected {weights.digest}")
        if not _answers(sampled, chunk):
            raise WorkerError(f"{self.url} sent completions that do not fit their prompts")
        return Completions(sampled.tokens, sampled.logprobs, sampled.finished, sampled.orders)

    def _push(self, weights: Weights) -> None:
        self._believed = ""
        with weights.path.open("rb") as file:
            status, body = self._send("PUT", "/weights", file, weights.path.stat().st_size, weights.digest)
        if status != 200:
            raise self._refusal(status, body)
        self._believed = weights.digest

    def _ask(self, chunk: Chunk, weights: Weights) -> tuple[int, bytes]:
        body = chunk.model_dump_json().encode()
        return self._send("POST", "/completions", body, len(body), weights.digest)

    def _send(self, method: str, path: str, body: bytes | IO[bytes], size: int, digest: str) -> tuple[int, bytes]:
        # No proxy of the environment knows a pod's name; http.client asks none.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_SECONDS)
        headers = {"Authorization": self._authorization, WEIGHTS_HEADER: digest, "Content-Length": str(size)}
        try:
            connection.connect()
            connection.sock.settimeout(self._seconds)
            with suppress(BrokenPipeError, ConnectionResetError):
                # A worker that refuses a request says so before it has read all of it.
                connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._believed = ""
            raise WorkerError(f"{self.url} does not answer: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def _refusal(self, status: int, body: bytes) -> OctoError:
        sentence = f"{self.url} refused with {status}: {body.decode(errors='replace')[:500]}"
        return StageFailedError(sentence) if status in (UNFIT, TOO_LARGE) else WorkerError(sentence)


def _answers(sampled: Sampled, chunk: Chunk) -> bool:
    """Whether there is one completion for each that was asked for, with as many log-probabilities as tokens.

    A diffusion model's have an order each, of the places of their tokens.
    """
    num_orders = chunk.rows if chunk.denoising else 0
    return (
        len(sampled.tokens) == len(sampled.logprobs) == len(sampled.finished) == chunk.rows
        and len(sampled.orders) == num_orders
        and all(
            0 < len(tokens) <= chunk.max_new_tokens
            and len(tokens) == len(logprobs)
            # A stop string may end one as well: whose text has it, its tokens alone do not tell.
            and (finished == (tokens[-1] in chunk.ends) or (finished and chunk.stops))
            for tokens, logprobs, finished in zip(sampled.tokens, sampled.logprobs, sampled.finished, strict=True)
        )
        and all(
            sorted(order) == list(range(len(tokens)))
            for order, tokens in zip(sampled.orders, sampled.tokens[:num_orders], strict=True)
        )
    )
