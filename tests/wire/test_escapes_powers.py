"""Attacks with what the test hands over: powers of Python's, functions, classes, contexts, and what is believed."""

from textwrap import dedent

import pytest

from octo.sandbox.verdicts import Outcome, Task, Verdict, prints
from tests.wire.escapes import NEEDS_LAYERS, PAIR, Target, stopped_by

pytestmark = NEEDS_LAYERS


FORGES = """
import builtins
def agree(*_): return True
MEMBERS = {
    **{f"__{name}__": agree for name in ("eq", "le", "ge", "lt", "gt", "bool", "contains", "instancecheck")},
    "__hash__": lambda *_: 0,
    "__ne__": lambda *_: False,
}
def tried(function, *arguments, **named):
    try:
        return function(*arguments, **named)
    except Exception:
        return None
"""


@pytest.mark.parametrize(
    ("given", "use"),
    [
        ("type", "given('X', (), MEMBERS)()"),
        ("type", "given('X', (int,), MEMBERS)(0)"),
        ("type(type)", "given('X', (object,), MEMBERS)"),
        ("lambda *a: type(*a)", "given('X', (), MEMBERS)()"),
        ("lambda *a: type(*a)()", "given('X', (), MEMBERS)"),
        ("__import__('types').new_class", "given('X', exec_body=lambda ns: ns.update(MEMBERS))()"),
        ("__import__('dataclasses').make_dataclass", "given('X', [], namespace=MEMBERS)()"),
        ("__import__('enum').Enum", "given('X', {'A': 1})"),
        ("__import__('collections').namedtuple", "given('X', 'a')(1)"),
        ("eval", 'given(\'__import__("unittest.mock", fromlist=["ANY"]).ANY\')'),
        ("lambda code: eval(code)", 'given(\'__import__("unittest.mock", fromlist=["ANY"]).ANY\')'),
        ("lambda code: exec(code, globals())", "given('right = attack = \"wrong\"') or 'wrong'"),
        ("exec", "given('right = \"wrong\"') or 'wrong'"),
        ("compile", "given('1', 'x', 'eval')"),
        ("__import__", "given('unittest.mock').mock.ANY"),
        ("__import__('importlib').import_module", "given('unittest.mock').ANY"),
        ("globals", "given().update(right='wrong') or 'wrong'"),
        ("globals().update", "tried(given, right='wrong') or 'wrong'"),
        ("globals().__setitem__", "tried(given, 'right', 'wrong') or 'wrong'"),
        ("globals().setdefault", "tried(given, 'all', agree) or 'wrong'"),
        ("vars(__import__('builtins')).update", "tried(given, isinstance=agree, all=agree, str=agree) or 'wrong'"),
        ("__import__('sys').modules.update", "tried(given, math=agree) or 'wrong'"),
        ("setattr", "tried(given, builtins, 'all', agree) or 'wrong'"),
        ("object.__setattr__", "tried(given, given, '__class__', int) or 'wrong'"),
        ("__import__('functools').partial(setattr, __import__('math'))", "tried(given, 'isclose', agree) or 'wrong'"),
        ("__import__('operator').setitem", "tried(given, {}, 'a', 1) or 'wrong'"),
        ("__import__('operator').methodcaller('__eq__', 'right')", "given"),
        ("__import__('unittest.mock').mock.Mock()", "tried(given.configure_mock, __eq__=agree) or given"),
        ("object()", "given"),
        ("type('Meta', (type,), {'__module__': 'test'})", "tried(given, 'X', (), MEMBERS)"),
        ("__import__('pickle').loads", "tried(given, b'cbuiltins\\neval\\n.') or 'wrong'"),
        ("lambda data: __import__('pickle').loads(data)", "given(b'cbuiltins\\nall\\n.')"),
        ("lambda o, n, v: setattr(o, n, v)", "tried(given, given, '__code__', agree) or given"),
        ("lambda: (lambda *a, **k: None)", "given()"),
        ("print", "given('right') or 'wrong'"),
        ("getattr", "tried(given, given, '__self__') or 'wrong'"),
        ("[].append", "given(agree) or 'wrong'"),
        ("Point", "given('wrong', 'wrong')"),
        ("property", "given(agree)"),
        ("super", "tried(given) or 'wrong'"),
        ("classmethod", "given(agree)"),
    ],
)
@stopped_by(PAIR)
def test_a_power_that_the_test_hands_over_forges_nothing(target: Target, given: str, use: str) -> None:
    """The answer is wrong whatever is done with what was handed over, and whatever it is made into."""
    setup = """
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __eq__(self, other):
        return isinstance(other, Point) and (self.x, self.y) == (other.x, other.y)
"""
    found = target.verdict(
        f"{FORGES}\ndef attack(given):\n    return {use}",
        f"right = 'right'\nfound = attack({given})\nassert found == right and right == 'right' and not all([0])",
        setup=setup,
    )
    assert found.outcome in {Outcome.FAIL, Outcome.ERROR}
    wanted = target.verdict(
        f"{FORGES}\ndef attack(given):\n    return {use}",
        f"right = Point('a', 'b')\nfound = attack({given})\nassert found == right",
        setup=setup,
    )
    assert wanted.outcome in {Outcome.FAIL, Outcome.ERROR}


