"""Which names of a test are its own, and which it takes from elsewhere."""

import pytest

from octo.sandbox.names import asked_names, bound_names, free_names


@pytest.mark.parametrize(
    ("source", "free"),
    [
        ("assert close(area(1), 3.1)", {"close", "area"}),
        ("import numpy as np\nassert np.all(f(1))", {"f"}),
        ("def check():\n    np = 1\nassert np.all(f(1))", {"np", "f"}),
        ("for each in cases:\n    assert f(*each)", {"cases", "f"}),
        ("assert [g(x) for x in xs] == sorted(ys, key=lambda y: rank(y))", {"g", "xs", "ys", "rank", "sorted"}),
        ("try:\n    f()\nexcept Odd as error:\n    print(error)", {"f", "Odd", "print"}),
        ("def outer():\n    global K\n    K = f()\nouter()\nassert K", {"f"}),
        ("class T(Base):\n    limit = 3\n    def t(self):\n        return self.limit + extra", {"Base", "extra"}),
        ("from math import *\nassert isclose(sqrt(4), f(4))", {"f"}),
        ("if (n := f(1)) > 1:\n    assert n", {"f"}),
        ("match f(1):\n    case Point(x=1):\n        pass", {"f", "Point"}),
        ("@deco\ndef g(x: Kind) -> Other:\n    return x", {"deco", "Kind", "Other"}),
    ],
)
def test_a_name_is_free_where_nothing_in_its_scope_gives_it_a_meaning(source: str, free: set[str]) -> None:
    assert free_names(source) == free


def test_names_are_bound_for_what_comes_after_by_the_outermost_scope_and_by_global_statements() -> None:
    source = "import os.path\nx: int = 1\ndef f():\n    global y\n    y = z = 2\nclass A:\n    inner = 1"
    assert bound_names(source) == {"os", "x", "f", "y", "A"}


def test_what_a_setup_gives_is_asked_of_nobody_and_what_it_lacks_is() -> None:
    setup = "from copy import deepcopy\ndef same(a, b):\n    return isclose(a, b)\nroot = Node(1)"
    assert asked_names(("assert same(f(deepcopy(root)), 2)", "assert max(1, f(0)) == math.pi"), setup) == {
        "isclose",
        "Node",
        "f",
    }


def test_of_what_is_no_python_nothing_is_asked() -> None:
    assert asked_names(("f(", "assert g(1)"), "") == {"g"}
