"""What is told of an object that stays where it is: its class, by name, bases, and what Python finds in it."""

import builtins
import functools
import types
from collections.abc import Callable
from typing import Any

from octo.sandbox.inside.handles import EXTENDED, LIKE
from octo.sandbox.inside.kinds import Json
from octo.sandbox.inside.specials import ALL, USED


def described(kind: type, number: int, refer: Callable[[type], Json]) -> Json:
    """A class in a form that `handles.class_of` makes another of; `refer` says which its bases are."""
    name, specials, of_class, bases, known, fields = _shape(kind)
    return [number, name, specials, of_class, [refer(each) for each in bases], known, fields]


@functools.cache
def _shape(kind: type) -> tuple[str, list[str], list[str], list[type], str, list[str]]:
    base = base_of(kind)
    before = kind.__mro__[: kind.__mro__.index(base)] if base else kind.__mro__
    own = _specials(before)
    # What holds things is asked for them as it is; what is data has come along.
    used = {} if base is None or base.__name__ in EXTENDED else _specials(kind.__mro__)
    specials = [name for name in ALL if name in own or (name in USED and name in used)]
    if vars(kind).get("__hash__", ...) is None or getattr(kind, "__hash__", ...) is None:
        specials.append("unhashable")
    meta: Any = type(kind)
    of_class = sorted(_specials(tuple(each for each in meta.__mro__ if each not in (type, object))))
    bases = [each for each in kind.__bases__ if each not in (object, base)]
    fields = [str(each) for each in getattr(kind, "_fields", ())] if base is tuple else []
    return kind.__name__, specials, of_class, bases, base.__name__ if base else "", fields


def base_of(kind: type) -> type | None:
    """The first kind of data, or built-in kind of error, that a class extends or is."""
    return next((each for each in kind.__mro__ if each.__name__ in _BASES and _is_pythons(each)), None)


def read_of(function: object) -> dict[str, object]:
    """What is read of a function that is passed, by who wraps it or asks what it takes."""
    read = {name: getattr(function, name, None) for name in ("__name__", "__qualname__", "__doc__", "__module__")}
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType) or not isinstance(function, types.FunctionType):
        return read
    places = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    taken = {name: getattr(code, name) for name in ("co_name", "co_argcount", "co_kwonlyargcount", "co_flags")}
    return {
        **read,
        "code": taken | {"co_varnames": code.co_varnames[:places]},
        "num_defaults": len(function.__defaults__ or ()),
    }


def _is_pythons(kind: type) -> bool:
    return kind.__module__ in ("builtins", "collections")


def _specials(kinds: tuple[type, ...]) -> dict[str, Any]:
    """Not what every object has."""
    return {name: value for kind in kinds if kind is not object for name, value in vars(kind).items() if name in ALL}


_BASES = {
    *EXTENDED,
    *LIKE,
    *(name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)),
}


_shape(types.FunctionType)
"""Most programs give functions: every process begins with knowing how."""
