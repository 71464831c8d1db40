import pytest

from octo.data.code_problems import CodeProblem, checked, imports_of, names_of, problem_of
from octo.errors import InputError

QUESTION = "Write f(x) that doubles x.\n\nTest cases:\nassert f('a', (1, 2)) == \"aa\"\n"


def left(*tests: str, question: str = QUESTION, **fields: object) -> tuple[str, ...]:
    return checked(CodeProblem(style="fenced", tests=tests, **fields), question=question).tests


@pytest.mark.parametrize(
    "shown",
    [
        "assert f(1) == 2",
        "assert  f( 1 )==2  # the first",
        "assert (f(1) == 2)",
        "assert f(1) == 2, 'message'",
        "\nassert f(\n    1\n) == 2\n",
    ],
)
def test_trap_19_a_test_that_is_shown_does_not_score_however_it_is_written(shown: str) -> None:
    assert left("assert f(1) == 2", "assert f(3) == 6", shown_tests=(shown,)) == ("assert f(3) == 6",)


@pytest.mark.parametrize(
    "test", ["assert f('a', (1, 2)) == 'aa'", 'assert f("a", (1,2)) == "aa", "message"', "assert f('a',\n(1,2))=='aa'"]
)
def test_trap_19_a_test_that_the_question_shows_does_not_score_though_nobody_says_that_it_does(test: str) -> None:
    assert left(test, "assert f(3) == 6") == ("assert f(3) == 6",)


def test_a_problem_whose_every_test_is_shown_is_refused() -> None:
    with pytest.raises(InputError, match="none of its 1 tests can score: the question shows them"):
        left("assert f(1) == 2", shown_tests=("assert f(1) == 2",))


@pytest.mark.parametrize(
    "test", ["", "pass", "# nothing", "x = 1\nassert x == 1", "assert max(1, 2) == 2", "import math\nassert math.pi"]
)
def test_a_test_that_asks_nothing_of_a_program_does_not_score(test: str) -> None:
    with pytest.raises(InputError, match="they ask nothing of a program"):
        left(test)


def test_a_test_may_ask_through_the_setup() -> None:
    assert left("assert result == 4", setup="result = f(2)") == ("assert result == 4",)
    with pytest.raises(InputError, match="none of its 1 tests"):
        left("assert result == 4", setup="import math\nresult = math.pi")


def test_a_name_of_python_s_is_the_program_s_where_the_problem_says_so() -> None:
    tests = ("assert sum([1]) == 1", "assert f(2) == len('ab')")
    names = names_of(tests, solution="def sum(x): return 1\ndef max(x): pass\nf = 2")
    assert names == ("sum",)
    assert left(*tests, names=names) == tests


def test_a_module_that_the_solution_imports_is_python_s_and_one_that_it_defines_is_not() -> None:
    tests = ("assert math.isclose(f(1), copy(2))",)
    assert names_of(tests, solution="import math\ndef copy(x): return x\ndef f(x): return x") == ("copy",)
    with pytest.raises(InputError, match="none of its 1 tests"):
        left("assert math.isclose(1, 1)")


@pytest.mark.parametrize(
    ("test", "named"),
    [
        ("assert isclose(triple(1), 3.0)", "isclose"),
        ("assert np.allclose(triple(1), 3.0)", "np"),
        ("assert triple('ab') == Counter(a=3, b=3)", "Counter"),
        ("with pytest.raises(ValueError):\n    triple(None)", "pytest"),
        ("assert near(triple(1), 3)", "near"),
        ("def check():\n    near = 1\nassert near(triple(1), 3)", "near"),
        ("assert triple(CASES[0]) == 3", "CASES"),
        ("from decimal import Decimal\nassert triple(Decimal(1)) == Fraction(3)", "Fraction"),
    ],
)
def test_a_test_that_uses_what_nobody_defines_is_refused_by_the_name(test: str, named: str) -> None:
    question = f"Write triple(x), three times x.\n{test}\n"
    with pytest.raises(InputError, match=f"its tests use {named}, which neither they nor the setup define"):
        left(test, "assert triple(2) == 6", question=question)
    assert left("assert triple(2) == 6", question=question)


def test_the_entry_points_are_those_declared_or_the_only_name_or_those_that_the_question_asks_for() -> None:
    def points(*tests: str, question: str = "", **fields: object) -> tuple[str, ...]:
        return checked(CodeProblem(style="fenced", tests=tests, **fields), question=question).entry_points

    both = ("assert push(Stack(), 1) == 1",)
    assert points("assert gcd(4, 6) == 2") == ("gcd",)
    assert points(*both, entry_points=("push", "Stack")) == ("Stack", "push")
    assert points(*both, question="Write a class Stack and `push(stack, x)`.") == ("Stack", "push")
    assert points("assert sum(mean([1])) == 1", names=("sum",), question="def mean(x):") == ("mean", "sum")
    for question in ("", "Write push(stack, x) for a stack.", "Write push(stack, x).\nassert push(Stack(), 2)"):
        with pytest.raises(InputError, match="use Stack"):
            points(*both, question=question)


def test_a_task_takes_the_entry_points_from_the_program_and_nothing_else() -> None:
    problem = checked(CodeProblem(style="fenced", tests=("assert f(2) == 4",)), question="")
    assert problem.task("").entry_points == ("f",)


def test_the_solution_s_imports_are_brought_to_tests_that_lack_them() -> None:
    solution = "import math, re\nfrom collections import Counter as Bag\nimport heapq\ndef f(): import bisect"
    tests = ("assert Bag(f()) == math.inf", "import re\nassert re.match('', f())")
    assert imports_of(tests, solution=solution) == "import math, re\nfrom collections import Counter as Bag\n"


@pytest.mark.parametrize("test", ["assert f(1) ==", "assert f('\0')", "(" * 1000])
def test_a_test_that_is_no_python_is_refused_with_its_beginning(test: str) -> None:
    with pytest.raises(InputError, match="is no Python"):
        left(test)


def test_what_a_document_holds_is_checked_again_whoever_made_it() -> None:
    metadata = {
        "question": QUESTION,
        "answer": "",
        "style": "fenced",
        "tests": ["assert f(1) == 2", "assert f(2) == 4", "assert f('a', (1, 2)) == 'aa'"],
        "shown_tests": ["assert f( 1 ) == 2"],
        "else": 1,
    }
    problem = problem_of(metadata)
    assert problem
    assert problem.tests == ("assert f(2) == 4",)
    assert problem_of({"question": "1+1=", "answer": "2"}) is None
    with pytest.raises(InputError, match="its tests cannot be used"):
        problem_of(metadata | {"tests": "assert f(1) == 2"})
    with pytest.raises(InputError, match="none of its 1 tests"):
        problem_of(metadata | {"tests": ["assert f(1) == 2"]})
