"""What a program reads and prints where its test has redirected or replaced it, and where chance begins."""

import builtins
import io
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from octo.sandbox.inside.kinds import Json
from octo.sandbox.inside.values import Mutables, decode

_REPLACED = ("input", "print")


class TestStreams:
    """The test's side: what it has redirected, looked at whenever it asks for something."""

    __test__ = False

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._streams = {"in": sys.stdin, "out": sys.stdout, "err": sys.stderr}
        self._functions = {name: getattr(builtins, name) for name in _REPLACED}
        self._seeds: list[list[Json]] = []
        self._watch("random", random)
        if numpy := sys.modules.get("numpy"):
            self._watch("numpy.random", numpy.random)

    def told(self, refer: Callable[[object], Json]) -> dict[str, Json]:
        """What a question says of it besides."""
        if self._is_as_it_was():
            return {}
        now = {"in": sys.stdin, "out": sys.stdout, "err": sys.stderr}
        told: dict[str, Json] = {name: True for name, stream in now.items() if stream is not self._streams[name]}
        for name, function in self._functions.items():
            own = self._names.get(name, getattr(builtins, name))
            if own is not function:
                told[name] = refer(own)
        if self._seeds:
            told["seeds"], self._seeds = self._seeds, []
        return {"streams": told} if told else {}

    def _is_as_it_was(self) -> bool:
        """Asked before every question: nothing is redirected in most tests."""
        streams, functions, names = self._streams, self._functions, self._names
        return (
            sys.stdout is streams["out"]
            and sys.stdin is streams["in"]
            and sys.stderr is streams["err"]
            and builtins.input is functions["input"]
            and builtins.print is functions["print"]
            and "input" not in names
            and "print" not in names
            and not self._seeds
        )

    def heard(self, printed: Json) -> None:
        """Print what the program has printed."""
        for name, text in printed.items():
            stream = {"out": sys.stdout, "err": sys.stderr}[name]
            if isinstance(text, str) and stream is not self._streams[name]:
                stream.write(text)

    def read(self, size: Json) -> str:
        """Read what the test would have the program read; a line where no size is given."""
        if sys.stdin is self._streams["in"]:
            raise EOFError
        return sys.stdin.readline() if size is None else sys.stdin.read(size)

    def _watch(self, name: str, module: Any) -> None:
        seed = module.seed

        def seeds(*arguments: Any, **named: Any) -> Any:
            given = next(iter((*arguments, *named.values())), None)
            if given is None or isinstance(given, int | float | str):
                self._seeds.append([name, given])
            return seed(*arguments, **named)

        module.seed = seeds


class ProgramStreams:
    """The program's side: while it answers, it reads and prints where the test would have it."""

    def told(self, refer: Callable[[object], Json]) -> dict[str, Json]:
        """Nothing of it is told to the test."""
        del refer
        return {}

    def taken(self, told: Json, exchange: Any) -> "Redirected | None":
        """Redirect until the answer is given, where there is anything to redirect."""
        return Redirected(told, exchange) if told else None

    def flushed(self) -> None:
        """Bring what was printed to where it is kept, before whoever asked may end it all."""
        with suppress(Exception):
            sys.stdout.flush()


class Redirected:
    """Streams that stand in for others."""

    def __init__(self, told: Json, exchange: Any) -> None:
        self._kept: list[tuple[Any, str, Any]] = []
        self._printed: dict[str, io.StringIO] = {}
        for name, module, stream in (("out", sys, "stdout"), ("err", sys, "stderr")):
            if told.get(name):
                self._printed[name] = io.StringIO()
                self._put(module, stream, self._printed[name])
        if told.get("in"):
            self._put(sys, "stdin", _Asked(exchange))
        for name in _REPLACED:
            if name in told:
                self._put(builtins, name, decode(told[name], exchange.resolving, Mutables()))
        for module, seed in told.get("seeds", ()):
            with suppress(ImportError):
                import_module(module).seed(seed)

    def given_back(self) -> dict[str, Json]:
        """Put back what was there; what was printed meanwhile."""
        for place, name, value in reversed(self._kept):
            setattr(place, name, value)
        return {"printed": {name: text.getvalue() for name, text in self._printed.items()}} if self._printed else {}

    def _put(self, place: Any, name: str, value: object) -> None:
        self._kept.append((place, name, getattr(place, name)))
        setattr(place, name, value)


class _Asked(io.TextIOBase):
    """A stream whose lines are asked of the test."""

    def __init__(self, exchange: Any) -> None:
        super().__init__()
        self._exchange = exchange

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        del size
        return str(self._exchange.ask("read", None))

    def read(self, size: int | None = -1, /) -> str:
        return str(self._exchange.ask("read", -1 if size is None else size))

    def readable(self) -> bool:
        return True

    @property
    def buffer(self) -> io.BytesIO:
        """All of it, as bytes."""
        return io.BytesIO(self.read().encode())
