"""What rollout workers are tested with: a model that is right now and then, real workers, and a loser of answers."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import torch

from octo.data.documents import Document, new_document, to_parquet
from octo.data.tokenizer import train
from octo.job import stage_digest
from octo.ml.models import new_model
from octo.ml.rl.protocol import WEIGHTS_HEADER
from octo.processes import dying_with_parent
from octo.settings.loading import arguments_of, secrets_of
from octo.settings.midtraining import ModelShape
from octo.settings.rl import RlSettings
from octo.storage.embedded import EmbeddedStore
from octo.storage.seals import sealed
from octo.storage.store import Store
from tests.committing import commit, commit_model
from tests.ports import free_ports
from tests.wire.serving import serving

TINY = {"hidden_size": 32, "intermediate_size": 64, "num_layers": 2, "num_heads": 4, "num_key_value_heads": 2}
TOKEN = "a" * 64


def settings_on(store: Store, embedded: EmbeddedStore) -> RlSettings:
    """A learner of three updates of three chunks each, of a model and problems that are committed for it."""
    torch.set_num_threads(1)
    tokenizer = train(["0123456789+="], vocabulary_size=258)
    model = new_model(ModelShape(**TINY), vocabulary_size=258, context=64, seed=3)
    # Every position sees a constant in the first dimension, by which it prefers to end, or to say one of two digits.
    favoured = [tokenizer.end_id, *tokenizer.encode("34")]
    with torch.no_grad():
        model.get_input_embeddings().weight[:, 0] = 5.0
        model.get_output_embeddings().weight[:, 0] = -1.0
        model.get_output_embeddings().weight[favoured, 0] = 0.0
    trained = commit_model(store, model, tokenizer)
    # No sums: what is asked is to say one of those two digits last, and then to end.
    documents = [
        new_document(text, source="prompts", url=text, metadata={"question": text, "answer": "34"[len(text) % 2]})
        for text in ("1" * length + "=" for length in range(1, 13))
    ]
    problems = commit(store, [{"documents.parquet": to_parquet(documents, Document)}])
    return RlSettings(
        store=store.address,
        s3=embedded.s3,
        probe=False,
        model=trained.address,
        problems=problems.address,
        num_steps=3,
        prompts_per_step=6,
        group_size=8,
        micro_batch_size=24,
        max_new_tokens=6,
        learning_rate=1e-2,
        warmup_steps=0,
        rollout={"prompts_per_chunk": 2, "patience_seconds": 1500.0},
    )


def elsewhere(settings: RlSettings, store: Store, place: str, **rollout: Any) -> RlSettings:
    """The same stage in a place of its own, whose workers are those of all the places."""
    there = store.at(f"{store.address}/{place}")
    there.put_if_absent(f"rollouts/{stage_digest(settings)}/token", sealed(TOKEN.encode()))
    changed = settings.rollout.model_copy(update=rollout)
    return settings.model_copy(update={"store": there.address, "rollout": changed})


@dataclass
class WorkerProcess:
    """A rollout worker in a process of its own, which can be killed and started again on the same port."""

    settings: RlSettings
    port: int
    process: "subprocess.Popen[str] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = self.settings.model_copy(
            update={"role": "rollout", "rollout": self.settings.rollout.model_copy(update={"port": self.port})}
        )
        self.process = subprocess.Popen(
            dying_with_parent([sys.executable, "-m", "jobs.rl", *arguments_of(settings)]),
            env={**os.environ, **secrets_of(settings)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def await_start(self) -> None:
        assert self.process
        assert self.process.stderr
        said = []
        for line in self.process.stderr:
            said.append(line)
            if "listening" in line:
                return
        raise AssertionError("".join(said))

    def end(self, number: int) -> tuple[int, str]:
        """Its exit code after a signal, and what it said."""
        assert self.process
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=1500)
        return self.process.returncode, said


@contextmanager
def worker_processes(settings: RlSettings, num_workers: int) -> Iterator[list[WorkerProcess]]:
    workers = [WorkerProcess(settings, port) for port in free_ports(num_workers)]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.await_start()
        yield workers
    finally:
        for worker in workers:
            if worker.process and worker.process.poll() is None:
                worker.end(signal.SIGKILL)


def request(
    url: str, method: str, path: str, body: bytes = b"", *, weights: str = "", token: str = TOKEN
) -> tuple[int, str]:
    return exchange(url, method, path, body, {"Authorization": f"Bearer {token}", WEIGHTS_HEADER: weights})


def exchange(url: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=1500)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@contextmanager
def losing(worker: WorkerProcess, *, after: int, meanwhile: Callable[[], object] = lambda: None) -> Iterator[str]:
    """A URL in front of a worker that passes so many completions on; the next is asked for, and its answer lost.

    Something may happen to the worker meanwhile. Afterwards nothing is answered.
    """
    numbers = count()

    class Middleman(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._pass_on(self._body())

        def do_POST(self) -> None:
            body, number = self._body(), next(numbers)
            if number < after:
                self._pass_on(body)
            elif number == after:
                asking = threading.Thread(target=partial(self._ask_in_vain, body))
                asking.start()
                meanwhile()
                asking.join()

        def log_message(self, *_said: object) -> None: ...

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def _pass_on(self, body: bytes) -> None:
            status, text = exchange(worker.url, self.command, self.path, body, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def _ask_in_vain(self, body: bytes) -> None:
            with suppress(OSError, http.client.HTTPException):
                exchange(worker.url, "POST", self.path, body, self.headers)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Middleman)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
