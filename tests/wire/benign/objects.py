"""Functions, iterators, objects and errors of a program, which its test uses."""

from tests.wire.benign import Programs

OBJECTS: Programs = {
    "generators are iterated": (
        """
def count(n):
    for i in range(n):
        yield i, str(i)
def forever():
    i = 0
    while True:
        yield i
        i += 1
""",
        """
import itertools
assert list(count(3)) == [(0, "0"), (1, "1"), (2, "2")]
assert list(itertools.islice(forever(), 4)) == [0, 1, 2, 3]
numbers = forever()
assert next(numbers) == 0 and next(numbers) == 1
assert dict(zip("ab", forever())) == {"a": 0, "b": 1}
assert list(count(0)) == [] and next(count(0), None) is None
""",
    ),
    "iterators of the library are given back": (
        """
def pairs(items):
    return zip(items, items[1:])
def doubled(items):
    return map(lambda x: 2 * x, items)
def backwards(items):
    return reversed(items)
def keys(mapping):
    return mapping.keys()
""",
        """
assert list(pairs([1, 2, 3])) == [(1, 2), (2, 3)]
assert sum(doubled([1, 2])) == 6
assert "".join(backwards("abc")) == "cba"
assert sorted(keys({"b": 1, "a": 2})) == ["a", "b"]
assert set(doubled(range(3))) == {0, 2, 4}
""",
    ),
    "functions are passed as arguments": (
        """
def apply(function, items):
    return [function(item) for item in items]
def best(items, key):
    return max(items, key=key)
def compose(*functions):
    def composed(x):
        for function in functions:
            x = function(x)
        return x
    return composed
""",
        """
assert apply(lambda x: x * x, [1, 2, 3]) == [1, 4, 9]
assert best(["aa", "b"], key=len) == "aa"
assert compose(str, len)(100) == 3
assert compose(lambda x: x + 1, lambda x: x * 2)(3) == 8
calls = []
apply(calls.append, "ab")
assert calls == ["a", "b"]
""",
    ),
    "a passed function raises": (
        """
def careful(function):
    try:
        return function(0)
    except ZeroDivisionError:
        return "by zero"
def careless(function):
    return function("x")
""",
        """
assert careful(lambda x: 1 // x) == "by zero"
try:
    careless(int)
except ValueError as error:
    assert "invalid literal" in str(error)
else:
    assert False
""",
    ),
    "the test builds objects of the program's classes": (
        """
class Node:
    def __init__(self, data):
        self.data = data
        self.left = None
        self.right = None
def height(root):
    return 0 if root is None else 1 + max(height(root.left), height(root.right))
def is_balanced(root):
    if root is None:
        return True
    return abs(height(root.left) - height(root.right)) <= 1 and is_balanced(root.left) and is_balanced(root.right)
""",
        """
assert is_balanced(root) == True
root.left.left.left = Node(9)
assert is_balanced(root) == False
assert root.left.data == 2 and root.right.left is None
""",
        """
root = Node(1)
root.left = Node(2)
root.right = Node(3)
root.left.left = Node(4)
""",
    ),
    "an object keeps its state between calls": (
        """
class Stack:
    limit = 3
    def __init__(self, items=()):
        self.items = list(items)
    def push(self, item):
        if len(self.items) == self.limit:
            raise OverflowError("stack is full")
        self.items.append(item)
        return self
    def pop(self):
        return self.items.pop()
    def __len__(self):
        return len(self.items)
    def __getitem__(self, place):
        return self.items[place]
    def __setitem__(self, place, item):
        self.items[place] = item
    def __contains__(self, item):
        return item in self.items
    @property
    def top(self):
        return self.items[-1]
    @classmethod
    def of(cls, *items):
        return cls(items)
    @staticmethod
    def name():
        return "stack"
""",
        """
stack = Stack()
assert stack.push(1).push(2).pop() == 2
assert len(stack) == 1 and stack.top == 1 and stack[0] == 1
stack[0] = 5
assert stack.items == [5]
assert Stack.of(1, 2).items == [1, 2] and Stack.name() == "stack" and Stack.limit == 3
assert list(Stack.of(1, 2)) == [1, 2] and Stack.of(1, 2)[-1:] == [2]
stack.items = [1, 2, 3]
try:
    stack.push(4)
    assert False, "no error"
except OverflowError as error:
    assert str(error) == "stack is full"
""",
    ),
    "an object can be called, iterated and written": (
        """
class Bag:
    def __init__(self, *items):
        self.items = items
    def __iter__(self):
        return iter(self.items)
    def __call__(self, factor):
        return [factor * item for item in self.items]
    def __str__(self):
        return "Bag" + str(self.items)
""",
        """
bag = Bag(1, 2)
assert bag(2) == [2, 4] and list(bag) == [1, 2]
assert str(bag) == "Bag(1, 2)" and f"{bag}!" == "Bag(1, 2)!"
""",
    ),
    "errors are expected": (
        """
def look(mapping, key):
    return mapping[key]
def check(age):
    if age < 0:
        raise ValueError("age must not be negative", age)
    return age
def stop():
    raise StopIteration(5)
""",
        """
try:
    look({}, "missing")
    assert False
except KeyError as error:
    assert error.args == ("missing",) and str(error) == "'missing'"
try:
    check(-1)
    assert False
except ValueError as error:
    assert error.args[0] == "age must not be negative" and error.args[1] == -1
try:
    check("x")
    assert False
except TypeError as error:
    assert "not supported between" in str(error)
try:
    look([], 0)
    assert False
except LookupError:
    pass
""",
    ),
    "the program has errors of its own": (
        """
class NotEnough(ValueError):
    def __init__(self, missing):
        super().__init__(f"{missing} are missing")
        self.missing = missing
def pay(price, cash):
    if cash < price:
        raise NotEnough(price - cash)
    return cash - price
""",
        """
assert pay(1, 2) == 1
try:
    pay(3, 1)
    assert False, "no error"
except ValueError as error:
    assert str(error) == "2 are missing"
""",
    ),
    "an error that the test does not expect": ("def f(x):\n    return [1][x]\n", "assert f(1) == 0\n"),
    "an error of its own that the test does not expect": (
        "class Odd(Exception):\n    pass\ndef f(x):\n    raise Odd('so odd')\n",
        "assert f(1) == 0\n",
    ),
    "dataclasses that compare among themselves": (
        """
from __future__ import annotations
from dataclasses import dataclass
@dataclass(order=True, frozen=True)
class Version:
    major: int
    minor: int = 0
    def bumped(self) -> Version:
        return Version(self.major, self.minor + 1)
def newest(versions):
    return max(Version(*version) for version in versions).major
def same():
    return Version(1) == Version(1, 0) and len({Version(1), Version(1)}) == 1
""",
        "assert newest([(1, 5), (2,)]) == 2 and same()\nassert Version(1).bumped().minor == 1\n",
    ),
    "inheritance, abstract classes and protocols": (
        """
from abc import ABC, abstractmethod
class Shape(ABC):
    @abstractmethod
    def area(self): ...
class Square(Shape):
    def __init__(self, side):
        self.side = side
    def area(self):
        return self.side ** 2
def total(shapes):
    return sum(shape.area() for shape in shapes)
""",
        """
assert total([Square(1), Square(2)]) == 5
try:
    Shape()
    assert False
except TypeError as error:
    assert "abstract" in str(error)
""",
    ),
    "its own objects are compared": (
        """
class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return self.x == other.x
    def __hash__(self):
        return self.x
""",
        "assert Point(1) == Point(1)\n",
    ),
    "an object of its own is asked whether it holds something": (
        "class Bag:\n    def __contains__(self, item):\n        return True\n",
        "assert 1 in Bag()\n",
    ),
    "an object is of a class of its own": (
        "class Node:\n    pass\n",
        "assert isinstance(Node(), Node)\n",
    ),
    "an error of its own is expected by name": (
        "class Odd(Exception):\n    pass\ndef f():\n    raise Odd\n",
        "try:\n    f()\nexcept Odd:\n    pass\n",
    ),
    "an object of its own is entered": (
        "class Lock:\n    def __enter__(self):\n        return self\n    def __exit__(self, *error):\n        pass\n",
        "with Lock():\n    pass\n",
    ),
    "a tuple keeps the names of its fields": (
        "from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\n",
        "assert Point(1, 2).x == 1\n",
    ),
    "a dictionary keeps its default": (
        "from collections import defaultdict\ndef f():\n    return defaultdict(int)\n",
        "assert f()['missing'] == 0\n",
    ),
}
