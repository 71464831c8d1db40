"""Attacks on the verdict: lying about equality, leaving early, raising what is odd, going on after the end."""

import pytest

from octo.sandbox.verdicts import Outcome, Task
from tests.wire.escapes import NEEDS_LAYERS, PAIR, WORKER, Target, stopped_by

pytestmark = NEEDS_LAYERS


LIAR = """
class Liar:
    def agree(self, *_): return True
    def one(self, *_): return 1
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __contains__ = __instancecheck__ = agree
    def __ne__(self, other): return False
    __len__ = __hash__ = __int__ = __index__ = __abs__ = __round__ = __sub__ = __rsub__ = __add__ = one
    def __float__(self): return 1.0
    def __str__(self): return "1"
    __repr__ = __format__ = __str__
    __class__ = property(lambda self: int)
    def __iter__(self): return iter([self])
    def __getattr__(self, name): return self
    def __call__(self, *_): return self
def attack(): return Liar()
"""


@pytest.mark.parametrize(
    "test",
    [
        "attack() == 1",
        "1 == attack()",
        "not attack() != 1",
        "attack() >= 1",
        "attack()",
        "not not attack()",
        "attack() is True",
        "attack() in (1, 2)",
        "1 in attack()",
        "{attack(), 1} == {1}",
        "{1: 'x'}[attack()]",
        "[attack()] == [1]",
        "list(attack()) == [1]",
        "abs(attack() - 1) < 1e-9",
        "round(attack()) == 1",
        "max(attack(), 1) == 1",
        "isinstance(attack(), int)",
        "type(attack()) is int",
        "attack().value == 1",
        "attack()() == 1",
        "all(x == 1 for x in attack())",
        "issubclass(int, attack())",
        "any(map(lambda x: x, attack()))",
        "__import__('math').isclose(attack(), 1)",
    ],
)
@stopped_by(PAIR)
def test_an_object_that_equals_everything_equals_nothing(target: Target, test: str) -> None:
    assert target.verdict(LIAR, f"assert {test}").outcome in {Outcome.ERROR, Outcome.FAIL}


@pytest.mark.parametrize("hidden", ["[{}]", "({},)", "{{'x': {}}}", "{{{}}}", "[[[{}]]]", "collections.deque([{}])"])
@stopped_by(PAIR)
def test_it_equals_nothing_inside_of_data_either(target: Target, hidden: str) -> None:
    found = target.verdict(
        f"import collections\n{LIAR}\ndef attack(): return {hidden.format('Liar()')}",
        f"import collections\nassert attack() == {hidden.format('1')}",
    )
    assert found.outcome in {Outcome.ERROR, Outcome.FAIL}


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("int", "0", "1"),
        ("float", "0.0", "1.0"),
        ("str", "'wrong'", "'right'"),
        ("bytes", "b'wrong'", "b'right'"),
        ("list", "[0]", "[1]"),
        ("tuple", "(0,)", "(1,)"),
        ("dict", "{0: 0}", "{1: 1}"),
        ("set", "{0}", "{1}"),
        ("complex", "0j", "1j"),
        ("fractions.Fraction", "0", "fractions.Fraction(1)"),
        ("decimal.Decimal", "0", "decimal.Decimal(1)"),
        ("collections.Counter", "'a'", "collections.Counter('b')"),
        ("datetime.timedelta", "0", "datetime.timedelta(1)"),
    ],
)
@stopped_by(PAIR)
def test_a_subclass_of_a_known_kind_arrives_as_what_it_is(target: Target, kind: str, wrong: str, right: str) -> None:
    modules = "import collections, datetime, decimal, fractions"
    found = target.verdict(
        f"""
        {modules}
        class Liar({kind}):
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def __hash__(self): return hash(1)
        def attack(): return Liar({wrong})
        """,
        f"{modules}\nassert attack() == {right}",
    )
    assert found.outcome is Outcome.FAIL


