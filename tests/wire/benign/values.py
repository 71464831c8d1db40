"""Data that goes to a program and comes back."""

from tests.wire.benign import Programs

VALUES: Programs = {
    "arguments are changed in place": (
        """
def grow(items, seen, by):
    items.append(len(items))
    items[0] = [by]
    seen.add(by)
    return items
""",
        """
items, seen = [1, 2], {0}
result = grow(items, seen, by=7)
assert items == [[7], 2, 2] and seen == {0, 7}
assert result == items
""",
    ),
    "arguments are sorted, emptied and updated in place": (
        """
def swap(left, right):
    left.sort(reverse=True)
    right.clear()
    right.update(a=1)
def rotate(matrix):
    for row in matrix:
        row.reverse()
""",
        """
left, right = [3, 1, 2], {"b": 2}
assert swap(left, right) is None
assert left == [3, 2, 1] and right == {"a": 1}
matrix = [[1, 2], [3, 4]]
rotate(matrix)
assert matrix == [[2, 1], [4, 3]]
""",
    ),
    "containers are nested": (
        """
def nest(depth):
    return {"depth": depth, (1, 2): [nest(depth - 1)] if depth else ({}, [], (), set())}
""",
        """
found = nest(3)
for _ in range(3):
    found = found[1, 2][0]
assert found == {"depth": 0, (1, 2): ({}, [], (), set())}
assert isinstance(found[1, 2], tuple) and type(found[1, 2][3]) is set
""",
    ),
    "a list holds the same list twice": (
        "def twice(n):\n    row = [0] * n\n    return [row, row]\n",
        "rows = twice(2)\nassert rows == [[0, 0], [0, 0]]\n",
    ),
    "floats are as they were": (
        """
import math
def special():
    return [math.inf, -math.inf, -0.0, 5e-324, 0.1 + 0.2, 1e308, math.pi]
def nan():
    return math.nan
def mean(items):
    return sum(items) / len(items)
""",
        """
import math
assert special() == [math.inf, -math.inf, 0.0, 5e-324, 0.30000000000000004, 1e308, math.pi]
assert math.copysign(1, special()[2]) == -1
assert nan() != nan() and math.isnan(nan())
assert type(mean([1, 3])) is float and mean([math.inf]) == math.inf
""",
    ),
    "complex and very large numbers": (
        """
def root(x):
    return x ** 0.5
def power(n):
    return 7 ** n
def bits(n):
    return -(1 << n)
def signed():
    return complex(-0.0, float("inf"))
""",
        """
assert abs(root(-1) - 1j) < 1e-9 and type(root(-1)) is complex
assert power(20_000) == 7 ** 20_000 and power(20_000) % 10 == 1
assert bits(64) == -(2 ** 64) and bits(63) == -(2 ** 63) and bits(53) == -(2 ** 53)
assert str(signed()) == str(complex(-0.0, float("inf")))
assert type(power(0)) is int and power(0) is not True
""",
    ),
    "texts are as they were": (
        """
def echo(text):
    return text
def lone():
    return "\\ud800" + chr(0) + "\\N{SNOWMAN}\\U0001f600"
def flipped(text):
    return text[::-1].encode("utf-8", "surrogatepass")
""",
        """
for text in ("", "a\\0b", "\\ud800\\udc00", "\\udcff", "e\\u0301", "\\u202eabc", "\\x7f\\x85\\u2028", '"\\\\'):
    assert echo(text) == text
    assert echo({text: [text]}) == {text: [text]}
assert lone() == "\\ud800\\0\\u2603\\U0001f600" and len(lone()) == 4
assert flipped("\\ud800a") == b"a\\xed\\xa0\\x80"
""",
    ),
    "bytes and bytearrays": (
        """
def mirror(content):
    content[:] = content[::-1]
    return bytes(content)
def joined(*parts):
    return b"".join(parts)
""",
        """
content = bytearray(range(256))
assert mirror(content) == bytes(range(255, -1, -1))
assert content[0] == 255 and type(content) is bytearray
assert joined(b"\\xff", b"", b"\\0") == b"\\xff\\0" and isinstance(joined(), bytes)
""",
    ),
    "sets in sets, tuples in sets, and keys of many kinds": (
        """
def powerset(items):
    found = {frozenset()}
    for item in items:
        found |= {part | {item} for part in found}
    return found
def table():
    return {None: 0, True: 1, 2.5: 2, "x": 3, (1, (2,)): 4, b"b": 5, frozenset({1}): 6}
""",
        """
assert powerset([1, 2]) == {frozenset(), frozenset({1}), frozenset({2}), frozenset({1, 2})}
assert table()[frozenset({1})] == 6 and table()[1, (2,)] == 4 and table()[None] == 0 and table()[1] == 1
assert list(table()) == [None, True, 2.5, "x", (1, (2,)), b"b", frozenset({1})]
""",
    ),
    "collections of the library": (
        """
from collections import Counter, OrderedDict, defaultdict, deque
def letters(text):
    return Counter(text)
def groups(words):
    found = defaultdict(list)
    for word in words:
        found[word[0]].append(word)
    return found
def ordered():
    found = OrderedDict(a=1, b=2)
    found.move_to_end("a")
    return found
def window(items):
    return deque(items, maxlen=2)
""",
        """
from collections import Counter, OrderedDict, deque
assert letters("abca") == Counter(a=2, b=1, c=1) == {"a": 2, "b": 1, "c": 1}
assert letters("aab").most_common(1) == [("a", 2)] and letters("")["x"] == 0
assert groups(["ab", "b", "ac"]) == {"a": ["ab", "ac"], "b": ["b"]} and isinstance(groups([]), dict)
assert list(ordered()) == ["b", "a"] and isinstance(ordered(), OrderedDict)
assert ordered() != OrderedDict(a=1, b=2) and ordered() == {"a": 1, "b": 2}
assert window([1, 2, 3]) == deque([2, 3])
recent = window([1, 2])
recent.append(3)
assert list(recent) == [2, 3]
""",
    ),
    "numbers and times of the library": (
        """
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
def half(number):
    return number / 2
def tomorrow(day):
    return day + timedelta(days=1)
def now():
    return datetime(2024, 2, 29, 12, 30, 15, 7, tzinfo=timezone.utc)
""",
        """
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
assert half(Fraction(1, 3)) == Fraction(1, 6) and isinstance(half(Fraction(1)), Fraction)
assert half(Decimal("1.10")) == Decimal("0.55") and str(half(Decimal("1.10"))) == "0.55"
assert half(Decimal("-Infinity")) == Decimal("-Infinity")
assert tomorrow(date(2024, 2, 28)) == date(2024, 2, 29) and tomorrow(datetime(2024, 2, 28)) == datetime(2024, 2, 29)
assert now() == datetime(2024, 2, 29, 13, 30, 15, 7, tzinfo=timezone(timedelta(hours=1)))
assert now() - now() == timedelta(0) and now().isoformat() == "2024-02-29T12:30:15.000007+00:00"
""",
    ),
    "tuples with names, records and members of enumerations": (
        """
from collections import namedtuple
from dataclasses import dataclass, field
from enum import Enum, IntEnum
Point = namedtuple("Point", "x y")
class Color(Enum):
    RED = "red"
class Level(IntEnum):
    LOW = 1
@dataclass
class Item:
    name: str
    tags: list = field(default_factory=list)
def origin():
    return Point(0, 0)
def paint():
    return Color.RED
def level():
    return Level.LOW
def item():
    return Item("a", ["b"])
""",
        """
assert origin() == (0, 0) and tuple(origin()) == (0, 0)
assert sorted([origin(), (0, -1)]) == [(0, -1), (0, 0)]
assert paint().value == "red" and paint().name == "RED"
assert level() == 1 and level() < 2
assert item().name == "a" and item().tags == ["b"]
assert Item("c").tags == [] and Item("c", tags=["d"]).tags == ["d"]
""",
    ),
    "ranges, slices and views": (
        """
def evens(n):
    return range(0, n, 2)
def items(mapping):
    return mapping.items()
def nothing():
    return ...
""",
        """
assert evens(5) == range(0, 5, 2) and list(evens(5)) == [0, 2, 4] and evens(10)[-1] == 8
assert list(items({"a": 1})) == [("a", 1)] and dict(items({"a": 1})) == {"a": 1}
assert all(value > 0 for _, value in items({"a": 1}))
""",
    ),
    "wrong values fail": ("def f(x):\n    return x + 1\n", "assert f(1) == 3, 'one more'\n"),
    "True is no 1 and a tuple no list": (
        "def f():\n    return True\ndef g():\n    return (1, 2)\n",
        "assert f() is True and isinstance(f(), bool)\nassert g() != [1, 2] and type(g()) is tuple\n",
    ),
}
