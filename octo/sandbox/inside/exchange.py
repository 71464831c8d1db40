"""The conversation of a test and a program: asked here, done there, and only data comes back.

Whoever answers decides what may be asked. The program answers everything; the test answers calls of the functions that
it has passed, and little else.
"""

import builtins
import json
import socket
import struct
import types
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import Any

from octo.sandbox.inside.describing import base_of, described, read_of
from octo.sandbox.inside.handles import (
    EXTENDED,
    LIKE,
    LONGEST_NAME,
    Extended,
    Kind,
    Remote,
    class_of,
    has_members_of_program,
    likeness_of,
    number_of,
    place,
    specials_of,
    stands_for,
)
from octo.sandbox.inside.kinds import Json, NotDataError, numbered
from octo.sandbox.inside.known import found_at, kind_at, made_of, name_of
from octo.sandbox.inside.operations import CALLS, EVERYTHING
from octo.sandbox.inside.specials import ALL, COMPARED, JOINED, PLAIN, SIGNS, Operations
from octo.sandbox.inside.values import Mutables, contents, decode, encode, replace, rest_of, take_rest

_COMPARES = frozenset(COMPARED.values())
_JOINS = frozenset(JOINED.values())
_RESTING = _COMPARES | _JOINS | {"contains", "truth", "hash"}
"""Operations by which an object could say of itself what a test wants to hear."""
COMPARES = "the program gave an object of its own where the test compares: only data can be compared"
__all__ = ["CALLS", "EVERYTHING", "Exchange", "GoneError", "Remote"]

_LENGTH = struct.Struct(">I")
_SPECIAL = {operation: frozenset(name for name in ALL if ALL[name] == operation) for operation in ALL.values()}
ENDS = (StopIteration, StopAsyncIteration)
_dumps, _loads = json.dumps, json.loads
"""Kept from a test that has a program find others in their place."""


class GoneError(BaseException):
    """The other side has ended. Not to be mistaken, by a test that expects an exception, for one of the program's."""


