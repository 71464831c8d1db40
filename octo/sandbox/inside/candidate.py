"""The process in which a program of a model runs. Whatever it does to this process, its only way out is to answer."""

import builtins
import gc
import os
import random
import socket
import sys
import types
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from octo.sandbox.inside.exchange import EVERYTHING, Exchange
from octo.sandbox.inside.streams import ProgramStreams

LONGEST_SHOWN = 1 << 16


def be_candidate(connection: socket.socket, *, largest: int) -> None:
    """Execute the program that arrives first, when it is asked to, then do what is asked of it until nobody asks."""
    module = types.ModuleType("program")
    replaced: list[tuple[Any, str, Any]] = []
    exchange = Exchange(
        connection,
        largest=largest,
        operations=EVERYTHING,
    )
    exchange.offer("start", lambda: start(arrived, module, exchange))
    exchange.offer("run", lambda given: _run(arrived, given))
    exchange.offer("name", lambda name: named(module, name))
    exchange.offer("patch", lambda place, name, value: _patch(place, name, value, replaced))
    exchange.offer("put back", lambda: setattr(*replaced.pop()))
    arrived = exchange.receive()
    exchange.streams = ProgramStreams()
    sys.modules[module.__name__] = module
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    random.seed(0)
    # When the collector runs must not depend on what was run before: this has it count from here.
    gc.freeze()
    gc.enable()
    # What stands below the program on the stack must not count against its own recursion.
    sys.setrecursionlimit(sys.getrecursionlimit() + 20)
    exchange.serve()


def start(arrived: Any, module: types.ModuleType, exchange: Exchange) -> None:
    """Execute the program as a module that is imported."""
    names = module.__dict__
    _give(arrived, names)
    given = {name: names[name] for name in arrived["classes"] if isinstance(names.get(name), type)}
    # A program that begins with reading where there is nothing to be read is there, as far as it has come.
    with suppress(EOFError):
        exec(compile(arrived["source"], "<program>", "exec"), names)  # noqa: S102 - this process is there for it
    # A class that the program defines again under a given name goes for it.
    own = {name: names[name] for name in given if isinstance(names.get(name), type)}
    exchange.same_classes = {kind: name for classes in (given, own) for name, kind in classes.items()}
    exchange.given = given | own


def _give(arrived: Any, names: dict[str, Any]) -> None:
    for statement in arrived["given"]:
        with suppress(Exception):
            exec(statement, names)  # noqa: S102 - of the setup


def _run(arrived: Any, given: str) -> str:
    """Execute the program as the main module, with an input; what it prints."""
    output = os.dup(1)
    for descriptor, content in ((0, given.encode(errors="surrogateescape")), (1, b"")):
        file = os.open(f".{descriptor}", os.O_RDWR | os.O_CREAT | os.O_EXCL)
        Path(f".{descriptor}").unlink()
        with open(file, "wb", closefd=False) as writing:
            writing.write(content)
        os.lseek(file, 0, os.SEEK_SET)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    _give(arrived, main.__dict__)
    os._exit = sys.exit  # type: ignore[assignment]
    try:
        exec(compile(arrived["source"], "<program>", "exec"), main.__dict__)  # noqa: S102 - this process is there for it
    except SystemExit as error:
        if error.code not in (None, 0):
            raise RuntimeError(f"the program exits with {str(error.code)[:80]}") from None
    if threading := sys.modules.get("threading"):
        for thread in threading.enumerate():
            if thread is not threading.main_thread() and not thread.daemon:
                thread.join()
    with suppress(Exception):
        sys.stdout.flush()
    with open(os.dup(1), "rb") as printed:  # noqa: PTH123 - it has no name
        printed.seek(0)
        said = printed.read()
    os.write(output, said[:LONGEST_SHOWN])
    return said.decode(errors="replace")


def named(module: types.ModuleType, name: str) -> Any:
    """What the program has under a name."""
    try:
        return module.__dict__[name]
    except KeyError:
        raise NameError(f"name {name!r} is not defined") from None


def _patch(place: str, name: str, value: object, replaced: list[tuple[Any, str, Any]]) -> None:
    """Have a module of Python's hold something of the test's, as the test has it."""
    module = import_module(place)
    replaced.append((module, name, getattr(module, name)))
    setattr(module, name, value)
