"""What stands on one side for an object of the other: its class here, and an instance that asks for everything there.

A program's class arrives as a class, under its own name and with its bases, so that `isinstance` and `except` are
Python's own. Nothing that its objects say of themselves is believed, but where a test has named their class.
"""

import builtins
import collections
import functools
import operator
import types
from collections.abc import Callable, Mapping
from typing import Any

from octo.sandbox.inside.kinds import Json, NotDataError, numbered
from octo.sandbox.inside.specials import ALL, COMPARED, JOINED, JOINED_RIGHT, SAID, TURNED, USED, WRITTEN

EXTENDED = {kind.__name__: kind for kind in (int, float, complex, str, bytes, tuple, frozenset)}
"""Kinds of data that a class may extend: its objects arrive as such data, which is what is compared."""
_HOLD = (list, dict, set, bytearray, collections.deque, collections.OrderedDict, collections.Counter)
LIKE = {kind.__name__: kind for kind in (*_HOLD, collections.defaultdict)}
"""Kinds of data whose objects can change: what is in them is asked for when they are compared."""
READ = {
    *("__name__", "__qualname__", "__doc__", "__annotations__", "__wrapped__", "__defaults__", "__kwdefaults__"),
    *("__dict__", "__members__", "__slots__", "__match_args__", "__notes__", "__signature__", "__code__"),
}
"""Attributes of Python's own that are read on the other side."""
LONGEST_NAME = 100


class Kind(type):
    """The class of the classes that stand for others."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """Have an object made on the other side."""
        if "_number" in cls.__dict__:
            return exchange_of(cls).ask("call", cls, *arguments, **named)
        if cls in (Remote, Extended):
            return super().__call__(*arguments, **named)
        raise exchange_of(cls).broken_by(NotDataError("a test cannot extend a class of the program"))

    def __getattr__(cls, name: str) -> Any:
        _allow(name)
        if "_number" not in cls.__dict__:
            raise AttributeError(name)
        return exchange_of(cls).named(cls, exchange_of(cls).ask("attribute", cls, name))

    def __setattr__(cls, name: str, value: object) -> None:
        if "_number" in cls.__dict__ and not name.startswith("_abc_"):
            exchange_of(cls).ask("set attribute", cls, name, value)
        else:
            super().__setattr__(name, value)


class Extended(metaclass=Kind):
    """Data, or an error, whose attributes are asked for where they are not those of its kind."""

    def __getattr__(self, name: str) -> Any:
        exchange = exchange_of(self)
        if not exchange.trusting:
            _allow(name)
            return exchange.ask("attribute", self, name)
        if name == "__signature__":
            code = object.__getattribute__(self, "__code__")
            return signature_of(code, len(object.__getattribute__(self, "__defaults__") or ()))
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return exchange.ask("attribute", self, name)
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: object) -> None:
        exchange_of(self).ask("set attribute", self, name, value)

    def __delattr__(self, name: str) -> None:
        exchange_of(self).ask("delete attribute", self, name)

    def __copy__(self) -> Any:
        return exchange_of(self).ask("copy", self)

    def __deepcopy__(self, memo: object) -> Any:
        return exchange_of(self).ask("deep copy", self)

    def __reduce_ex__(self, version: object) -> Any:
        raise TypeError("what stands for an object of the other side cannot be pickled")


class Remote(Extended):
    """Something of the other side that is no data. It is used there; nothing about it is believed here."""

    def __init__(self, exchange: Any, number: int) -> None:
        place(self, exchange, number)

    def __str__(self) -> str:
        return exchange_of(self).ask("string", self)  # type: ignore[no-any-return]  # Python itself looks

    def __repr__(self) -> str:
        return exchange_of(self).ask("representation", self)  # type: ignore[no-any-return]

    def __bool__(self) -> bool:
        return bool(exchange_of(self).judged("truth", self))

    def __hash__(self) -> int:
        if {"__hash__", "__eq__"} <= specials_of(type(self)) and exchange_of(self).believes(self):
            return int(exchange_of(self).judged("hash", self))
        return object.__hash__(self)

    def _refuse(self, *_: object) -> bool:
        raise exchange_of(self).refusal()

    _specials: frozenset[str] = frozenset()
    _like = ""
    __dict__ = property(
        lambda self: {} if exchange_of(self).trusting else exchange_of(self).ask("attribute", self, "__dict__")
    )


def place(handle: Any, exchange: Any, number: int) -> Any:
    """Say of a new handle what it stands for."""
    object.__setattr__(handle, "_exchange", exchange)
    object.__setattr__(handle, "_number", number)
    return handle


def exchange_of(handle: Any) -> Any:
    """The exchange on whose other side it is what a handle stands for."""
    return (type if isinstance(handle, type) else object).__getattribute__(handle, "_exchange")


def number_of(value: Any) -> int | None:
    """The number of what it stands for, there; None for what stands for itself."""
    if isinstance(value, Kind):
        return value.__dict__.get("_number")
    return object.__getattribute__(value, "_number") if isinstance(type(value), Kind) else None


def has_members_of_program(value: Any) -> bool:
    """Whether a class here, or that of an object, has a member that is asked for on the other side."""
    kinds = value.__mro__ if isinstance(value, type) else type(value).__mro__
    return any(stands_for(member) for kind in kinds for member in list(vars(kind).values()))


class _Read:
    """An attribute that every class has here, and that is asked for there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, handle: Any, kind: type | None = None) -> Any:
        asked = kind if handle is None else handle
        return None if exchange_of(asked).trusting else exchange_of(asked).ask("attribute", asked, self._name)


