"""What plain execution passes and the sandbox must not.

The program would judge itself there; or only a copy reaches the test, of data without what is the program's own in it.
"""

from tests.wire.benign import Programs

DIFFERENT: Programs = {
    "an object of its own stands for true": (
        "class Found:\n    pass\ndef find():\n    return Found()\n",
        "assert find()\n",
    ),
    "objects of its own are added, and the difference to what is expected would be theirs to say": (
        "class Vector:\n    def __sub__(self, other):\n        return 0.0\n    __add__ = __sub__\n",
        "assert (Vector() + Vector()) is not None and abs(Vector() - 1.5) < 1e-6\n",
    ),
    "what is read from an object is a copy": (
        "class Box:\n    def __init__(self):\n        self.items = []\n",
        "box = Box()\nbox.items.append(1)\nassert box.items == [1]\n",
    ),
}
