"""Values as JSON: what a hostile process sends becomes plain data, or a handle, and nothing else.

Plain are None, bool, int, float, str and lists of plain values; whatever else there is comes as an object of one key,
its tag. Subclasses of a known type are sent as that type, so an overridden `__eq__` never arrives.
"""

import array
import collections
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from octo.sandbox.inside.arrays import ARRAY, array_from, writer_of
from octo.sandbox.inside.kinds import BACK, BLANK, FORWARD, PARTS, Forward, Json, NotDataError, checked, factory

Refine = Callable[[Any, Forward], Json]

__all__ = ["Mutables", "NotDataError", "decode", "encode", "replace"]

_FORWARD = FORWARD
_SAME = "same"
_GIVEN = "given"
_MUTABLE = (list, dict, set, bytearray, collections.deque, array.array, types.SimpleNamespace)


class Mutables:
    """The values that can change of a question and its answer, by the order in which both sides first meet them.

    One that is met again is sent as its number: what was one object stays one, and may lie within itself.
    """

    def __init__(self, refine: Refine | None = None, given: Mapping[type, str] | None = None) -> None:
        self.values: list[Any] = []
        self.given = given or {}
        """Classes that both sides have, by the class here: their objects are what their attributes are."""
        self.refine = refine
        """What of kinds that are not known exactly says more than what they inherit from."""
        self.later: collections.deque[Any] = collections.deque()
        """Objects of given classes whose attributes are yet to be sent or read: a list of them may be long."""
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
        kind = type(part)
        write = _FORWARD.get(kind)
        if write is None:
            if kind in mutables.given:
                return _met(part, mutables) or {_GIVEN: mutables.given[kind]}
            if (refined := mutables.refine and mutables.refine(part, forward)) is not None:
                return refined
            write = writer_of(part) or next((FORWARD[each] for each in kind.__mro__ if each in FORWARD), None)
        if (isinstance(part, _MUTABLE) or kind.__name__ == ARRAY) and (met := write and _met(part, mutables)):
            return met
        return write(part, forward) if write else refer(part)

    return forward(value)


def _met(part: object, mutables: Mutables) -> Json:
    """What stands for a value that can change where it was met before; otherwise it is now."""
    if (number := mutables.number(part)) is not None:
        return {_SAME: number}
    mutables.meet(part)
    if type(part) in mutables.given:
        mutables.later.append(part)
    return None


def rest_of(refer: Callable[[object], Json], mutables: Mutables) -> list[Json]:
    """The attributes of the objects of given classes that were sent, in the order in which they were met."""
    rest: list[Json] = []
    while mutables.later:
        rest.append(encode(attributes_of(mutables.later.popleft()), refer, mutables))
    return rest


def take_rest(
    rest: Json, classes: Mapping[str, type], resolve: Mapping[str, Callable[[Json], object]], mutables: Mutables
) -> None:
    """Give the objects of given classes that were read their attributes.

    Raises:
        NotDataError: they are none, or not as many.
    """
    for given in rest:
        if not mutables.later:
            raise NotDataError("attributes of nothing")
        value = mutables.later.popleft()
        read = decode(given, resolve, mutables, classes)
        if not isinstance(read, dict) or not all(isinstance(name, str) for name in read):
            raise NotDataError("no attributes")
        _set_attributes(value, read)


def attributes_of(value: Any) -> dict[str, Any]:
    """What an object consists of."""
    slots = (name for kind in type(value).__mro__ for name in vars(kind).get("__slots__", ()))
    own = {name: object.__getattribute__(value, name) for name in slots if hasattr(value, name)}
    return own | getattr(value, "__dict__", {})


def decode(  # noqa: C901 - a list of cases
    given: Json,
    resolve: Mapping[str, Callable[[Json], object]],
    mutables: Mutables,
    classes: Mapping[str, type] = types.MappingProxyType({}),
) -> Any:
    """The value that the JSON stands for; `resolve` has what stands for objects that are no data, by tag.

    Raises:
        NotDataError: it stands for no value.
    """

    def back(given: Json) -> Any:  # noqa: PLR0911 - a list of cases
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
            if tag == _GIVEN:
                mutables.later.append(mutables.meet(object.__new__(classes[content])))
                return mutables.values[-1]
            if tag == ARRAY:
                made = array_from(content, back)
                return made if content[1] is None else mutables.meet(made)
            if tag in BLANK:
                # Met before what lies in it is read, which may be itself.
                value = mutables.meet(BLANK[tag](content))
                _fill(value, PARTS[tag](content, back))
                if tag == "defaultdict":
                    value.default_factory = factory(back(content[1]))
                return value
            return resolve[tag](content) if tag in resolve else BACK[tag](content, back)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise NotDataError(f"no {tag[:20]}: {type(error).__name__}") from None

    return back(given)


def contents(value: Any) -> list[object]:
    """What lies in a value that can change; another object there means that it has changed."""
    if isinstance(value, array.array) or type(value).__name__ == ARRAY:
        held = getattr(getattr(value, "dtype", None), "char", "") == "O"
        return list(value.flat) if held else [value.tobytes()]
    if not isinstance(value, _MUTABLE) or isinstance(value, types.SimpleNamespace):
        value = attributes_of(value)
    return [part for pair in value.items() for part in pair] if isinstance(value, dict) else list(value)


def replace(value: Any, now: Any) -> None:
    """Make a value that can change what another of its kind is.

    Raises:
        NotDataError: they are not of one kind.
    """
    if type(value) is type(now) and type(value).__name__ == ARRAY:
        value.resize(now.shape, refcheck=False)
        value[...] = now
        return
    if type(value) is type(now) and (type(value) is types.SimpleNamespace or not isinstance(value, _MUTABLE)):
        _set_attributes(value, attributes_of(now))
        return
    if not any(isinstance(value, kind) and isinstance(now, kind) for kind in _MUTABLE):
        raise NotDataError("no value of the same kind")
    if isinstance(value, array.array):
        del value[:]
    else:
        value.clear()
    _fill(value, now.items() if isinstance(now, dict) else now)


def _fill(value: Any, parts: Iterable[Any]) -> None:
    if isinstance(value, dict):
        for key, part in parts:
            value[key] = part
    elif isinstance(value, set):
        value.update(parts)
    elif isinstance(value, types.SimpleNamespace):
        _set_attributes(value, {checked(str, name): part for name, part in parts})
    elif isinstance(value, array.array):
        for part in parts:
            value.frombytes(part) if isinstance(part, bytes) else value.append(part)
    else:
        value.extend(parts)


def _set_attributes(value: Any, now: Mapping[str, Any]) -> None:
    """Make an object consist of other attributes; nothing of its class's own is called."""
    own = getattr(value, "__dict__", None)
    if own is not None:
        own.clear()
    for name, part in now.items():
        if own is None:
            object.__setattr__(value, name, part)
        else:
            own[name] = part
