"""What plain execution passes and the sandbox must not.

The program would judge itself there; or only a copy reaches the test, of data without what is the program's own in it.
"""

from tests.wire.benign import Programs

DIFFERENT: Programs = {
    "its own objects are compared, and it would say how": (
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
    "an object of its own stands for true": (
        "class Found:\n    pass\ndef find():\n    return Found()\n",
        "assert find()\n",
    ),
    "an object of its own is asked whether it holds something": (
        "class Bag:\n    def __contains__(self, item):\n        return True\n",
        "assert 1 in Bag()\n",
    ),
    "objects of its own are added, and the difference to what is expected would be theirs to say": (
        "class Vector:\n    def __sub__(self, other):\n        return 0.0\n    __add__ = __sub__\n",
        "assert (Vector() + Vector()) is not None and abs(Vector() - 1.5) < 1e-6\n",
    ),
    "an object is of a class of its own": (
        "class Node:\n    pass\n",
        "assert isinstance(Node(), Node)\n",
    ),
    "an error of its own is expected by name": (
        "class Odd(Exception):\n    pass\ndef f():\n    raise Odd\n",
        "try:\n    f()\nexcept Odd:\n    pass\n",
    ),
    "what is read from an object is a copy": (
        "class Box:\n    def __init__(self):\n        self.items = []\n",
        "box = Box()\nbox.items.append(1)\nassert box.items == [1]\n",
    ),
    "an object of its own is entered": (
        "class Lock:\n    def __enter__(self):\n        return self\n    def __exit__(self, *error):\n        pass\n",
        "with Lock():\n    pass\n",
    ),
    "a tuple loses the names of its fields": (
        "from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\n",
        "assert Point(1, 2).x == 1\n",
    ),
    "a dictionary loses its default": (
        "from collections import defaultdict\ndef f():\n    return defaultdict(int)\n",
        "assert f()['missing'] == 0\n",
    ),
}
