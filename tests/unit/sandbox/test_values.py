"""Values cross between a program and its test as data."""

import collections
import datetime as dt
import enum
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.sandbox.inside.values import Mutables, NotDataError, decode, encode, replace

HASHABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**80)
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes().map(lambda time: time.replace(fold=0))
    | st.times().map(lambda time: time.replace(fold=0))
    | st.timedeltas(),
    lambda parts: st.tuples(parts, parts) | st.frozensets(parts, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    HASHABLE | st.sets(HASHABLE, max_size=3) | st.binary().map(bytearray),
    lambda parts: (
        st.lists(parts, max_size=4)
        | st.dictionaries(HASHABLE, parts, max_size=4)
        | st.lists(parts, max_size=3).map(tuple)
        | st.lists(parts, max_size=3).map(collections.deque)
        | st.dictionaries(HASHABLE, parts, max_size=3).map(collections.OrderedDict)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_data_arrives_as_it_was(value: object) -> None:
    arrived = across(value)
    assert arrived == value
    assert type(arrived) is type(value)
    assert types_in(arrived) == types_in(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.0, "\ud800", Decimal("NaN"), range(1, 9, 3)])
def test_the_odd_ones_arrive_too(value: object) -> None:
    assert repr(across(value)) == repr(value)


def test_a_counter_stays_one() -> None:
    assert across(collections.Counter("abca")) == collections.Counter("abca")


class Deceiver(int):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 7


class Colour(enum.IntEnum):
    RED = 3


class Listed(list[int]):
    pass


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 - as programs write it


@pytest.mark.parametrize(
    ("value", "plain"),
    [(Deceiver(5), 5), (Colour.RED, 3), (Point(1, 2), (1, 2)), (Listed([1]), [1])],
)
def test_a_subclass_arrives_as_what_it_extends(value: object, plain: object) -> None:
    arrived = across(value)
    assert type(arrived) is type(plain)
    assert arrived == plain


def test_what_is_no_data_stays_where_it_is() -> None:
    kept: list[object] = []

    def refer(value: object) -> object:
        kept.append(value)
        return {"object": 0}

    function = print
    sent = encode([1, function], refer, Mutables())
    assert kept == [function]
    assert decode(sent, {"object": lambda number: f"number {number}"}, Mutables()) == [1, "number 0"]


def test_what_was_one_object_stays_one() -> None:
    row: list[object] = [1]
    table = across(([row, row, {"row": row}], (row,), row.copy()))
    (first, second, third), (fourth,), other = table  # type: ignore[misc]
    assert first is second is third["row"] is fourth
    assert other == first
    assert other is not first


def in_itself(kind: str) -> object:
    values: dict[str, Any] = {
        "list": [],
        "dict": {},
        "deque": collections.deque(maxlen=3),
        "OrderedDict": collections.OrderedDict(),
    }
    value = values[kind]
    if isinstance(value, dict):
        value["itself"] = (value,)
    else:
        value.append((value,))
    return value


@pytest.mark.parametrize("kind", ["list", "dict", "deque", "OrderedDict"])
def test_what_contains_itself_does_so_on_the_other_side(kind: str) -> None:
    arrived: Any = across(in_itself(kind))
    assert type(arrived).__name__ == kind
    ((within,),) = arrived.values() if isinstance(arrived, dict) else arrived
    assert within is arrived


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: object = ()
    for _ in range(5_000):
        deep = (deep,)
    with pytest.raises(RecursionError):
        across(deep)


@pytest.mark.parametrize(
    ("value", "now"),
    [
        ([1, 2], [3]),
        ({1: 2}, {3: 4, 1: 5}),
        ({1}, {2, 3}),
        (bytearray(b"a"), bytearray(b"bc")),
        (collections.deque([1], maxlen=2), collections.deque([2, 3])),
        (collections.Counter("aab"), collections.Counter("b")),
        (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
        (collections.defaultdict(list, a=[1]), {"b": [2]}),
    ],
)
def test_a_value_becomes_what_another_is(value: Any, now: Any) -> None:
    kind = type(value)
    replace(value, now)
    assert value == now
    assert [*value] == [*now]
    assert type(value) is kind


@pytest.mark.parametrize(("value", "now"), [([1], {1: 2}), ({1}, [1]), ([1], 5), (bytearray(b"a"), [1])])
def test_a_value_becomes_nothing_of_another_kind(value: Any, now: Any) -> None:
    with pytest.raises(NotDataError, match="same kind"):
        replace(value, now)


@pytest.mark.parametrize(
    "hostile",
    [
        {"int": "12; import os"},
        {"int": 5},
        {"unknown": []},
        {"tuple": 5},
        {"set": [[1]]},
        {"dict": [[1]]},
        {"dict": [[[1], 2]]},
        {"range": ["a"]},
        {"range": [1, 2, 0]},
        {"complex": ["1", "2"]},
        {"Fraction": [1, 0]},
        {"Fraction": ["1e9", 3]},
        {"Decimal": {"int": "0x1"}},
        {"Decimal": "nonsense"},
        {"datetime": "yesterday"},
        {"timedelta": [10**12, 0, 0]},
        {"bytes": "xyz"},
        {"tuple": [], "set": []},
        {"same": 0},
        {"same": -1},
        {"same": "0"},
        {"same": [0]},
        [{"same": 1}],
        [{"set": [{"same": 0}]}],
        {"deque": [[], -1]},
        {"deque": [1, 2, 3]},
        {},
    ],
)
def test_what_stands_for_no_value_is_refused(hostile: object) -> None:
    with pytest.raises(NotDataError):
        decode(hostile, {}, Mutables())


def test_huge_integers_neither_fail_nor_take_long() -> None:
    huge = 7**200_000
    assert across([huge, -huge]) == [huge, -huge]


def test_fractions_are_not_written_out() -> None:
    assert across(Fraction(10**400, 3)) == Fraction(10**400, 3)
    assert across(dt.timedelta(days=-1, microseconds=3)) == dt.timedelta(days=-1, microseconds=3)


def across(value: object) -> object:
    def refuse(value: object) -> object:
        raise AssertionError(f"{value!r} is data")

    return decode(json.loads(json.dumps(encode(value, refuse, Mutables()))), {}, Mutables())


def types_in(value: object) -> object:
    """What a value is made of: 1, 1.0 and True are equal, and not the same."""
    match value:
        case dict():
            return type(value), [(types_in(key), types_in(part)) for key, part in value.items()]
        case set() | frozenset():
            return type(value), frozenset((types_in(part), part) for part in value)
        case list() | tuple() | collections.deque():
            return type(value), tuple(types_in(part) for part in value)
        case _:
            return type(value)