def signature_of(code: Any, num_defaults: int) -> Any:
    """What a function takes, by the names of its parameters."""
    from inspect import Parameter, Signature  # noqa: PLC0415 - few programs ask

    names, first_default = list(code.co_varnames), code.co_argcount - num_defaults
    only = code.co_argcount + code.co_kwonlyargcount
    parameters = [
        Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=None if place >= first_default else Parameter.empty)
        for place, name in enumerate(names[: code.co_argcount])
    ]
    rest = names[only:]
    if code.co_flags & 4:
        parameters.append(Parameter(rest.pop(0), Parameter.VAR_POSITIONAL))
    parameters += [Parameter(name, Parameter.KEYWORD_ONLY) for name in names[code.co_argcount : only]]
    parameters += [Parameter(name, Parameter.VAR_KEYWORD) for name in rest]
    return Signature(parameters)


def specials_of(kind: type) -> frozenset[str]:
    """The special methods that a class of the other side has of its own."""
    return type.__getattribute__(kind, "_specials")  # type: ignore[no-any-return]


def likeness_of(kind: type) -> str:
    """The kind of changing data that a class of the other side extends; empty for none."""
    return type.__getattribute__(kind, "_like") if issubclass(kind, Remote) else ""


def stands_for(value: Any) -> bool:
    """Whether it is a handle."""
    return number_of(value) is not None


def class_of(exchange: Any, described: Json) -> type:
    """A class that stands for another, from what is told of it.

    Raises:
        NotDataError: it is no description.
    """
    number, name, specials, of_class, bases, known, fields = described
    if not all(isinstance(each, str) for each in (name, known, *specials, *of_class, *fields)):
        raise NotDataError("no description of a class")
    base = EXTENDED.get(known) or _error(known)
    parents = [exchange.class_of(each) for each in bases]
    if base:
        parents = [each for each in parents if issubclass(each, base)]
    members = dict(_members(tuple(specials), known))
    members |= {"__module__": "program", "_exchange": exchange, "_number": numbered(number)}
    if base is tuple:
        named = {each: place for place, each in enumerate(fields) if each.isidentifier() and not each.startswith("_")}
        members |= {each: property(operator.itemgetter(place)) for each, place in named.items()}
    if name == "generator":
        members["__class__"] = property(lambda _: types.GeneratorType)
    meta = _meta(frozenset(each for each in of_class if each in USED or each in SAID))
    roots = (Extended, base) if base else (Remote,)
    try:
        return type.__new__(meta, name[:LONGEST_NAME].replace("\0", ""), tuple(parents) or roots, members)
    except TypeError:
        # They do not go together here.
        return type.__new__(meta, name[:LONGEST_NAME].replace("\0", ""), roots, members)


