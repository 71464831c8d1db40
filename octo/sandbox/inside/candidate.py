"""The process in which a program of a model runs. Whatever it does to this process, its only way out is to answer."""

import gc
import random
import socket
import sys
import types
from typing import Any

from octo.sandbox.inside.exchange import EVERYTHING, Exchange


def be_candidate(connection: socket.socket, *, largest: int) -> None:
    """Execute the program that arrives first, then do what is asked of it until nobody asks."""
    module = types.ModuleType("program")
    exchange = Exchange(
        connection, largest=largest, operations={**EVERYTHING, "name": lambda name: _named(module, name)}
    )
    program = exchange.receive()
    sys.modules[module.__name__] = module
    random.seed(0)
    # When the collector runs next must not depend on what was run before.
    gc.collect()
    # What stands below the program on the stack must not count against its own recursion.
    sys.setrecursionlimit(sys.getrecursionlimit() + 20)
    try:
        exec(compile(program, "<program>", "exec"), module.__dict__)  # noqa: S102 - this process is there for it
    except Exception as error:  # noqa: BLE001 - whatever it is, the test hears of it
        exchange.send(exchange.raised(error))
        return
    exchange.send({"value": None})
    exchange.serve()


def _named(module: types.ModuleType, name: str) -> Any:
    try:
        return module.__dict__[name]
    except KeyError:
        raise NameError(f"name {name!r} is not defined") from None