@pytest.mark.parametrize(
    "test",
    [
        "assert attack() == 1",
        "assert not attack() != 1",
        "assert attack() in (1, 2)",
        "assert [attack()] == [1]",
        "assert {'a': attack()} == {'a': 1}",
        "assert attack() <= 1 <= attack()",
        "assert abs(attack() - 1) < 1e-9",
        "assert attack() - 1 == 0",
        "assert 1 - attack() == 0",
        "assert attack() ^ 1 == 0",
        "assert attack() / 1 == 1.0 and attack() % 1 == 0",
        "import math\nassert math.isclose(attack(), 1)",
        "assert max(attack(), 1) == 1",
        "import unittest\nunittest.TestCase().assertEqual(attack(), 1)",
        "import unittest\nunittest.TestCase().assertAlmostEqual(attack(), 1.0)",
    ],
)
@stopped_by(PAIR)
def test_an_object_is_not_believed_about_data_even_where_the_test_has_named_its_class(
    target: Target, test: str
) -> None:
    """It would be told what is expected, and say that there is no difference."""
    program = """
        class Liar:
            def agree(self, *_): return True
            __eq__ = __le__ = __ge__ = __lt__ = __gt__ = __bool__ = agree
            __ne__ = lambda self, other: False
            __sub__ = __rsub__ = __mod__ = __xor__ = lambda self, other: 0
            __truediv__ = lambda self, other: 1.0
            __hash__ = lambda self: hash(1)
        attack = Liar
    """
    found = target.verdict(program, f"assert Liar\n{test}")
    assert found.outcome in {Outcome.FAIL, Outcome.ERROR}
    assert target.verdict(program, test).outcome in {Outcome.FAIL, Outcome.ERROR}


@stopped_by(PAIR)
def test_what_rests_on_the_programs_word_says_so_and_need_not_count(target: Target) -> None:
    """Objects of a class that the test has named are compared among themselves, by their own methods, over there."""
    program = (
        "class Box:\n    def __init__(self, x): self.x = x\n    __eq__ = __lt__ = __contains__ = lambda *_: True\n"
    )
    for test, word in [
        ("assert Box(1) == Box(2)", "=="),
        ("assert Box(1) < Box(2)", "<"),
        ("assert 5 in Box(1)", "in"),
        ("assert Box(1)", "bool"),
    ]:
        verdict: Verdict = target.sandbox.judge(Task(program, (test,)))
        assert (verdict.passed, verdict.tests[0].word, verdict.on_its_word) == (True, (word,), True)
        assert not verdict.strict().passed
        assert word in verdict.strict().tests[0].detail
    plain = target.sandbox.judge(Task(program, ("assert Box(1).x == 1 and isinstance(Box(2), Box)",)))
    assert plain.strict() == plain
    assert plain.passed