@functools.cache
def _members(specials: tuple[str, ...], known: str) -> Mapping[str, Any]:
    """What a class here has, by the special methods there and the kind of data or error that it extends."""
    own = frozenset(special for special in specials if special in ALL)
    members: dict[str, Any] = {"__doc__": _Read("__doc__"), "_specials": own, "_like": known if known in LIKE else ""}
    base = EXTENDED.get(known) or _error(known)
    if base:
        members |= {each: _of_data(each, base) for each in own - _KEPT if each not in {"__str__", "__repr__"}}
        return members | {each: _asking(ALL[each]) for each in own & {"__str__", "__repr__", "__format__", "__call__"}}
    found = own | {each for each in _JOINING if known in LIKE and hasattr(LIKE[known], each)}
    members |= {each: _METHODS[each] for each in found if each in _METHODS}
    return members | ({"__hash__": None} if "unhashable" in specials else {})


def _allow(name: str) -> None:
    if name.startswith("__") and name not in READ:
        raise AttributeError(name)


def _error(name: str) -> type[Exception] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


def _asking(operation: str) -> Callable[..., Any]:
    def asks(self: Any, /, *arguments: object, **named: object) -> Any:
        return exchange_of(self).ask(operation, self, *arguments, **named)

    return asks


def _judging(operation: str) -> Callable[..., Any]:
    def judges(self: Any, /, *others: object) -> Any:
        return exchange_of(self).judged(operation, self, *others)

    return judges


def _judging_right(operation: str) -> Callable[..., Any]:
    def judges(self: Any, other: object, /) -> Any:
        return exchange_of(self).judged(operation, other, self)

    return judges


def _of_data(special: str, base: type) -> Callable[..., Any]:
    """A special method of a class that extends data: the program's own where it is believed, else the data's."""

    def does(self: Any, /, *others: object) -> Any:
        if exchange_of(self).believes(self):
            placed = (*others, self) if special in JOINED_RIGHT else (self, *others)
            return exchange_of(self).judged(ALL[special], *placed)
        method = getattr(base, special, None)
        return method(self, *others) if method else NotImplemented

    return does


def _later(operation: str) -> Callable[..., Any]:
    def waits(self: Any, /, *arguments: object) -> Any:
        async def done() -> Any:
            return exchange_of(self).ask(operation, self, *arguments)

        return done()

    return waits


def _leaves(self: Any, kind: object, error: BaseException | None, trace: object) -> bool:
    del kind, trace
    return bool(exchange_of(self).left(self, error))


def _leaves_later(self: Any, kind: object, error: BaseException | None, trace: object) -> Any:
    del kind, trace

    async def done() -> bool:
        return bool(exchange_of(self).left(self, error, operation="exit later"))

    return done()


_JOINING = {*JOINED, *JOINED_RIGHT}
_KEPT = {*COMPARED, *SAID, "__len__", "__iter__", "__getitem__", "__next__", "__setitem__", "__delitem__"}
"""What data say themselves, whatever a class that extends them would."""
_METHODS: Mapping[str, Callable[..., Any]] = {
    **{name: _asking(operation) for name, operation in {**USED, **WRITTEN}.items()},
    **{name: _judging(operation) for name, operation in {**TURNED, **JOINED}.items()},
    **{name: _judging_right(operation) for name, operation in JOINED_RIGHT.items()},
    "__contains__": _judging("contains"),
    "__anext__": _later("next later"),
    "__aenter__": _later("enter later"),
    "__exit__": _leaves,
    "__aexit__": _leaves_later,
}
for _name, _operation in COMPARED.items():
    setattr(Remote, _name, _judging(_operation))


_METAS: dict[frozenset[str], type[Kind]] = {frozenset(): Kind}


def _meta(specials: frozenset[str]) -> type[Kind]:
    specials -= {"__call__", "__hash__", "__bool__"}
    if specials not in _METAS:
        methods = {each: (_judging if each in SAID else _asking)(ALL[each]) for each in specials}
        _METAS[specials] = type("Kind", (Kind,), methods)
    return _METAS[specials]


_members(("__call__", "__repr__"), "")
"""Most programs give functions: every process begins with knowing how."""
