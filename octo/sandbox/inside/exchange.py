"""The conversation of a test and a program: asked here, done there, and only data comes back.

Whoever answers decides what may be asked. The program answers everything; the test answers calls of the functions that
it has passed, and nothing else.
"""

import builtins
import json
import operator
import socket
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from functools import cache
from typing import Any

from octo.sandbox.inside.values import Json, Mutables, NotDataError, contents, decode, encode, replace

Operations = Mapping[str, Callable[..., object]]

EVERYTHING: Operations = {
    "call": lambda function, /, *arguments, **named: function(*arguments, **named),
    "attribute": getattr,
    "set attribute": setattr,
    "item": operator.getitem,
    "set item": operator.setitem,
    "delete item": operator.delitem,
    "length": len,
    "string": str,
    "representation": repr,
    "iterate": iter,
    "next": next,
}
CALLS: Operations = {"call": EVERYTHING["call"]}
LONGEST_NAME = 100

_LENGTH = struct.Struct(">I")


class GoneError(BaseException):
    """The other side has ended. Not to be mistaken, by a test that expects an exception, for one of the program's."""


class Remote:
    """Something of the other side that is no data. It is used there; nothing about it is believed here."""

    __slots__ = ("_exchange", "_number")

    def __init__(self, exchange: "Exchange", number: int) -> None:
        object.__setattr__(self, "_exchange", exchange)
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        return self._exchange.ask("attribute", self, name)

    def __setattr__(self, name: str, value: object) -> None:
        self._exchange.ask("set attribute", self, name, value)

    def __str__(self) -> str:
        return self._exchange.ask("string", self)  # type: ignore[no-any-return]  # Python itself looks

    def __repr__(self) -> str:
        return self._exchange.ask("representation", self)  # type: ignore[no-any-return]

    def _refuse(self, *_: object) -> bool:
        raise self._exchange.broken_by(
            NotDataError("the program gave an object of its own where the test compares: only data can be compared")
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __hash__ = object.__hash__


PROTOCOLS: Mapping[str, str] = {
    "__call__": "call",
    "__getitem__": "item",
    "__setitem__": "set item",
    "__delitem__": "delete item",
    "__len__": "length",
    "__iter__": "iterate",
    "__next__": "next",
}
"""What Python asks a class for, and the operation that it comes to. A handle has those that its object has."""


@cache
def _kind(protocols: frozenset[str]) -> type[Remote]:
    return type("Remote", (Remote,), {"__slots__": (), **{name: _method(PROTOCOLS[name]) for name in protocols}})


def _method(operation: str) -> Callable[..., Any]:
    def asks(self: Remote, /, *arguments: object, **named: object) -> Any:
        return object.__getattribute__(self, "_exchange").ask(operation, self, *arguments, **named)

    return asks


class Exchange:
    """One end of a socket between a test and a program."""

    def __init__(self, connection: socket.socket, *, largest: int, operations: Operations) -> None:
        self._connection = connection
        self._largest = largest
        self._operations = operations
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}
        self._remotes: dict[int, Remote] = {}
        self.broken: GoneError | NotDataError | None = None
        """What was said last that was no answer. Whoever catches it, and goes on, has not been answered."""
        self._resolve = {"object": lambda content: self._remote(*content), "yours": self._own}

    def broken_by(self, error: GoneError | NotDataError) -> GoneError | NotDataError:
        """Remember an error, which is raised next."""
        self.broken = error
        return error

    def send(self, message: Json) -> None:
        """Send a message, whole."""
        # Halves of a character stay two: written as escapes, they would be read as one.
        content = json.dumps(message, ensure_ascii=False).encode(errors="surrogatepass")
        try:
            self._connection.sendall(_LENGTH.pack(len(content)) + content)
        except OSError:
            raise self.broken_by(GoneError()) from None

    def receive(self) -> Json:
        """The next message.

        Raises:
            GoneError: the other side has ended.
            NotDataError: what it said is no message, or too large.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > self._largest:
            raise self._unread(f"the program gave {length >> 20} MiB, {self._largest >> 20} are allowed")
        try:
            return json.loads(self._read(length).decode(errors="surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise self._unread(f"the program's answer cannot be read: {type(error).__name__}") from None

    def ask(self, operation: str, /, *arguments: object, **named: object) -> Any:
        """Have an operation done on the other side; what it raises there is raised here, as far as it is built in."""
        mutables = Mutables()
        self.send(
            {
                "do": operation,
                "arguments": [encode(argument, self._refer, mutables) for argument in arguments],
                "named": {name: encode(argument, self._refer, mutables) for name, argument in named.items()},
            }
        )
        given = list(mutables.values)
        while "do" in (message := self._message()):
            self._answer(message)
        try:
            for number, content in message.get("changed", ()):
                replace(given[number], decode(content, self._resolve, mutables))
            error = _rebuilt(message["raised"], operation=operation) if "raised" in message else None
            value = None if error else decode(message["value"], self._resolve, mutables)
        except NotDataError as unread:
            raise self.broken_by(unread) from None
        except (RecursionError, LookupError, TypeError, ValueError) as unread:
            raise self._unread(f"the program's answer cannot be read: {type(unread).__name__}") from None
        if error:
            raise error
        return value

    def started(self) -> None:
        """Wait until the program stands; raises what it raised on the way."""
        message = self._message()
        if "raised" in message:
            raise _rebuilt(message["raised"], operation="call")

    def serve(self) -> None:
        """Answer until the other side ends."""
        with suppress(GoneError):
            while True:
                self._answer(self._message())

    def raised(self, error: BaseException) -> Json:
        """The message that says what was raised: its name, which built-in kind it is of, its arguments."""
        known = next(kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
        try:
            # More than its `args`: the name of a file, too.
            arguments = [encode(argument, _refuse, Mutables()) for argument in error.__reduce__()[1]]
        except (TypeError, RecursionError):
            arguments = [str(error)]
        return {"raised": [type(error).__name__, known, arguments]}

    def _message(self) -> dict[str, Json]:
        message = self.receive()
        if not isinstance(message, dict):
            raise self._unread("the program's answer is none")
        return message

    def _answer(self, message: dict[str, Json]) -> None:
        mutables = Mutables()
        came: list[list[object]] = []
        changed: list[Json] = []
        try:
            arguments = [decode(content, self._resolve, mutables) for content in message["arguments"]]
            named = {name: decode(content, self._resolve, mutables) for name, content in message["named"].items()}
            came = [contents(value) for value in mutables.values]
            try:
                value = self._operations[message["do"]](*arguments, **named)
            finally:
                changed += self._changed(came, mutables)
            reply = {"value": encode(value, self._refer, mutables)}
        except (Exception, NotDataError) as error:  # noqa: BLE001 - whatever it is, the other side hears of it
            reply = self.raised(error)
        self.send(reply | {"changed": changed} if changed else reply)

    def _changed(self, came: Sequence[Sequence[object]], mutables: Mutables) -> Iterator[list[Json]]:
        """The arguments, and what lies in them, that are not any more what they were when they came."""
        for number, (value, before) in enumerate(zip(mutables.values[: len(came)], came, strict=True)):
            if not _are_same(contents(value), before):
                yield [number, encode(copy(value), self._refer, mutables)]

    def _refer(self, value: object) -> Json:
        if isinstance(value, Remote):
            return {"yours": object.__getattribute__(value, "_number")}
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        # Not what its class's own class has: every class can be called.
        has = {name for kind in type(value).__mro__ for name in vars(kind)}
        return {"object": [number, [name for name in PROTOCOLS if name in has]]}

    def _remote(self, number: Json, protocols: Json) -> Remote:
        # One object has one handle, so that a test can tell that it is the same.
        kind = _kind(frozenset(protocols).intersection(PROTOCOLS))
        return self._remotes.setdefault(range(1 << 32).index(number), kind(self, number))

    def _own(self, number: Json) -> object:
        if not isinstance(number, int) or number < 0:
            raise NotDataError("no such object")
        return self._objects[number]

    def _unread(self, why: str) -> GoneError | NotDataError:
        return self.broken_by(NotDataError(why))

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            try:
                part = self._connection.recv(min(size, 1 << 20))
            except OSError:
                part = b""
            if not part:
                raise self.broken_by(GoneError())
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _refuse(value: object) -> Json:
    raise TypeError(f"no data: {type(value)}")


def _rebuilt(raised: Json, *, operation: str) -> Exception:
    """What was raised on the other side, as a built-in kind of error, or as a kind of those under its own name."""
    name, known, content = raised
    arguments = decode(content, {}, Mutables())
    kind: Any = getattr(builtins, known, None)
    # What ends an iteration would end one of the test's own, unless the next item was asked for.
    if not issubclass(kind, Exception) or (kind is StopIteration and operation != "next"):
        kind = Exception
    own = {"__module__": "program"}
    if kind.__name__ != name:
        kind = type(name[:LONGEST_NAME], (kind,), own)
    error: Exception
    try:
        error = kind(*arguments)
    except TypeError:
        # It takes more than data to make one, such as a group of errors.
        error = type(name[:LONGEST_NAME], (Exception,), own)(*arguments)
    return error


def _are_same(now: Sequence[object], before: Sequence[object]) -> bool:
    return len(now) == len(before) and all(map(operator.is_, now, before))
