"""What is one thing on both sides, and goes by its name; and what of a test's own a program may have done.

A function of Python's that a test passes is not the judge's but the program's own: `type`, `eval` and `setattr` make,
run and change things there. What would reach into the judge is passed as an object with which nothing can be done.
"""

import abc
import builtins
import collections
import datetime as dt
import decimal
import enum
import fractions
import io
import operator
import pathlib
import sys
import types
import uuid
from collections.abc import Callable, Mapping
from functools import partial, reduce
from importlib import import_module
from typing import Any

from octo.sandbox.inside.kinds import NotDataError

_DATA = (
    *(bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, slice, object),
    *(collections.Counter, collections.OrderedDict, collections.deque, collections.defaultdict),
    *(fractions.Fraction, decimal.Decimal, dt.date, dt.datetime, dt.time, dt.timedelta, uuid.UUID),
    *(pathlib.PurePath, pathlib.Path, type(None), types.FunctionType, types.GeneratorType),
)
_ERRORS = (kind for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, Exception))
KINDS: Mapping[str, type] = {f"{kind.__module__}:{kind.__qualname__}": kind for kind in (*_DATA, *_ERRORS)}
"""Classes that a program may name: no object of one of them does anything when it is compared."""
_NAMED = (
    *(type, types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType),
    *(types.ClassMethodDescriptorType, types.GetSetDescriptorType),
)
_MAKERS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)
_GROWING = {"append", "appendleft", "extend", "add", "write", "writelines", "put", "getvalue", "read", "readline"}
_GROWS = (list, set, collections.deque, bytearray, io.StringIO, io.BytesIO)
_HOLDS = (*_GROWS, dict, str, tuple, collections.Counter)
_READS = {"get", "count", "index", "__getitem__", "__contains__", "__len__", "keys", "values", "items", "copy"}


def name_of(value: object) -> str | None:
    """The name under which the other side has the same; None where there is none."""
    if not isinstance(value, _NAMED) and type(value).__name__ != "ufunc":
        return None
    holder = getattr(value, "__objclass__", None) or getattr(value, "__self__", None)
    module = getattr(value, "__module__", None) or getattr(holder, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if type(value).__name__ == "ufunc":
        module = "numpy"
    if not isinstance(module, str) or not isinstance(name, str) or value is type(None):
        return "builtins:NoneType" if value is type(None) else None
    if module.partition(".")[0] not in _LIBRARIES or module not in sys.modules:
        return None
    try:
        found = found_at(f"{module}:{name}")
    except (AttributeError, ImportError):
        return None
    return f"{module}:{name}" if found is value or (isinstance(holder, type) and found == value) else None


def found_at(name: str) -> Any:
    """What has that name here."""
    if name == "builtins:NoneType":
        return type(None)
    module, _, path = name.partition(":")
    return reduce(getattr, path.split("."), import_module(module))


def kind_at(name: object) -> type:
    """The class of that name, of those that a program may name."""
    if not isinstance(name, str) or name not in KINDS:
        raise NotDataError("no class that a program may name")
    return KINDS[name]


def made_of(value: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]] | None:
    """What makes another of something that is made by Python's own and consists of its arguments alone."""
    if type(value) is partial:
        return partial, (value.func, *value.args), value.keywords
    if type(value) in _MAKERS:
        kind, arguments = value.__reduce__()[:2]
        return (kind, arguments, {}) if kind in _MAKERS else None
    return None


def may_call(value: Any) -> bool:
    """Whether a program may have this called: what a test wrote itself, or what only grows."""
    if isinstance(value, types.FunctionType):
        return True
    if isinstance(value, types.MethodType):
        return may_use(value.__self__, value.__name__)
    if isinstance(value, types.BuiltinFunctionType):
        owner = type(value.__self__)
        return (owner in _GROWS and value.__name__ in _GROWING) or (owner in _HOLDS and value.__name__ in _READS)
    if isinstance(value, type):
        return is_tests(value) and type(value) in (type, abc.ABCMeta) and not issubclass(value, type)
    wrapped = getattr(value, "__wrapped__", None)
    called = {name: each for kind in reversed(type(value).__mro__) for name, each in vars(kind).items()}
    return may_call(wrapped) if wrapped else isinstance(called.get("__call__"), types.FunctionType)


def may_use(value: Any, name: str) -> bool:
    """Whether a program may have an attribute of this."""
    if not isinstance(name, str) or name.startswith("_"):
        return False
    if type(value) in (io.StringIO, io.BytesIO):
        return name in _GROWING
    mock = sys.modules.get("unittest.mock")
    if mock and isinstance(value, mock.NonCallableMock):
        return name not in dir(mock.NonCallableMock) and name not in dir(mock.CallableMixin)
    if isinstance(value, type):
        return is_tests(value) and not issubclass(value, type)
    return is_tests(type(value))


def may_walk(value: Any) -> bool:
    """Whether a program may go through this, count it, or have it written."""
    kind = type(value)
    return is_tests(kind) or kind.__module__ == "itertools" or kind.__name__ in _ITERATORS


def is_tests(kind: type) -> bool:
    """Whether the test has made this class."""
    return kind.__module__ == "test" and not isinstance(kind, enum.EnumMeta)


_LIBRARIES = sys.stdlib_module_names | {"builtins", "numpy"}
_ITERATORS = {
    *("generator", "map", "filter", "zip", "enumerate", "reversed", "list_iterator", "tuple_iterator", "set_iterator"),
    *("str_ascii_iterator", "str_iterator", "dict_keyiterator", "dict_valueiterator", "dict_itemiterator"),
    *("range_iterator", "bytes_iterator", "list_reverseiterator", "callable_iterator", "coroutine"),
}
Answer = Callable[..., object]