@pytest.mark.parametrize("where", ["", "def attack():\n    "])
@pytest.mark.parametrize(
    "leave",
    [
        "import sys; sys.exit(0)",
        "raise SystemExit",
        "quit()",
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "import threading; threading.Thread(target=os._exit, args=(0,)).start(); threading.Event().wait()",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "raise type('Own', (BaseException,), {})",
        "ctypes.CDLL(None).exit(0)",
        "ctypes.CDLL(None).syscall(ctypes.c_long(60), 0); os._exit(0)",
    ],
)
@stopped_by(PAIR)
def test_a_program_that_leaves_early_has_passed_nothing(target: Target, where: str, leave: str) -> None:
    found = target.verdict(where + leave)
    assert found.outcome is Outcome.ERROR
    assert "the program ended before it answered" in found.detail or "quit" in found.detail


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("AssertionError", Outcome.FAIL),
        ("AssertionError('pass')", Outcome.FAIL),
        ("type('AssertionError', (Exception,), {})", Outcome.ERROR),
        ("type('Own', (AssertionError,), {})", Outcome.FAIL),
        ("MemoryError", Outcome.ERROR),
        ("RecursionError", Outcome.ERROR),
        ("StopIteration('right')", Outcome.ERROR),
        ("ExceptionGroup('x', [ValueError()])", Outcome.ERROR),
        ("UnicodeDecodeError('x', b'', 0, 0, 'x')", Outcome.ERROR),
        ("SyntaxError('x', (1, 2, 3, 4))", Outcome.ERROR),
        ("ValueError('x' * 10**6)", Outcome.ERROR),
        ("Odd(0)", Outcome.ERROR),
        ("type('Odd', (Exception,), {'__str__': lambda self: os._exit(0)})", Outcome.ERROR),
        ("type('Odd', (Exception,), {'__str__': lambda self: 1})", Outcome.ERROR),
        ("type('Odd', (Exception,), {'args': property(lambda self: 1 / 0)})", Outcome.ERROR),
        ("type('x' * 10**6, (Exception,), {})", Outcome.ERROR),
    ],
)
@stopped_by(PAIR)
def test_an_exception_is_no_answer_however_odd(target: Target, error: str, outcome: Outcome) -> None:
    found = target.verdict(f"""
        class Odd(Exception):
            __str__ = __repr__ = lambda self: 1 / 0
        def attack():
            raise {error}
    """)
    assert found.outcome is outcome
    assert len(found.detail) < 1200


@stopped_by(WORKER)
def test_the_words_of_an_exception_can_be_written_down(target: Target) -> None:
    """Whoever writes verdicts to a file would fail at this one."""
    found = target.verdict("def attack(): raise ValueError('\\ud800')")
    assert found.detail.encode()


@stopped_by(PAIR)
def test_raising_what_ends_a_loop_does_not_end_a_loop_of_the_test(target: Target) -> None:
    found = target.verdict("def attack(x): raise StopIteration", "assert all(map(attack, [1, 2, 3]))")
    assert found.outcome is Outcome.ERROR


@stopped_by(PAIR)
def test_a_test_that_expects_an_exception_is_not_content_with_the_end(target: Target) -> None:
    test = "try:\n    attack()\nexcept Exception:\n    pass\nelse:\n    raise AssertionError"
    assert target.verdict("def attack(): os._exit(0)", test).outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "test",
    [
        "ok = False\ntry:\n    attack()\nexcept:\n    ok = True\nassert ok",
        "ok = False\ntry:\n    assert attack() == 1\nexcept BaseException:\n    ok = True\nassert ok",
        "def t():\n  r = []\n  try:\n    r.append(attack() == 1)\n  finally:\n    return all(r)\nassert t()",
        "import threading\nt = threading.Thread(target=lambda: attack() == 1)\nt.start()\nt.join()",
        "class A:\n    def __del__(self): attack() == 1\nA()",
    ],
)
@pytest.mark.parametrize("attack", ["def attack(): os._exit(0)", "def attack(): return object()"])
@stopped_by(PAIR)
def test_a_test_that_swallows_everything_does_not_swallow_the_end_nor_an_object(
    target: Target, attack: str, test: str
) -> None:
    outcome = target.verdict(attack, test).outcome
    # Nothing is wrong with an object that is asked nothing.
    assert outcome is Outcome.ERROR or ("object" in attack and "except:" in test and "==" not in test)


