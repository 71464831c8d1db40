"""The process in which a test runs. No line of a model's program is ever executed here."""

import builtins
import gc
import json
import random
import socket
import sys
import traceback
import types
from importlib import import_module
from typing import Any

from octo.sandbox.inside import printing
from octo.sandbox.inside.exchange import CALLS, Exchange, GoneError
from octo.sandbox.inside.given import given_by
from octo.sandbox.inside.kinds import Json, NotDataError
from octo.sandbox.inside.library import LIBRARY
from octo.sandbox.inside.streams import TestStreams

LONGEST_DETAIL = 500
_PART = 1 << 13
WAS_GONE = "the program ended before it answered"
EXECUTES = {"compile", "exec", "pickle.find_class", "ctypes.dlopen", "function.__new__", "code.__new__"}
"""What Python announces before it executes what it was given."""


def be_judge(control: socket.socket, connection: socket.socket | None, *, largest: int) -> None:
    """Run the test that arrives on `control`, and say there what it says: a pass only with the run's secret."""
    asked = json.loads(_line_of(control))
    gc.freeze()
    gc.enable()
    random.seed(0)
    exchange = Exchange(connection, largest=largest, operations=CALLS) if connection else None
    report = report_of(exchange, asked)
    control.sendall(json.dumps(report).encode() + b"\n")


class Names(dict[str, Any]):
    """A test's global names; those that it, its setup, Python and its library do not define are the program's."""

    def __init__(self, exchange: Exchange | None, entry_points: list[str] | None, classes: list[str]) -> None:
        super().__init__(__name__="test", __builtins__=builtins)
        self._exchange = exchange
        self._entry_points = entry_points
        self._classes = classes

    def __missing__(self, name: str) -> Any:
        if self._exchange is None or name.startswith("__") or hasattr(builtins, name):
            raise KeyError(name)
        # A test that forgot an import must not be given the program's idea of `math`.
        if name in sys.stdlib_module_names:
            self[name] = value = import_module(name)
        elif name in LIBRARY if self._entry_points is None else name not in self._entry_points:
            raise KeyError(name)
        else:
            self[name] = value = self.asked(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        if name in self._classes and isinstance(value, type) and self._exchange:
            self._exchange.given[name] = value
            self._exchange.same_classes = {**self._exchange.same_classes, value: name}

    def asked(self, name: str) -> Any:
        """What the program has under a name."""
        assert self._exchange  # noqa: S101 - nothing is asked without it
        return self._exchange.named(None, self._exchange.ask("name", name))


def _line_of(control: socket.socket) -> bytes:
    # A file would have a buffer of its own, and touch, and so copy, pages of the worker's for it.
    parts = [b""]
    while not parts[-1].endswith(b"\n") and (part := control.recv(_PART)):
        parts.append(part)
    return b"".join(parts)


def report_of(exchange: Exchange | None, asked: Json) -> Json:
    """What a test says of the program at the other end, or by itself."""
    try:
        given, classes = given_by(asked["setup"], asked["test"]) if exchange else ([], [])
        names = Names(exchange, asked["entry_points"], classes)
        if exchange:
            _begin(exchange, asked, given, classes, names)
        exec(compile(asked["setup"], "<setup>", "exec"), names)  # noqa: S102 - the benchmark's code
        if exchange:
            names |= {name: names.asked(name) for name in asked["names"]}
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
    return {"outcome": "pass", "secret": asked["secret"], "word": sorted(exchange.word) if exchange else []}


def _begin(exchange: Exchange, asked: Json, given: list[str], classes: list[str], names: Names) -> None:
    """Hand over the program, and have it executed, unless the test has it run as a main module, with an input."""
    streams = TestStreams(names)
    exchange.offer("read", streams.read)
    exchange.send({"source": asked["program"], "given": given, "classes": classes})
    if printing.__name__ in asked["test"]:
        printing.of_program(exchange)
    else:
        exchange.ask("start")
    exchange.streams = streams
    _watch(exchange)
    if "mock" in asked["test"] or "mock" in asked["setup"]:
        _share_patches(exchange)


def _watch(exchange: Exchange) -> None:
    """Execute nothing while the program is answered: what it has a function of the test's do is no more than that."""

    def forbid() -> None:
        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            if exchange.num_answering and event in EXECUTES and not _is_import(arguments):
                raise exchange.broken_by(NotDataError("the program would have the test execute what it says"))

        sys.addaudithook(hear)

    exchange.before_first_answer = forbid


def _is_import(arguments: tuple[Any, ...]) -> bool:
    """Whether it is a module of Python's library that is executed."""
    code = arguments[0] if arguments else None
    name = code.co_filename if isinstance(code, types.CodeType) else arguments[1] if len(arguments) == 2 else ""
    return isinstance(name, str) and (name.startswith((sys.base_prefix, "<frozen ")) or "/numpy/" in name)


def _share_patches(exchange: Exchange) -> None:
    """Have the program find what the test patches in modules of Python's library."""
    from unittest import mock  # noqa: PLC0415 - few tests have use for it

    patch: Any = mock._patch  # noqa: SLF001 - nothing else tells when one begins
    enter, leave = patch.__enter__, patch.__exit__

    def shares(self: Any) -> bool:
        name = getattr(self.target, "__name__", "")
        return isinstance(self.target, types.ModuleType) and name in sys.stdlib_module_names and name != "sys"

    def entered(self: Any) -> Any:
        new = enter(self)
        if shares(self) and (self.target, self.attribute) not in ((builtins, "input"), (builtins, "print")):
            exchange.ask("patch", self.target.__name__, self.attribute, getattr(self.target, self.attribute))
            self.is_shared = True
        return new

    def left(self: Any, *error: Any) -> Any:
        if self.__dict__.pop("is_shared", False):
            exchange.ask("put back")
        return leave(self, *error)

    patch.__enter__, patch.__exit__ = entered, left


def _detail(error: BaseException, asked: Json) -> str:
    """What was raised, and the line of the test that it came from."""
    said = "".join(traceback.format_exception_only(error)).strip()
    lines = asked["test"].splitlines()
    places = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == "<test>"]
    where = f" in: {lines[places[-1] - 1].strip()}" if places and places[-1] <= len(lines) else ""
    return said[:LONGEST_DETAIL] + where[:LONGEST_DETAIL]
