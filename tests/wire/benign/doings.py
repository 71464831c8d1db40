"""What programs do while they run."""

from tests.wire.benign import Programs

DOINGS: Programs = {
    "it prints, and much": (
        """
print("loading", end="")
def talk(n):
    for i in range(n):
        print("x" * 1000, i)
    return n
""",
        "assert talk(500) == 500\n",
    ),
    "it reads input where there is none": (
        "def ask():\n    return input('name? ')\n",
        "try:\n    ask()\n    assert False, 'no error'\nexcept EOFError:\n    pass\n",
    ),
    "it reads standard input to its end": (
        "import sys\ndef rest():\n    return sys.stdin.read().splitlines()\n",
        "assert rest() == []\n",
    ),
    "it remembers what was called before": (
        """
calls = 0
seen = []
def count(x):
    global calls
    calls += 1
    seen.append(x)
    return calls
def default(x, into=[]):
    into.append(x)
    return into
""",
        """
assert [count("a"), count("b")] == [1, 2]
assert default(1) == [1] and default(2) == [1, 2] and default(3, []) == [3]
assert seen == ["a", "b"]
""",
    ),
    "defaults, keywords, stars and annotations": (
        """
from __future__ import annotations
from typing import Optional, Union
def f(a, b=2, *rest, c: Optional[int] = None, **others) -> Union[int, list[str]]:
    return [a, b, rest, c, others]
""",
        """
assert f(1) == [1, 2, (), None, {}]
assert f(1, 3, 4, 5, c=6, d=7) == [1, 3, (4, 5), 6, {"d": 7}]
assert f(*[1, 2], **{"c": 3}) == [1, 2, (), 3, {}]
try:
    f()
    assert False
except TypeError as error:
    assert "missing 1 required positional argument: 'a'" in str(error)
""",
    ),
    "it recurses 900 deep": (
        "def depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)\n",
        "assert depth(900) == 900\n",
    ),
    "it recurses too deep": (
        "def depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)\n",
        "assert depth(10_000) == 10_000\n",
    ),
    "it raises the limit of recursion": (
        "import sys\nsys.setrecursionlimit(10_000)\ndef depth(n):\n    return 0 if n == 0 else 1 + depth(n - 1)\n",
        "assert depth(5_000) == 5_000\n",
    ),
    "it has decorators and caches": (
        """
import functools
def twice(function):
    @functools.wraps(function)
    def wrapped(*arguments):
        return 2 * function(*arguments)
    return wrapped
@twice
def one(x):
    return x
@functools.lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
add_five = functools.partial(lambda a, b: a + b, 5)
""",
        """
assert one(2) == 4 and one.__name__ == "one"
assert fibonacci(200) == 280571172992510140037611932413038677189525
assert add_five(1) == 6
fibonacci.cache_clear()
""",
    ),
    "it has a main part": (
        """
def f():
    return 1
if __name__ == "__main__":
    print(f())
    raise SystemExit("not imported")
""",
        "assert f() == 1\n",
    ),
    "it runs threads": (
        """
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
def squares(n):
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(lambda x: x * x, range(n)))
def total(n):
    done, lock = queue.Queue(), threading.Lock()
    def put(i):
        with lock:
            done.put(i)
    threads = [threading.Thread(target=put, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done.get() for _ in range(n))
""",
        "assert squares(5) == [0, 1, 4, 9, 16] and total(8) == 28\n",
    ),
    "it runs coroutines": (
        """
import asyncio
async def double(x):
    await asyncio.sleep(0)
    return 2 * x
def gathered(items):
    async def all_of_them():
        return await asyncio.gather(*map(double, items))
    return asyncio.run(all_of_them())
""",
        "assert gathered([1, 2]) == [2, 4] and gathered([]) == []\n",
    ),
    "it writes and reads files": (
        """
import csv, io, os, tempfile
from pathlib import Path
def kept(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a", "b.txt")
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
        found = path.read_text(encoding="utf-8"), sorted(each.name for each in Path(folder).iterdir())
    return *found, path.exists()
def beside(lines):
    with open("beside.txt", "w") as file:
        file.writelines(lines)
    with open("beside.txt") as file:
        found = file.readlines()
    os.remove("beside.txt")
    return found
def table(rows):
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()
""",
        """
assert kept("\\u2603") == ("\\u2603", ["a"], False)
assert beside(["a\\n", "b\\n"]) == ["a\\n", "b\\n"]
assert table([[1, "a,b"]]) == '1,"a,b"\\r\\n'
""",
    ),
    "it looks for what is not there": (
        """
import os
def exists(path):
    return os.path.exists(path)
def read(path):
    return open(path).read()
""",
        """
assert not exists("missing.txt")
try:
    read("missing.txt")
    assert False
except FileNotFoundError as error:
    assert "missing.txt" in str(error)
""",
    ),
    "it copies and pickles what is its own": (
        """
import copy, json, pickle
class Own:
    def __init__(self, items):
        self.items = items
def pickled(items):
    return pickle.loads(pickle.dumps(Own(items))).items
def copied(items):
    shallow, deep = copy.copy(items), copy.deepcopy(items)
    items[0].append(1)
    return shallow, deep
def written(value):
    return json.loads(json.dumps(value, sort_keys=True))
""",
        """
assert pickled([1, {2}]) == [1, {2}]
assert copied([[0]]) == ([[0, 1]], [[0]])
assert written({"b": [1.5, None], "a": True}) == {"a": True, "b": [1.5, None]}
""",
    ),
    "it draws random numbers from a seed": (
        """
import random
def drawn(seed):
    random.seed(seed)
    own = random.Random(seed)
    return random.randint(0, 10**9), own.sample(range(100), 3), [random.choice("abc") for _ in range(3)]
""",
        """
import random
random.seed(5)
number = random.randint(0, 10**9)
first = drawn(5)
assert first == drawn(5) != drawn(6) and first[0] == number
""",
    ),
    "it draws random numbers without one": (
        "import random\ndef draw():\n    return random.random()\n",
        "assert 0 <= draw() < 1 and draw() != draw()\n",
    ),
    "it depends on the order of a set": (
        "def order():\n    return list({'ab', 'cd', 'ef', 'gh', 'ij', 'kl'})\ndef number():\n    return hash('octo')\n",
        """
assert sorted(order()) == ["ab", "cd", "ef", "gh", "ij", "kl"]
assert order() == [], f"{order()} {number()}"
""",
    ),
    "it sorts stably, with heaps, bisection and patterns": (
        """
import bisect, heapq, itertools, re, string
def by_length(words):
    return sorted(words, key=len)
def smallest(items, n):
    heapq.heapify(items)
    return [heapq.heappop(items) for _ in range(n)]
def dates(text):
    return [(match.group(1), match.span()) for match in re.finditer(r"(\\d{4})-\\d\\d", text)]
def match(text):
    return re.match(r"(?P<key>\\w+)=(.*)", text)
def runs(text):
    return [(key, len(list(group))) for key, group in itertools.groupby(text)]
def place(items, x):
    return bisect.bisect_left(items, x), string.ascii_lowercase[:3]
""",
        """
assert by_length(["bb", "a", "aa", "b"]) == ["a", "b", "bb", "aa"]
items = [5, 1, 4]
assert smallest(items, 2) == [1, 4] and items == [5]
assert dates("on 2024-02 or 1999-12") == [("2024", (3, 10)), ("1999", (14, 21))]
assert match("a=b").group("key") == "a" and match("a=b").groups() == ("a", "b") and match("=") is None
assert runs("aab") == [("a", 2), ("b", 1)]
assert place([1, 3], 2) == (1, "abc")
""",
    ),
    "it gives back very much": (
        """
def big(n):
    return ["x" * 100] * n
def deep(n):
    found = []
    for _ in range(n):
        found = [found]
    return found
""",
        "assert len(big(10_000)) == 10_000 and big(2) == ['x' * 100] * 2\nassert deep(50) != deep(49)\n",
    ),
    "it is handed very much": (
        "def total(items):\n    return sum(items)\ndef most(text):\n    return max(set(text), key=text.count)\n",
        """
assert total(list(range(100_000))) == 4999950000 and total(range(10)) == 45
assert most("ab" * 50_000 + "a") == "a"
""",
    ),
    "it changes what it is handed by name": (
        "def sort(items, reverse=False):\n    items.sort(reverse=reverse)\n",
        "values = [2, 3, 1]\nsort(items=values, reverse=True)\nassert values == [3, 2, 1]\n",
    ),
    "it is called very often": (
        "def even(n):\n    return n % 2 == 0\n",
        "assert [n for n in range(2_000) if even(n)] == list(range(0, 2_000, 2))\n",
    ),
    "it is called from helpers, comprehensions and classes of the test": (
        "def f(x):\n    return x + 1\n",
        """
class Checks:
    def check(self, given, expected):
        assert f(given) == expected, (given, expected)
def helper(n):
    return [f(x) for x in range(n)]
Checks().check(1, 2)
assert helper(2) == [1, 2] and (lambda: f(2))() == 3 and list(map(f, [1])) == [2]
assert "f" in globals() or callable(f)
""",
    ),
    "the test has a helper and a name of its own for the program's": (
        "def helper(x):\n    return 'program'\ndef solve(x):\n    return helper(x)\n",
        "candidate = solve\nassert helper(1) == 'program' and candidate(1) == 'program'\n",
    ),
}
