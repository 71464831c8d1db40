"""Values as JSON: what a hostile process sends becomes plain data, or a handle, and nothing else.

Plain are None, bool, int, float, str and lists of plain values; whatever else there is comes as an object of one key,
its tag. Subclasses of a known type are sent as that type, so an overridden `__eq__` never arrives.
"""

import collections
import datetime as dt
import decimal
import fractions
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Json = Any
Forward = Callable[[object], Json]
Back = Callable[[Json], Any]

_LARGEST = 2**63
_SAME = "same"
_MUTABLE = (list, dict, set, bytearray, collections.deque)


class NotDataError(BaseException):
    """Bytes that stand for no value. No exception of the program's, so no test that expects one is content with it."""


class Mutables:
    """The values that can change of a question and its answer, by the order in which both sides first meet them.

    One that is met again is sent as its number: what was one object stays one, and may lie within itself.
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[int, int] = {}

    def number(self, value: object) -> int | None:
        """The number of a value that was met before."""
        return self._numbers.get(id(value))

    def meet(self, value: Any) -> Any:
        """Number a value, which is given back."""
        self._numbers[id(value)] = len(self.values)
        self.values.append(value)
        return value


def encode(value: object, refer: Callable[[object], Json], mutables: Mutables) -> Json:
    """The value as JSON; `refer` gives the JSON of what is no data and stays here.

    Raises RecursionError for values nested too deep.
    """

    def forward(part: object) -> Json:
        if part is None or part is True or part is False:
            return part
        for kind in type(part).__mro__:
            if known := _FORWARD.get(kind):
                if issubclass(kind, _MUTABLE):
                    if (number := mutables.number(part)) is not None:
                        return {_SAME: number}
                    mutables.meet(part)
                return known(part, forward)
        return refer(part)

    return forward(value)


def decode(given: Json, resolve: Mapping[str, Callable[[Json], object]], mutables: Mutables) -> Any:
    """The value that the JSON stands for; `resolve` has what stands for objects that are no data, by tag.

    Raises:
        NotDataError: it stands for no value.
    """

    def back(given: Json) -> Any:
        if isinstance(given, list):
            value = mutables.meet([])
            value.extend(map(back, given))
            return value
        if not isinstance(given, dict):
            return given
        if len(given) != 1:
            raise NotDataError("a value has one tag")
        ((tag, content),) = given.items()
        try:
            if tag == _SAME:
                return mutables.values[range(len(mutables.values)).index(content)]
            if tag in _BLANK:
                # Met before what lies in it is read, which may be itself.
                value = mutables.meet(_BLANK[tag](content))
                _fill(value, _PARTS[tag](content, back))
                return value
            return resolve[tag](content) if tag in resolve else _BACK[tag](content, back)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise NotDataError(f"no {tag[:20]}: {type(error).__name__}") from None

    return back(given)


def contents(value: Any) -> list[object]:
    """What lies in a value that can change; another object there means that it has changed."""
    return [part for pair in value.items() for part in pair] if isinstance(value, dict) else list(value)


def replace(value: Any, now: Any) -> None:
    """Make a value that can change what another of its kind is.

    Raises:
        NotDataError: they are not of one kind.
    """
    if not any(isinstance(value, kind) and isinstance(now, kind) for kind in _MUTABLE):
        raise NotDataError("no value of the same kind")
    value.clear()
    _fill(value, now.items() if isinstance(now, dict) else now)


def _fill(value: Any, parts: Iterable[Any]) -> None:
    if isinstance(value, dict):
        for key, part in parts:
            value[key] = part
    elif isinstance(value, set):
        value.update(parts)
    else:
        value.extend(parts)


def _pairs(value: Any, forward: Forward, kind: type[dict[Any, Any]] = dict) -> Json:
    return [[forward(key), forward(part)] for key, part in kind.items(value)]


def _unpaired(content: Json, back: Back) -> Iterator[tuple[Any, Any]]:
    return ((back(key), back(part)) for key, part in content)


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
    "frozenset": lambda content, back: frozenset(back(part) for part in content),
    "bytes": lambda content, _: bytes.fromhex(content),
    "complex": lambda content, _: complex(*(_checked(float, part) for part in content)),
    "range": lambda content, back: range(*(_checked(int, back(part)) for part in content)),
    "slice": lambda content, back: slice(*(back(part) for part in content)),
    "Fraction": lambda content, back: fractions.Fraction(*(_checked(int, back(part)) for part in content)),
    "Decimal": lambda content, _: decimal.Decimal(_checked(str, content)),
    "datetime": lambda content, _: dt.datetime.fromisoformat(content),
    "date": lambda content, _: dt.date.fromisoformat(content),
    "time": lambda content, _: dt.time.fromisoformat(content),
    "timedelta": lambda content, _: dt.timedelta(*(_checked(int, part) for part in content)),
}
_BLANK: Mapping[str, Callable[[Json], Any]] = {
    "dict": lambda _: {},
    "set": lambda _: set(),
    "bytearray": lambda _: bytearray(),
    "OrderedDict": lambda _: collections.OrderedDict(),
    "Counter": lambda _: collections.Counter(),
    "deque": lambda content: collections.deque(maxlen=content[1]),
}
"""By tag: what can change, while nothing is in it."""
_PARTS: Mapping[str, Callable[[Json, Back], Iterable[Any]]] = {
    "dict": _unpaired,
    "set": lambda content, back: map(back, content),
    "bytearray": lambda content, _: bytes.fromhex(content),
    "OrderedDict": _unpaired,
    "Counter": _unpaired,
    "deque": lambda content, back: map(back, content[0]),
}
