"""The kinds of data that both sides know: how each is written as JSON, and made of it again."""

import array
import collections
import datetime as dt
import decimal
import fractions
import pathlib
import types
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Json = Any
Forward = Callable[[object], Json]
Back = Callable[[Json], Any]

_LARGEST = 2**63


class NotDataError(BaseException):
    """Bytes that stand for no value. No exception of the program's, so no test that expects one is content with it."""


def factory(value: Any) -> Any:
    """What makes a dictionary's missing values: a kind of data, or something that is asked on the other side."""
    if value is not None and not callable(value):
        raise NotDataError("no factory")
    return value


def _view(content: Json, back: Back) -> Any:
    name, parts = content
    if name == "items":
        return dict(_unpaired(parts, back)).items()
    read = map(back, parts)
    return dict.fromkeys(read).keys() if name == "keys" else dict(enumerate(read)).values()


def _fielded(content: Json, back: Back) -> Any:
    name, fields, parts = content
    key = (checked(str, name), tuple(checked(str, each) for each in fields))
    if key not in _NAMED:
        _NAMED[key] = collections.namedtuple(name, fields)  # noqa: PYI024 - its fields come now
    return _NAMED[key](*map(back, parts))


def _pairs(value: Any, forward: Forward, kind: type[dict[Any, Any]] = dict) -> Json:
    return [[forward(key), forward(part)] for key, part in kind.items(value)]


def _unpaired(content: Json, back: Back) -> Iterator[tuple[Any, Any]]:
    return ((back(key), back(part)) for key, part in content)


def _integer(value: int) -> Json:
    value = int(value)
    # Decimal digits are slow to read and limited in number; hexadecimal ones are neither.
    return value if -_LARGEST < value < _LARGEST else {"int": hex(value)}


def numbered(value: object) -> int:
    """The number of an object of the other side."""
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise NotDataError("no number of an object")
    return value


def checked(kind: type, value: object) -> Any:
    """The value, which must be of a kind."""
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}")
    return value


