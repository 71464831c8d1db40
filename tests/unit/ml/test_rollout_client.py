"""A learner's side of workers, against servers that answer what no worker should."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from octo.errors import StageFailedError
from octo.ml.rl.protocol import Sampled
from octo.ml.rl.reception import Reception, RefusalError, Visitor
from octo.ml.rl.rollout_client import Workers, _answers
from octo.ml.rl.sampling import Chunk
from octo.ml.rl.weights import Weights
from octo.settings.rl import RolloutSettings
from tests.wire.serving import serving

CHUNKS = [
    Chunk(prompts=((1, 2),), ends=(0,), group_size=2, max_new_tokens=3, temperature=1.0, seed=0, step=0, first=first)
    for first in range(4)
]
Answer = Callable[[str], dict[str, object]]


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    path = tmp_path / "weights"
    path.write_bytes(b"any bytes")
    return Weights(path, hashlib.sha256(b"any bytes").hexdigest())


def right(digest: str) -> dict[str, object]:
    return {"weights": digest, "tokens": [[5, 0], [6, 7, 8]], "logprobs": [[-1, -2], [-1, -2, -3]], "finished": [1, 0]}


@contextmanager
def worker(answer: Answer, asked: list[str] | None = None) -> Iterator[str]:
    """A server that takes any weights, and says the answer to every chunk."""

    class Request(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self._say(b"")

        def do_POST(self) -> None:
            digest = self.headers["Octo-Weights"]
            if asked is not None:
                asked.append(self.headers["Authorization"])
            self._say(json.dumps(answer(digest)).encode())

        def log_message(self, *_said: object) -> None: ...

        def _say(self, body: bytes) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def workers(*urls: str, patience: float = 300) -> Workers:
    return Workers(RolloutSettings(servers=urls, patience_seconds=patience), token="shared")


def test_every_request_carries_the_token(weights: Weights) -> None:
    asked: list[str] = []
    with worker(right, asked) as url:
        answers = workers(url).sample(CHUNKS, weights)
    assert [answer.tokens for answer in answers] == [[[5, 0], [6, 7, 8]]] * 4
    assert asked == ["Bearer shared"] * 4


class Suspicious(Visitor):
    """Reads nobody's weights."""

    def do_PUT(self) -> None:  # noqa: N802 - the name that http.server calls
        self.refuse(RefusalError(401, "who are you"))


def test_a_refusal_that_comes_before_the_weights_were_read_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(32 << 20))
    with serving(Reception(0, Suspicious, name="suspicious", token="another")) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(StageFailedError, match="refused with 401: who are you"):
            workers(url, patience=1e-9).sample(CHUNKS, Weights(path, "0" * 64))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"weights": "f" * 64}, f"sampled with weights {'f' * 64}, expected "),
        ({"tokens": [[5, 0]], "logprobs": [[-1, -2]], "finished": [1]}, "completions that do not fit their prompts"),
        ({"logprobs": [[-1], [-1, -2, -3]]}, "completions that do not fit their prompts"),
        ({"finished": [1, 1]}, "completions that do not fit their prompts"),
        ({"tokens": [[], [6, 7, 8]], "logprobs": [[], [-1, -2, -3]]}, "completions that do not fit their prompts"),
        ({"logprobs": [[-1, float("nan")], [-1, -2, -3]]}, "sent no completions"),
        ({"tokens": "many"}, "sent no completions"),
    ],
)
def test_an_answer_that_is_none_is_never_trained_on(weights: Weights, wrong: dict[str, object], said: str) -> None:
    with worker(lambda digest: right(digest) | wrong) as bad:
        with pytest.raises(StageFailedError, match=said):
            workers(bad, patience=1e-9).sample(CHUNKS, weights)
        with worker(right) as good:
            answers = workers(bad, good).sample(CHUNKS, weights)
    assert [answer.tokens for answer in answers] == [[[5, 0], [6, 7, 8]]] * 4


def test_a_completion_may_end_without_an_end_where_stop_strings_were_asked_for() -> None:
    stopped = CHUNKS[0].model_copy(update={"stops": ("?",)})
    for chunk, finished, fits in ((CHUNKS[0], [1, 1], False), (stopped, [1, 1], True), (stopped, [0, 1], False)):
        assert bool(_answers(Sampled.model_validate({**right(""), "finished": finished}), chunk)) is fits