@pytest.mark.parametrize(
    "body",
    ["assert found == 'right'", "raise KeyError", "found['missing']", "found.nothing", "1 / 0", "raise SystemExit"],
)
@pytest.mark.parametrize("known", ["", "assert Swallows\n"])
@stopped_by(PAIR)
def test_a_context_takes_no_failure_of_the_test_upon_itself(target: Target, body: str, known: str) -> None:
    program = """
        class Swallows:
            def __enter__(self): return {}
            def __exit__(self, *_): return True
        def attack(): return Swallows()
    """
    found = target.sandbox.judge(
        Task(f"import os\n{dedent(program)}", (f"{known}with attack() as found:\n    {body}",))
    )
    ends = "assert" in body or not known or "SystemExit" in body
    assert found.tests[0].outcome in ({Outcome.FAIL, Outcome.ERROR} if ends else {Outcome.PASS})
    assert not found.strict().passed


@pytest.mark.parametrize(
    "raised",
    [
        "StopIteration('right')",
        "type('Own', (StopIteration,), {})('right')",
        "type('Own', (StopAsyncIteration,), {})('right')",
        "type('Own', (ValueError,), {'__eq__': lambda *_: True, '__class__': StopIteration})('right')",
    ],
)
@stopped_by(PAIR)
def test_an_error_of_the_programs_own_ends_no_loop_of_the_test(target: Target, raised: str) -> None:
    program = f"def attack(x):\n    raise {raised}"
    assert target.verdict(program, "assert all(map(attack, [1, 2]))").outcome is Outcome.ERROR
    assert target.verdict(program, "assert [*map(attack, [1])] == []").outcome is Outcome.ERROR


@pytest.mark.parametrize(
    ("answer", "test"),
    [
        ("type('int', (), {'__eq__': lambda *_: True})()", "type(attack()) is int"),
        ("type('X', (), {'__class__': property(lambda self: int)})()", "isinstance(attack(), int)"),
        ("type('M', (type,), {'__instancecheck__': lambda *_: True})('X', (), {})", "isinstance(1, attack())"),
        ("type('M', (type,), {'__subclasscheck__': lambda *_: True})('X', (), {})", "issubclass(int, attack())"),
        ("type('M', (type,), {'__eq__': lambda *_: True, '__hash__': lambda _: 0})('X', (), {})", "attack() == int"),
        ("type('generator', (), {'__next__': lambda self: 1})()", "list(attack()) == []"),
        ("type('X', (int,), {'__eq__': lambda *_: True, '__sub__': lambda *_: 0})(5)", "attack() - 1 == 0"),
        ("type('X', (int,), {'__eq__': lambda *_: True, '__bool__': lambda *_: True})(0)", "attack()"),
        ("type('X', (str,), {'__len__': lambda *_: 3, '__eq__': lambda *_: True})('')", "len(attack()) == 3"),
        ("type('X', (tuple,), {'__iter__': lambda *_: iter([1]), '__eq__': lambda *_: True})()", "[*attack()] == [1]"),
        ("type('X', (list,), {'__eq__': lambda *_: True})([0])", "attack() == [1]"),
        ("type('X', (dict,), {'__eq__': lambda *_: True, '__getitem__': lambda *_: 1})()", "attack() == {'a': 1}"),
        ("type('X', (set,), {'__eq__': lambda *_: True, '__le__': lambda *_: True})({0})", "attack() == {1}"),
        ("type('X', (list,), {'__add__': lambda *_: [1]})()", "attack() + [2] == [1]"),
        ("type('X', (), {'__reduce__': lambda *_: (int, (0,))})()", "__import__('copy').copy(attack()) == 1"),
        ("type('X', (), {'__deepcopy__': lambda *_: 1})()", "__import__('pickle').dumps(attack())"),
        ("(x for x in [type('X', (), {'__eq__': lambda *_: True})()])", "list(attack()) == [1]"),
        ("{type('X', (), {'__eq__': lambda *_: True, '__hash__': lambda *_: hash(1)})()}", "attack() == {1}"),
        ("__import__('collections').defaultdict(lambda: attack, {})", "attack()['x'] == 1"),
        ("__import__('types').SimpleNamespace(x=type('X', (), {'__eq__': lambda *_: True})())", "attack().x == 1"),
        ("__import__('pathlib').Path('wrong')", "str(attack()) == 'right'"),
    ],
)
@stopped_by(PAIR)
def test_a_class_of_the_programs_making_lies_in_vain(target: Target, answer: str, test: str) -> None:
    found = target.verdict(f"def attack(): return {answer}", f"assert {test}")
    assert found.outcome in {Outcome.FAIL, Outcome.ERROR}