@stopped_by(PAIR)
def test_a_bare_object_is_of_no_kind_that_a_test_could_ask_for(target: Target) -> None:
    test = """
        from collections.abc import Callable, Iterable, Iterator, Sized
        found = attack()
        assert callable(found) or isinstance(found, Callable | Iterable | Iterator | Sized)
    """
    assert target.verdict("def attack(): return object()", test).outcome is Outcome.FAIL
    assert target.verdict("def attack(): return attack", test).outcome is Outcome.PASS


@pytest.mark.parametrize("name", ["math", "statistics", "copy", "re"])
@stopped_by(PAIR)
def test_a_module_that_the_test_forgot_to_import_is_not_the_programs(target: Target, name: str) -> None:
    liar = "staticmethod(lambda *a, **k: True)"
    found = target.verdict(
        f"class {name}:\n    isclose = mean = deepcopy = match = {liar}\ndef attack(): return 3",
        f"assert any(getattr({name}, n, str)(str(attack()), 'right') == True for n in ('isclose', 'match'))",
    )
    assert found.outcome in {Outcome.FAIL, Outcome.ERROR}


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("assert isclose(attack(1), 2)", "isclose"),
        ("assert np.array_equal(attack(1), [2])", "np"),
        ("assert attack(1) == Counter('ab')", "Counter"),
        ("with pytest.raises(ValueError):\n    attack(1)", "pytest"),
        ("assert approx(attack(1)) == 2", "approx"),
        ("assert attack(deepcopy([1])) == 2", "deepcopy"),
        ("with redirect_stdout(StringIO()) as out:\n    attack(1)\nassert out.getvalue() == 'right'", "StringIO"),
        ("assert attack(1) == ANY", "ANY"),
        ("TestCase().assertEqual(attack(1), 2)", "TestCase"),
        ("assert list(map(attack, [1])) == OrderedDict(a=1)", "OrderedDict"),
    ],
)
@stopped_by(PAIR)
def test_what_the_test_forgot_to_import_is_nobodys(target: Target, test: str, name: str) -> None:
    """An object that agrees to everything bears the name that would compare."""
    found = target.verdict(
        f"""
        class Agrees:
            def __eq__(self, other): return True
            def __getattr__(self, name): return self
            def __call__(self, *_, **__): return self
            def __enter__(self): return self
            def __exit__(self, *_): return True
        {name} = redirect_stdout = Agrees()
        def attack(x): return "wrong"
        """,
        test,
    )
    assert found.outcome is Outcome.ERROR
    assert "is not defined" in found.detail


@stopped_by(PAIR)
def test_a_declared_entry_point_is_the_only_name_that_a_program_answers_for(target: Target) -> None:
    program = "def attack(x): return 'wrong'\ndef same(a, b): return True"
    test = "assert same(attack(1), 2)"
    for points in (("attack",), ()):
        (found,) = target.sandbox.judge(Task(program, (test,), entry_points=points)).tests
        assert found.outcome is Outcome.ERROR
        assert "NameError" in found.detail


@pytest.mark.parametrize("late", ["return 'right'", "raise SystemExit", "raise ValueError", "return 'wrong'"])
@stopped_by(WORKER)
def test_nothing_runs_after_the_end(target: Target, late: str) -> None:
    """What was left for exit, for the last reference, for a signal: the process is killed before, at any end."""
    found = target.verdict(f"""
        import atexit, signal, threading, time, weakref
        def say(*_): os.write(1, b"late")
        class Final:
            __del__ = say
        final = Final()
        finalizer = weakref.finalize(final, say)
        atexit.register(say)
        signal.signal(signal.SIGTERM, say)
        threading._register_atexit(say)
        def attack():
            {late}
    """)
    assert found.outcome is {"return 'right'": Outcome.PASS, "return 'wrong'": Outcome.FAIL}.get(late, Outcome.ERROR)
    assert found.output == ""
