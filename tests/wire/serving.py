"""A small HTTP server of a test, running while a block lasts."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from socketserver import ThreadingTCPServer
from typing import TypeVar

Server = TypeVar("Server", bound=ThreadingTCPServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    server.daemon_threads = True
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