class Exchange:
    """One end of a socket between a test and a program."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        largest: int,
        operations: Operations,
    ) -> None:
        self._connection = connection
        self._largest = largest
        # Not copied: to count another reference to each would touch, and so copy, a page of the worker's for most.
        self._operations: ChainMap[str, Callable[..., object]] = ChainMap({}, operations)  # type: ignore[arg-type]
        # Who answers everything is the program: it believes the test, and the test nothing of it.
        self.trusting = trusting = "set attribute" in operations
        self._objects: list[object] = []
        self._numbers: dict[int, int] = {}
        self._remotes: dict[int, object] = {}
        self._classes: dict[int, type] = {}
        self._told: set[int] = set()
        self._fresh: list[int] = []
        self._named: set[type] = set()
        self.given: dict[str, type] = {}
        """Classes that both sides have, by name."""
        self.same_classes: Mapping[type, str] = {}
        """The same by class, and with what goes for one of them."""
        self.word: set[str] = set()
        """What was believed of objects that the program made, by how people write it."""
        self.broken: GoneError | NotDataError | None = None
        """What was said last that was no answer. Whoever catches it, and goes on, has not been answered."""
        self.streams: Any = None
        """What both sides read from and print to, where the test has redirected it."""
        self.before_first_answer: Callable[[], None] | None = None
        """Called once, should the other side ask anything."""
        self.num_answering = 0
        """Questions of the other side that are being answered."""
        self.resolving: Mapping[str, Callable[[Json], object]] = {
            "object": lambda content: self._remote(*content),
            "class": self.class_of,
            "extended": lambda content: self._extended(*content),
            "failure": lambda content: self.failure(*content),
            "coroutine": lambda content: self._coroutine(*content),
            "known": found_at if trusting else kind_at,
            "made": self._made if trusting else self._no_maker,
            "yours": self._own,
        }

    def offer(self, operation: str, does: Callable[..., object]) -> None:
        """Answer one more thing."""
        self._operations[operation] = does

    def broken_by(self, error: GoneError | NotDataError) -> GoneError | NotDataError:
        """Remember an error, which is raised next."""
        self.broken = error
        return error

    def refusal(self, why: str = COMPARES) -> GoneError | NotDataError:
        """The error of a test that rests on what a program says of itself."""
        return self.broken_by(NotDataError(why))

    def named(self, named: object, value: Any) -> Any:
        """Remember that the test has named a class: its name, or an attribute of one that it has named."""
        if isinstance(value, Kind) and (named is None or named in self._named):
            self._named.add(value)
        return value

    def believes(self, handle: Any) -> bool:
        """Whether the test has named the class of an object: it expects one then, with all that belongs to it."""
        kind = handle if isinstance(handle, type) else type(handle)
        return self.trusting or not self._named.isdisjoint(kind.__mro__)

    def judged(self, operation: str, *operands: Any) -> Any:
        """The outcome of an operation in which an object could say what the test wants to hear.

        The object is asked only where the test has named its class, and never how it compares with data: then the
        program would be told what is expected. The verdict is of the weaker sort thereafter.
        """
        handles = [each for each in operands if stands_for(each)]
        among = len(handles) == len(operands)
        kinds = [each if isinstance(each, type) else type(each) for each in handles]
        if operation in ("eq", "ne") and not any(_compares(kind) for kind in kinds):
            if among or all(map(self.believes, handles)):
                return (operands[0] is operands[1]) is (operation == "eq")
        elif all(map(self.believes, handles)) and (among or operation not in _COMPARES) and _own(operation, kinds):
            if operation in _RESTING and not self.trusting:
                self.word.add(SIGNS.get(operation, operation))
            value = self.ask(operation, *operands)
            if operation in _JOINS and not among and not self.trusting and not stands_for(value):
                raise self.refusal("the program says what is left of the data that the test compares with")
            return value
        return self._by_contents(operation, operands)

    def left(self, context: object, error: BaseException | None, operation: str = "exit") -> bool:
        """Leave a context of the program's; whether it has taken an error upon itself, which no assertion is."""
        takes = self.ask(operation, context, error if isinstance(error, Exception) else None)
        if not takes or not isinstance(error, Exception) or isinstance(error, AssertionError):
            return False
        if not self.believes(context):
            raise self.refusal("the program takes an error of the test upon itself")
        self.word.add(SIGNS["exit"])
        return True

    def send(self, message: Json) -> None:
        """Send a message, whole."""
        # Halves of a character stay two: written as escapes, they would be read as one.
        content = _dumps(message, ensure_ascii=False).encode(errors="surrogatepass")
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
            return _loads(self._read(length).decode(errors="surrogatepass"))
        except (ValueError, RecursionError) as error:
            raise self._unread(f"the program's answer cannot be read: {type(error).__name__}") from None

    def ask(self, operation: str, /, *arguments: object, **named: object) -> Any:
        """Have an operation done on the other side; what it raises there is raised here, as far as it is built in."""
        mutables = self._mutables()
        try:
            message = {
                "do": operation,
                "arguments": [encode(argument, self._refer, mutables) for argument in arguments],
                "named": {name: encode(argument, self._refer, mutables) for name, argument in named.items()},
            }
            if rest := rest_of(self._refer, mutables):
                message["rest"] = rest
        except BaseException:
            self._forget()
            raise
        if self.streams:
            message |= self.streams.told(self._refer)
        self.send(message)
        self._fresh.clear()
        given = list(mutables.values)
        while "do" in (message := self._message()):
            self._answer(message)
        try:
            if self.streams and "printed" in message:
                self.streams.heard(message["printed"])
            changed = [
                (given[number], self._decoded(content, mutables)) for number, content in message.get("changed", ())
            ]
            error = self._rebuilt(message["raised"], operation=operation) if "raised" in message else None
            value = None if error else self._decoded(message["value"], mutables)
            take_rest(message.get("rest", ()), self.given, self.resolving, mutables)
            for mutable, now in changed:
                replace(mutable, now)
        except NotDataError as unread:
            raise self.broken_by(unread) from None
        except (RecursionError, LookupError, TypeError, ValueError, AttributeError) as unread:
            raise self._unread(f"the program's answer cannot be read: {type(unread).__name__}") from None
        if error:
            raise error
        return value

    def serve(self) -> None:
        """Answer until the other side ends."""
        with suppress(GoneError):
            while True:
                self.answer()

    def answer(self) -> None:
        """Answer once."""
        self._answer(self._message())

    def raised(self, error: BaseException) -> Json:
        """The message that says what was raised: its name, which built-in kind it is of, its arguments, and itself."""
        if (number := number_of(error)) is not None:
            return {"raised": {"yours": number}}
        known = next(kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
        try:
            # More than its `args`: the name of a file, too.
            arguments = [encode(argument, _refuse, Mutables()) for argument in error.__reduce__()[1]]
        except (TypeError, RecursionError, IndexError):
            arguments = [str(error)]
        told: list[Json] = [type(error).__name__, known, arguments]
        if self.trusting and type(error).__module__ == "program":
            told += [self._number(error), self._class(type(error))]
        return {"raised": told}

    def class_of(self, content: Json) -> type:
        """The class that stands for one of the other side's, which was told of once."""
        if isinstance(content, int):
            return self._classes[content]
        number = numbered(content[0])
        self._classes[number] = made = class_of(self, content)
        return made

    def failure(self, name: Json, arguments: Json, number: Json = None, kind: Json = None) -> BaseException:
        """An error as a value: of Python's own, or of the other side's."""
        decoded = decode(arguments, self.resolving, Mutables())
        if kind is None:
            return _error_of(name)(*decoded)
        own = self.class_of(kind)
        if not issubclass(own, Exception):
            raise NotDataError("no error")
        return self._remotes.setdefault(numbered(number), place(_made(own, decoded), self, number))  # type: ignore[return-value]

    def _mutables(self) -> Mutables:
        return Mutables(self._refine, self.same_classes)

    def _decoded(self, content: Json, mutables: Mutables) -> Any:
        return decode(content, self.resolving, mutables, self.given)

    def _message(self) -> dict[str, Json]:
        message = self.receive()
        if not isinstance(message, dict):
            raise self._unread("the program's answer is none")
        return message

    def _answer(self, message: dict[str, Json]) -> None:
        mutables = self._mutables()
        came: list[list[object]] = []
        changed: list[Json] = []
        if self.before_first_answer:
            self.before_first_answer()
            self.before_first_answer = None
        self.num_answering += 1
        streams = self.streams.taken(message.get("streams"), self) if self.streams and self.trusting else None
        try:
            arguments = [self._decoded(content, mutables) for content in message["arguments"]]
            named = {name: self._decoded(content, mutables) for name, content in message["named"].items()}
            take_rest(message.get("rest", ()), self.given, self.resolving, mutables)
            came = [contents(value) for value in mutables.values]
            try:
                value = self._operations[message["do"]](*arguments, **named)
            finally:
                changed += self._changed(came, mutables)
            reply = {"value": encode(value, self._refer, mutables)}
        except (Exception, NotDataError) as error:  # noqa: BLE001 - whatever it is, the other side hears of it
            self._forget()
            reply = self.raised(error)
        finally:
            self.num_answering -= 1
        if rest := rest_of(self._refer, mutables):
            reply["rest"] = rest
        if streams:
            reply |= streams.given_back()
        if self.streams and self.trusting:
            self.streams.flushed()
        self.send(reply | {"changed": changed} if changed else reply)
        self._fresh.clear()

    def _changed(self, came: Sequence[Sequence[object]], mutables: Mutables) -> Iterator[list[Json]]:
        """The arguments, and what lies in them, that are not any more what they were when they came."""
        for number, (value, before) in enumerate(zip(mutables.values[: len(came)], came, strict=True)):
            if not _are_same(contents(value), before):
                yield [number, encode(copy(value), self._refer, mutables)]

    def _refine(self, value: Any, forward: Callable[[object], Json]) -> Json:
        """What is sent for a value that is more than data: of a class that extends some, or an error."""
        kind = type(value)
        base = base_of(kind)
        if isinstance(kind, Kind):
            return {"yours": number_of(value)}
        if isinstance(value, BaseException):
            return self._failure(value)
        if base and not self.trusting:
            fields = getattr(kind, "_fields", None)
            return (
                {"fielded": [kind.__name__, list(fields), [*map(forward, value)]]} if fields and base is tuple else None
            )
        if base and base.__name__ in LIKE:
            return self._refer(value)
        if base is None or base.__name__ not in EXTENDED or kind.__module__ == "numpy":
            return None
        return {"extended": [self._number(value), self._class(kind), forward(PLAIN_OF[base](value))]}

    def _refer(self, value: object) -> Json:
        if (own := number_of(value)) is not None:
            return {"yours": own}
        if (name := name_of(value)) is not None and (not self.trusting or _may_be_named(name)):
            return {"known": name}
        if not self.trusting and self.num_answering and has_members_of_program(value):
            raise self.refusal("the program would have the test make a class of what the program says")
        if isinstance(value, type):
            return {"class": self._class(value)}
        if not self.trusting and (made := made_of(value)):
            kind, arguments, named = made
            mutables = self._mutables()
            return {
                "made": [name_of(kind), *(encode(each, self._refer, mutables) for each in (list(arguments), named))]
            }
        kind = type(value)
        if isinstance(value, types.CoroutineType) and self.trusting:
            return {"coroutine": [self._number(value), self._class(kind)]}
        told = [self._number(value), self._class(kind)]
        if not self.trusting and callable(value):
            told.append({name: encode(each, _refuse, Mutables()) for name, each in read_of(value).items()})
        return {"object": told}

    def _number(self, value: object) -> int:
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        return number

    def _class(self, kind: type) -> Json:
        """The number of a class, told with what it is where it was not told before."""
        if isinstance(kind, Kind):
            return {"yours": number_of(kind)}
        number = self._number(kind)
        if number in self._told:
            return number
        self._told.add(number)
        self._fresh.append(number)
        return described(kind, number, self._class)

    def _forget(self) -> None:
        """What was told in an answer that was not sent was not told."""
        self._told.difference_update(self._fresh)
        self._fresh.clear()

    def _failure(self, error: BaseException) -> Json:
        known = next(kind.__name__ for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
        try:
            arguments = [encode(argument, self._refer, Mutables()) for argument in error.args]
        except RecursionError:
            arguments = [str(error)]
        own = self.trusting and type(error).__module__ == "program"
        return {"failure": [known, arguments, *([self._number(error), self._class(type(error))] if own else ())]}

    def _remote(self, number: Json, kind: Json, read: Json = None) -> object:
        # One object has one handle, so that a test can tell that it is the same.
        own = self.class_of(kind)
        if not issubclass(own, Remote):
            raise NotDataError("no class of an object")
        number = numbered(number)
        if number not in self._remotes:
            self._remotes[number] = handle = place(own.__new__(own), self, number)
            if read and self.trusting:
                _place_read(handle, {name: decode(each, {}, Mutables()) for name, each in read.items()})
        return self._remotes[number]

    def _extended(self, number: Json, kind: Json, data: Json) -> object:
        own = self.class_of(kind)
        value = self._decoded(data, Mutables())
        if not issubclass(own, Extended) or not issubclass(own, type(value)) or type(value) not in EXTENDED.values():
            raise NotDataError("no class of such data")
        number = numbered(number)
        return self._remotes.setdefault(number, place(type(value).__new__(own, *_pieces(value)), self, number))

    def _coroutine(self, number: Json, kind: Json) -> object:
        handle = self._remote(number, kind)

        async def awaited() -> Any:
            return self.ask("await", handle)

        return awaited()

    def _made(self, content: Json) -> object:
        name, arguments, named = content
        arguments, named = (self._decoded(each, Mutables()) for each in (arguments, named))
        return found_at(name)(*arguments, **named)

    def _no_maker(self, content: Json) -> object:
        del content
        raise NotDataError("nothing is made for a program")

    def _own(self, number: Json) -> object:
        if not isinstance(number, int) or number < 0:
            raise NotDataError("no such object")
        return self._objects[number]

    def _by_contents(self, operation: str, operands: Sequence[Any]) -> Any:
        """An operation on what lies in objects that extend a kind of data, which is fetched for it."""
        if operation == "contains" and not _like(operands[0]) and hasattr(type(operands[0]), "__iter__"):
            return any(each is operands[1] or each == operands[1] for each in operands[0])
        fetched = [self.ask("contents", each) if _like(each) else each for each in operands]
        if operation not in PLAIN or any(
            type(each) in self._classes.values() and not isinstance(each, tuple(EXTENDED.values())) for each in fetched
        ):
            raise self.refusal()
        return PLAIN[operation](*fetched)

    def _rebuilt(self, raised: Json, *, operation: str) -> BaseException:
        """What was raised on the other side: a built-in kind of error, one of those under its own name, or its own."""
        if isinstance(raised, dict):
            own: BaseException = decode(raised, self.resolving, Mutables())
            if not self.trusting or not isinstance(own, BaseException):
                raise NotDataError("no error")
            return own
        name, known, content, *itself = raised
        arguments = decode(content, {}, Mutables())
        if itself and not isinstance(failure := self.failure(known, content, *itself), ENDS):
            return failure.with_traceback(None)
        kind: Any = getattr(builtins, known, None)
        ends = {"StopIteration": "next", "StopAsyncIteration": "next later"}
        # What ends an iteration would end one of the test's own, unless the next item was asked for.
        if not issubclass(kind, Exception) or ends.get(kind.__name__, operation) != operation:
            kind = Exception
        if kind.__name__ != name:
            kind = type(name[:LONGEST_NAME], (kind,), {"__module__": "program"})
        made: BaseException = _made(kind, arguments)
        return made

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


def _compares(kind: Any) -> bool:
    """Whether a class of the other side says itself what is equal, or extends data."""
    return bool(likeness_of(kind)) or "__eq__" in specials_of(kind)


def _own(operation: str, kinds: Sequence[Any]) -> bool:
    """Whether an operation is one of the program's own, and not of the data that a class extends."""
    return any(not likeness_of(kind) or _SPECIAL[operation] & specials_of(kind) for kind in kinds)


def _like(value: Any) -> bool:
    return isinstance(value, Remote) and bool(likeness_of(type(value)))


def _may_be_named(name: str) -> bool:
    try:
        return kind_at(name) is not None
    except NotDataError:
        return False


def _error_of(name: Json) -> type[Exception]:
    kind = getattr(builtins, name, None)
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        raise NotDataError("no error")
    return kind


def _made(kind: type[Any], arguments: Sequence[Any]) -> Any:
    """An error of a kind; where that takes more than data, such as a group of errors, a plain one of its name."""
    try:
        made = kind.__new__(kind, *arguments)
        base: Any = next(each for each in kind.__mro__ if each.__module__ == "builtins")
        base.__init__(made, *arguments)
    except TypeError:
        return type(kind.__name__, (Exception,), {"__module__": "program"})(*arguments)
    return made


def _pieces(value: Any) -> tuple[Any, ...]:
    return (value.real, value.imag) if isinstance(value, complex) else (value,)


def _place_read(handle: Any, read: Mapping[str, Any]) -> None:
    """Let what is read of a function be read of its handle."""
    for name, value in read.items():
        if name == "code":
            object.__setattr__(handle, "__code__", types.SimpleNamespace(**value))
            object.__setattr__(handle, "__defaults__", (None,) * read["num_defaults"] or None)
        elif name != "num_defaults":
            object.__setattr__(handle, name, value)


def _are_same(now: Sequence[object], before: Sequence[object]) -> bool:
    return len(now) == len(before) and all(
        one is other or (type(one) is bytes and one == other) for one, other in zip(now, before, strict=True)
    )


PLAIN_OF: Mapping[type, Callable[[Any], object]] = {
    int: int.__int__,
    float: float.__float__,
    complex: lambda value: complex(complex.__pos__(value)),
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
}
"""What lies in a value of a class that extends data, whatever that class would have it be."""
