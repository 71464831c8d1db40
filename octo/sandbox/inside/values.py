"""Values as JSON: what a hostile process sends becomes plain data, or a handle, and nothing else.

Plain are None, bool, int, float, str and lists of plain values; whatever else there is comes as an object of one key,
its tag. Subclasses of a known type are sent as that type, so an overridden `__eq__` never arrives.
"""

import collections
import datetime as dt
import decimal
import fractions
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
Forward = Callable[[object], Json]
Back = Callable[[Json], Any]

_LARGEST = 2**63


class NotDataError(BaseException):
    """Bytes that stand for no value. No exception of the program's, so no test that expects one is content with it."""


def encode(value: object, refer: Callable[[object], Json]) -> Json:
    """The value as JSON; `refer` gives the JSON of what is no data and stays here.

    Raises RecursionError for values nested too deep, or within themselves.
    """
    if value is None or value is True or value is False:
        return value
    for kind in type(value).__mro__:
        if forward := _FORWARD.get(kind):
            return forward(value, lambda part: encode(part, refer))
    return refer(value)


def decode(given: Json, resolve: Mapping[str, Callable[[Json], object]]) -> Any:
    """The value that the JSON stands for; `resolve` has what stands for objects that are no data, by tag.

    Raises:
        NotDataError: it stands for no value.
    """
    if isinstance(given, list):
        return [decode(part, resolve) for part in given]
    if not isinstance(given, dict):
        return given
    if len(given) != 1:
        raise NotDataError("a value has one tag")
    ((tag, content),) = given.items()
    try:
        if tag in resolve:
            return resolve[tag](content)
        return _BACK[tag](content, lambda part: decode(part, resolve))
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise NotDataError(f"no {tag[:20]}: {type(error).__name__}") from None


def _pairs(value: Any, forward: Forward, kind: type[dict[Any, Any]] = dict) -> Json:
    return [[forward(key), forward(part)] for key, part in kind.items(value)]


def _unpaired(content: Json, back: Back) -> dict[Any, Any]:
    return {back(key): back(part) for key, part in content}


def _integer(value: int) -> Json:
    value = int(value)
    # Decimal digits are slow to read and limited in number; hexadecimal ones are neither.
    return value if -_LARGEST < value < _LARGEST else {"int": hex(value)}


def _checked(kind: type, value: object) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}")
    return value


_FORWARD: Mapping[type, Callable[[Any, Forward], Json]] = {
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
}
"""By type; the first one of a value's own and inherited types counts."""
_BACK: Mapping[str, Callable[[Json, Back], object]] = {
    "int": lambda content, _: int(content, 16),
    "tuple": lambda content, back: tuple(back(part) for part in content),
    "dict": _unpaired,
    "set": lambda content, back: {back(part) for part in content},
    "frozenset": lambda content, back: frozenset(back(part) for part in content),
    "bytes": lambda content, _: bytes.fromhex(content),
    "bytearray": lambda content, _: bytearray.fromhex(content),
    "complex": lambda content, _: complex(*(_checked(float, part) for part in content)),
    "range": lambda content, back: range(*(_checked(int, back(part)) for part in content)),
    "slice": lambda content, back: slice(*(back(part) for part in content)),
    "OrderedDict": lambda content, back: collections.OrderedDict(_unpaired(content, back)),
    "Counter": lambda content, back: collections.Counter(_unpaired(content, back)),
    "deque": lambda content, back: collections.deque(map(back, content[0]), content[1]),
    "Fraction": lambda content, back: fractions.Fraction(*(_checked(int, back(part)) for part in content)),
    "Decimal": lambda content, _: decimal.Decimal(_checked(str, content)),
    "datetime": lambda content, _: dt.datetime.fromisoformat(content),
    "date": lambda content, _: dt.date.fromisoformat(content),
    "time": lambda content, _: dt.time.fromisoformat(content),
    "timedelta": lambda content, _: dt.timedelta(*(_checked(int, part) for part in content)),
}