_NAMED: dict[tuple[str, tuple[str, ...]], type] = {}
_PATHS = {kind.__name__: kind for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath)}
_CONSTANTS = {"...": ..., "NotImplemented": NotImplemented}
FORWARD: Mapping[type, Callable[[Any, Forward], Json]] = {
    int: lambda value, _: _integer(value),
    float: lambda value, _: float(value),
    str: lambda value, _: str.__str__(value),
    list: lambda value, forward: [forward(part) for part in list.__iter__(value)],
    tuple: lambda value, forward: {"tuple": [forward(part) for part in tuple.__iter__(value)]},
    dict: lambda value, forward: {"dict": _pairs(value, forward)},
    set: lambda value, forward: {"set": [forward(part) for part in set.__iter__(value)]},
    frozenset: lambda value, forward: {"frozenset": [forward(part) for part in frozenset.__iter__(value)]},
    bytes: lambda value, _: {"bytes": bytes.hex(value)},
    bytearray: lambda value, _: {"bytearray": bytearray.hex(value)},
    complex: lambda value, _: {"complex": [value.real, value.imag]},
    range: lambda value, forward: {"range": [forward(value.start), forward(value.stop), forward(value.step)]},
    slice: lambda value, forward: {"slice": [forward(value.start), forward(value.stop), forward(value.step)]},
    collections.OrderedDict: lambda value, forward: {"OrderedDict": _pairs(value, forward, collections.OrderedDict)},
    collections.Counter: lambda value, forward: {"Counter": _pairs(value, forward)},
    collections.deque: lambda value, forward: {"deque": [[forward(part) for part in value], value.maxlen]},
    fractions.Fraction: lambda value, forward: {"Fraction": [forward(value.numerator), forward(value.denominator)]},
    decimal.Decimal: lambda value, _: {"Decimal": decimal.Decimal.__str__(value)},
    dt.datetime: lambda value, _: {"datetime": value.isoformat()},
    dt.date: lambda value, _: {"date": value.isoformat()},
    dt.time: lambda value, _: {"time": value.isoformat()},
    dt.timedelta: lambda value, _: {"timedelta": [value.days, value.seconds, value.microseconds]},
    collections.defaultdict: lambda value, forward: {
        "defaultdict": [_pairs(value, forward), forward(value.default_factory)]
    },
    type({}.keys()): lambda value, forward: {"view": ["keys", [forward(part) for part in value]]},
    type({}.values()): lambda value, forward: {"view": ["values", [forward(part) for part in value]]},
    type({}.items()): lambda value, forward: {"view": ["items", _pairs(dict(value), forward)]},
    types.MappingProxyType: lambda value, forward: {"dict": _pairs(dict(value), forward)},
    types.SimpleNamespace: lambda value, forward: {"namespace": _pairs(vars(value), forward)},
    uuid.UUID: lambda value, _: {"UUID": value.hex},
    array.array: lambda value, _: {"array": [value.typecode, value.tobytes().hex()]},
    memoryview: lambda value, _: {"bytes": value.tobytes().hex()},
    type(...): lambda *_: {"constant": "..."},
    type(NotImplemented): lambda *_: {"constant": "NotImplemented"},
    **{kind: lambda value, _: {"path": [type(value).__name__, str(value)]} for kind in _PATHS.values()},
}
"""By type; the first one of a value's own and inherited types counts."""
BACK: Mapping[str, Callable[[Json, Back], object]] = {
    "int": lambda content, _: int(content, 16),
    "tuple": lambda content, back: tuple(back(part) for part in content),
    "frozenset": lambda content, back: frozenset(back(part) for part in content),
    "bytes": lambda content, _: bytes.fromhex(content),
    "complex": lambda content, _: complex(*(checked(float, part) for part in content)),
    "range": lambda content, back: range(*(checked(int, back(part)) for part in content)),
    "slice": lambda content, back: slice(*(back(part) for part in content)),
    "Fraction": lambda content, back: fractions.Fraction(*(checked(int, back(part)) for part in content)),
    "Decimal": lambda content, _: decimal.Decimal(checked(str, content)),
    "datetime": lambda content, _: dt.datetime.fromisoformat(content),
    "date": lambda content, _: dt.date.fromisoformat(content),
    "time": lambda content, _: dt.time.fromisoformat(content),
    "timedelta": lambda content, _: dt.timedelta(*(checked(int, part) for part in content)),
    "view": _view,
    "fielded": _fielded,
    "UUID": lambda content, _: uuid.UUID(hex=content),
    "constant": lambda content, _: _CONSTANTS[content],
    "path": lambda content, _: _PATHS[content[0]](checked(str, content[1])),
}
BLANK: Mapping[str, Callable[[Json], Any]] = {
    "dict": lambda _: {},
    "set": lambda _: set(),
    "bytearray": lambda _: bytearray(),
    "OrderedDict": lambda _: collections.OrderedDict(),
    "Counter": lambda _: collections.Counter(),
    "deque": lambda content: collections.deque(maxlen=content[1]),
    "defaultdict": lambda _: collections.defaultdict(),
    "namespace": lambda _: types.SimpleNamespace(),
    "array": lambda content: array.array(content[0]),
}
"""By tag: what can change, while nothing is in it."""
PARTS: Mapping[str, Callable[[Json, Back], Iterable[Any]]] = {
    "dict": _unpaired,
    "set": lambda content, back: map(back, content),
    "bytearray": lambda content, _: bytes.fromhex(content),
    "OrderedDict": _unpaired,
    "Counter": _unpaired,
    "deque": lambda content, back: map(back, content[0]),
    "defaultdict": lambda content, back: _unpaired(content[0], back),
    "namespace": _unpaired,
    "array": lambda content, _: [bytes.fromhex(content[1])],
}
