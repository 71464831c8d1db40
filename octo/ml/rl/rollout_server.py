"""A rollout worker: it samples for the learner over HTTP until it is told to stop, or nobody asks any more.

Threads speak HTTP; the model is touched by the main thread alone, one request after the other, where a signal can
interrupt it and nothing of torch runs while the interpreter ends.
"""

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from queue import Empty, SimpleQueue
from typing import NoReturn

from pydantic import ValidationError

from octo.errors import PreemptedError, UsageError
from octo.job import Job
from octo.ml.models import use_threads, weights_size
from octo.ml.rl.protocol import (
    DAMAGED,
    ENDING,
    STALE,
    UNFIT,
    WEIGHTS_HEADER,
    Sampled,
    shared_token,
)
from octo.ml.rl.reception import Reception, RefusalError, Visitor
from octo.ml.rl.sampling import Chunk, SamplingEngine
from octo.settings.rl import RlSettings
from octo.trainings import models_of

ENGINES = {"torch": "octo.ml.rl.torch_engine:TorchEngine", "vllm": "octo.ml.rl.vllm_engine:VllmEngine"}
CHUNK_BYTES = 64 * 2**20
"""Largest body of a request for completions."""
HEADER_BYTES = 2**20
"""Largest header of a safetensors file, by our reckoning: names and shapes."""


@dataclass
class Worker:
    """An engine and the digest of the weights in it. Its methods run in the main thread."""

    job: Job[RlSettings]
    engine: SamplingEngine
    weights: str = ""

    def load(self, path: Path, digest: str) -> str:
        """Take the file's weights; the file is gone afterwards."""
        with self.job.telemetry.span("octo.rl.load", {"octo.rollout.weights": digest}):
            # Between here and the end it has no weights that anybody could ask for.
            self.weights = ""
            try:
                self.engine.load(path)
            except UsageError as error:
                raise RefusalError(UNFIT, str(error)) from error
            finally:
                path.unlink(missing_ok=True)
            self.weights = digest
        return digest

    def complete(self, chunk: Chunk, digest: str) -> str:
        """The chunk's completions as JSON, if the learner means the weights that are loaded."""
        if digest != self.weights:
            raise RefusalError(STALE, f"completions are asked of weights {digest}, {self.weights or 'none'} are loaded")
        attributes: Mapping[str, str | int] = {
            "octo.step": chunk.step + 1,
            "octo.completions": chunk.rows,
            "octo.rollout.weights": digest,
        }
        with self.job.telemetry.span("octo.rl.complete", attributes):
            try:
                completions = self.engine.complete(chunk)
            except UsageError as error:
                raise RefusalError(UNFIT, str(error)) from error
        return Sampled(
            weights=self.weights,
            tokens=completions.tokens,
            logprobs=completions.logprobs,
            finished=completions.finished,
            orders=completions.orders,
        ).model_dump_json()


@dataclass(frozen=True)
class Call:
    """Something for the main thread to do, and where its answer goes."""

    work: Callable[[], str]
    answer: "Future[str]" = field(default_factory=Future)


class Desk(Reception):
    """Where requests come in, and wait for the main thread."""

    def __init__(self, worker: Worker, *, port: int, token: str, scratch: Path, weight_bytes: int) -> None:
        self.worker = worker
        self.scratch = scratch
        self.weight_bytes = weight_bytes
        self.calls: SimpleQueue[Call] = SimpleQueue()
        try:
            super().__init__(port, _Request, name="rollout worker", token=token)
        except OSError as error:
            raise UsageError(f"--rollout.port {port} cannot be listened on: {error.strerror}") from None


def serve(job: Job[RlSettings]) -> NoReturn:
    """Sample for the learner of the same settings.

    Raises PreemptedError when no learner has asked for long; it never returns, since a worker commits nothing.
    """
    settings = job.settings
    # Of several trainings the first: it is of the same shape, and the learner sends the weights.
    start = models_of(job.input("model"))[0]
    engine: SamplingEngine = resolve_name(ENGINES[settings.rollout.engine])(start, settings, job.scratch)
    desk = Desk(
        Worker(job, engine),
        port=settings.rollout.port,
        token=shared_token(job.store, job.output.digest),
        scratch=job.scratch,
        # Twice, since it may have been committed in half the learner's precision.
        weight_bytes=2 * weights_size(start) + HEADER_BYTES,
    )
    use_threads(settings.threads)
    with _answering(desk):
        sys.stderr.write(f"rollout worker: listening on port {desk.server_address[1]}\n")
        while True:
            _do_next(desk.calls, patience=settings.rollout.idle_seconds)


def _do_next(calls: "SimpleQueue[Call]", *, patience: float) -> None:
    try:
        call = calls.get(timeout=patience)
    except Empty:
        raise PreemptedError(
            f"no learner has asked this rollout worker for {patience:g} s (--rollout.idle-seconds): it ends"
        ) from None
    try:
        call.answer.set_result(call.work())
    except RefusalError as refusal:
        call.answer.set_exception(refusal)
    except BaseException:
        call.answer.set_exception(RefusalError(ENDING, "this rollout worker is ending"))
        raise


@contextmanager
def _answering(desk: Desk) -> Iterator[None]:
    thread = threading.Thread(target=partial(desk.serve_forever, poll_interval=0.1), name="octo-rollout", daemon=True)
    thread.start()
    try:
        yield
    finally:
        desk.shutdown()
        desk.server_close()


class _Request(Visitor):
    """One request; the methods' names are http.server's."""

    server: Desk

    def do_GET(self) -> None:  # noqa: N802
        """Say that the worker lives, also while it samples."""
        if self.path == "/healthz":
            self.say(200, f'{{"weights": "{self.server.worker.weights}"}}')
        else:
            self.refuse(RefusalError(404, "nothing but /healthz is here to be read"))

    def do_PUT(self) -> None:  # noqa: N802
        """Take new weights."""
        self._answer("/weights", self._load, self.server.weight_bytes)

    def do_POST(self) -> None:  # noqa: N802
        """Complete a chunk."""
        self._answer("/completions", self._complete, CHUNK_BYTES)

    def _answer(self, path: str, work: Callable[[int], str], limit: int) -> None:
        try:
            answer = work(self.admitted(path, limit))
        except RefusalError as refusal:
            self.refuse(refusal)
        else:
            self.say(200, answer)

    def _load(self, size: int) -> str:
        digest = self.headers.get(WEIGHTS_HEADER, "")
        path = self.server.scratch / f"received-{threading.get_ident()}.safetensors"
        found = hashlib.sha256()
        try:
            with path.open("wb") as file:
                for block in self.blocks(size):
                    found.update(block)
                    file.write(block)
            if found.hexdigest() != digest:
                raise RefusalError(DAMAGED, f"expected weights of sha256 {digest or '(none)'}, got {found.hexdigest()}")
            return self._done(partial(self.server.worker.load, path, digest))
        finally:
            path.unlink(missing_ok=True)

    def _complete(self, size: int) -> str:
        try:
            chunk = Chunk.model_validate_json(b"".join(self.blocks(size)))
        except ValidationError as error:
            raise RefusalError(UNFIT, f"the request is not a chunk: {error.errors()[0]['msg']}") from error
        return self._done(partial(self.server.worker.complete, chunk, self.headers.get(WEIGHTS_HEADER, "")))

    def _done(self, work: Callable[[], str]) -> str:
        call = Call(work)
        self.server.calls.put(call)
        return call.answer.result()
