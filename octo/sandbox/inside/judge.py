"""The process in which a test runs. No line of a model's program is ever executed here."""

import builtins
import json
import random
import socket
import sys
import traceback
from importlib import import_module
from typing import Any

from octo.sandbox.inside.exchange import CALLS, Exchange, GoneError
from octo.sandbox.inside.library import LIBRARY
from octo.sandbox.inside.values import Json

LONGEST_DETAIL = 500
WAS_GONE = "the program ended before it answered"


def be_judge(control: socket.socket, connection: socket.socket | None, *, largest: int) -> None:
    """Run the test that arrives on `control`, and say there what it says: a pass only with the run's secret."""
    asked = json.loads(control.makefile("rb").readline())
    random.seed(0)
    exchange = Exchange(connection, largest=largest, operations=CALLS) if connection else None
    report = _report(exchange, asked)
    control.sendall(json.dumps(report).encode() + b"\n")


class Names(dict[str, Any]):
    """A test's global names; those that it, its setup, Python and its library do not define are the program's."""

    def __init__(self, exchange: Exchange | None, entry_points: list[str] | None) -> None:
        super().__init__(__name__="test", __builtins__=builtins)
        self._exchange = exchange
        self._entry_points = entry_points

    def __missing__(self, name: str) -> Any:
        if self._exchange is None or name.startswith("__") or hasattr(builtins, name):
            raise KeyError(name)
        # A test that forgot an import must not be given the program's idea of `math`.
        if name in sys.stdlib_module_names:
            self[name] = value = import_module(name)
        elif name in LIBRARY if self._entry_points is None else name not in self._entry_points:
            raise KeyError(name)
        else:
            self[name] = value = self._exchange.ask("name", name)
        return value


def _report(exchange: Exchange | None, asked: Json) -> Json:
    try:
        names = Names(exchange, asked["entry_points"])
        if exchange:
            exchange.send(asked["program"])
            exchange.started()
        exec(compile(asked["setup"], "<setup>", "exec"), names)  # noqa: S102 - the benchmark's code
        if exchange:
            names |= {name: exchange.ask("name", name) for name in asked["names"]}
        exec(compile(asked["test"], "<test>", "exec"), names)  # noqa: S102 - the benchmark's code
    except AssertionError as error:
        return {"outcome": "fail", "detail": _detail(error, asked)}
    except GoneError:
        return {"outcome": "error", "detail": WAS_GONE}
    except BaseException as error:  # noqa: BLE001 - a test that wants to exit has not passed
        return {"outcome": "error", "detail": _detail(error, asked)}
    if exchange and exchange.broken:
        # The test has caught it, or it was raised where a test sees nothing.
        return {"outcome": "error", "detail": _detail(exchange.broken, asked) or WAS_GONE}
    return {"outcome": "pass", "secret": asked["secret"]}


def _detail(error: BaseException, asked: Json) -> str:
    """What was raised, and the line of the test that it came from."""
    said = "".join(traceback.format_exception_only(error)).strip()
    lines = asked["test"].splitlines()
    places = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "<test>"]
    where = f" in: {lines[places[-1] - 1].strip()}" if places and places[-1] <= len(lines) else ""
    return said[:LONGEST_DETAIL] + where[:LONGEST_DETAIL]