@pytest.mark.parametrize(
    ("answer", "test"),
    [
        ("np.array([Liar()], dtype=object)", "(attack() == np.array([1], dtype=object)).all()"),
        ("np.array([Liar()], dtype=object)", "attack().tolist() == [1]"),
        ("type('A', (np.ndarray,), {'__eq__': lambda *_: True})((1,))", "np.array_equal(attack(), [1])"),
        ("type('A', (np.ndarray,), {'__eq__': lambda *_: np.True_})((1,))", "(attack() == np.ones(1)).all()"),
        ("type('F', (np.float64,), {'__eq__': lambda *_: True})(0)", "attack() == 1.0"),
        ("type('F', (np.float64,), {'__sub__': lambda *_: 0.0})(0)", "abs(attack() - 1.0) < 1e-9"),
        ("type('A', (), {'__array__': lambda *_, **__: np.ones(1)})()", "np.allclose(attack(), [2])"),
        ("np.ma.masked_array([1], mask=[True])", "np.array_equal(attack(), [2])"),
        ("np.zeros(1).view(np.recarray)", "np.array_equal(attack(), [1])"),
        ("np.array([0.0])", "np.array_equal(attack(), [1.0])"),
    ],
)
@stopped_by(PAIR)
def test_arrays_hold_no_more_than_what_they_hold(target: Target, answer: str, test: str) -> None:
    pytest.importorskip("numpy")
    target.sandbox.judge(Task("import numpy", ("f",)))
    found = target.verdict(
        f"import numpy as np\nclass Liar:\n    __eq__ = lambda *_: True\ndef attack(): return {answer}",
        f"import numpy as np\nassert {test}",
    )
    assert found.outcome in {Outcome.FAIL, Outcome.ERROR}


@pytest.mark.parametrize(
    "program",
    [
        "print('wrong')",
        "print('right')\nraise ValueError",
        "print('right')\nimport sys\nsys.exit(1)",
        "import os\nos.write(1, b'right')\nos.kill(os.getpid(), 9)",
        "import sys\nsys.stdout = type('S', (), {'write': lambda *_: 5, 'flush': lambda *_: None})()\nprint('right')",
        "import octo.sandbox.inside.printing as p\np.same_output = lambda *_: True\nprint('wrong')",
        "import builtins\nbuiltins.AssertionError = ZeroDivisionError\nprint('wrong')",
        "import atexit\natexit.register(lambda: print('right'))",
        "print('right right')",
        "print('right\\n\\nright')",
        "pass",
        "x = (",
    ],
)
@stopped_by(PAIR)
def test_a_program_that_prints_is_judged_by_what_it_prints(target: Target, program: str) -> None:
    (found,) = target.sandbox.judge(Task(program, (prints("given", "right"),))).tests
    assert found.outcome in {Outcome.FAIL, Outcome.ERROR}
    assert target.honest().outcome is Outcome.PASS


def _x(program: str) -> str:
    from textwrap import dedent  # noqa: PLC0415 - beside its only use

    return dedent(program)
