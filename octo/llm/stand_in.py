"""A small server of chat completions that answers by rules: for trying things where no model is served.

It speaks the protocol that models are asked by, over a real connection. Who reads its answers is told: in the name of
the model, in every justification, and as the system's fingerprint.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from octo.llm.stand_in_rules import graded, rewritten
from octo.settings.endpoint import STAND_IN, STAND_IN_VERSION

FINGERPRINT = f"{STAND_IN}-{STAND_IN_VERSION}: rules, no language model"
GRADES_BY = "final score"
"""Instructions that say so ask for a grade, others for the text anew."""
MOST_BYTES = 64 << 20


@contextmanager
def stand_in(port: int = 0) -> Iterator[str]:
    """Serve on this machine alone, at any free port; the URL to ask at."""
    server = _Server(("127.0.0.1", port), _Request)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(request: Mapping[str, Any]) -> dict[str, Any]:
    """The reply to a request, in the protocol's words."""
    instructions, text = (each["content"] for each in request["messages"])
    answer = graded(text) if GRADES_BY in instructions.lower() else rewritten(text)
    prompt, written = len(instructions.split()) + len(text.split()), answer.split(" ")
    most = int(request.get("max_tokens") or len(written))
    return {
        "id": f"{STAND_IN}-{sha256(text.encode()).hexdigest()[:16]}",
        "object": "chat.completion",
        "model": STAND_IN,
        "system_fingerprint": FINGERPRINT,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": " ".join(written[:most])},
                "finish_reason": "length" if len(written) > most else "stop",
            }
        ],
        # Words, which is what it has in place of tokens.
        "usage": {"prompt_tokens": prompt, "completion_tokens": min(len(written), most)},
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer a question."""
        size = int(self.headers.get("Content-Length") or 0)
        if self.path != "/v1/chat/completions" or not 0 < size <= MOST_BYTES:
            self._say(404, {"error": {"message": f"there is no {self.path} here"}})
            return
        try:
            reply = completion(json.loads(self.rfile.read(size)))
        except (ValueError, LookupError, TypeError) as error:
            self._say(400, {"error": {"message": f"this is no request for a chat completion: {error}"}})
            return
        self._say(200, reply)

    def do_GET(self) -> None:
        """Say which model there is."""
        self._say(200, {"object": "list", "data": [{"id": STAND_IN, "object": "model"}]})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: who asks tells of it."""

    def _say(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
