from collections.abc import Iterator

import pytest

from octo.data.code_answers import cut, fenced, parsing, program_of
from octo.data.code_problems import CodeProblem
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Outcome

CODE = "def f(x):\n    return x"
FENCED = CodeProblem(style="fenced", tests=("assert f(1) == 1",))
CONTINUED = CodeProblem(
    style="continuation", tests=("assert f(1) == 1",), prefix="def f(x):\n", stops=("\ndef", "\nprint")
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"```python\n{CODE}\n```\n", id="as the paper has it"),
        pytest.param(f"```python\n{CODE}\n```", id="no newline at the end"),
        pytest.param(f"```python\n{CODE}\n```\nIt returns x.", id="text after it"),
        pytest.param(f"Here it is:\n```py\n{CODE}\n```\n\n", id="text before it, py"),
        pytest.param(f"Here it is: ```Python\n{CODE}\n``` \n", id="text in its line, capital, blanks"),
        pytest.param(f"```python\n{CODE}\n```\n".replace("\n", "\r\n"), id="CRLF"),
        pytest.param(f"```python\n{CODE}\n```\nor\n```python\nraise\n```\n", id="two blocks"),
        pytest.param(f"```sh\npython a.py\n```\n```python\n{CODE}\n```\n", id="another language first"),
        pytest.param(f"````python title=a.py\n{CODE}\n````\n", id="a longer fence, more words"),
        pytest.param(f"```python\n{CODE}```", id="closed at the end of a line"),
        pytest.param(f"1. So:\n   ```python\n   {CODE.replace(chr(10), chr(10) + '   ')}\n   ```\n", id="in a list"),
    ],
)
def test_trap_15_a_right_answer_counts_however_its_fence_ends_and_whatever_stands_around_it(text: str) -> None:
    assert program_of(text, FENCED) == CODE + "\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(CODE, id="no fence"),
        pytest.param(f"```python\n{CODE}\n", id="never closed"),
        pytest.param(f"```\n{CODE}\n```\n", id="no language"),
        pytest.param(f"```java\n{CODE}\n```\n", id="another language"),
        pytest.param("Use ```x``` and ```y```", id="quotes in a line"),
    ],
)
def test_without_a_closed_block_of_python_there_is_no_format_to_score(text: str) -> None:
    assert fenced(text) is None
    assert program_of(text, FENCED) is None


def test_a_fence_within_a_line_of_code_does_not_close_its_block() -> None:
    code = 'def f():\n    """Say ```x``` or\n    ```"""\n    return "```"'
    assert fenced(f"```python\n{code}\n```\n") == code


HOSTILE = {
    "no Python": "def f(x) return x",
    "null byte": "a = '\0'",
    "lone surrogate": "a = '\ud800'",
    "parentheses": "(" * 50_000,
    "signs": "-" * 90_000 + "1",
    "calls": "f" + "()" * 45_000,
    "attributes": "a" + ".b" * 45_000,
    "sum": "1" + "+1" * 45_000,
    "digits": "9" * 90_000,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(weaker=True) as made:
        yield made


@pytest.mark.parametrize("name", HOSTILE)
def test_what_python_chokes_on_does_not_parse_and_harms_nobody(sandbox: Sandbox, name: str) -> None:
    assert [test.outcome for test in sandbox.judge(parsing(HOSTILE[name])).tests] == [Outcome.ERROR]


def test_a_program_is_never_executed_to_see_whether_it_parses(sandbox: Sandbox) -> None:
    verdict = sandbox.judge(
        parsing("while True: print(1)\nraise SystemExit(7)\n@print\nclass A(print(2)): x = print(3)")
    )
    assert verdict.passed
    assert verdict.tests[0].output == ""


def test_a_warning_of_the_parser_changes_no_verdict(sandbox: Sandbox) -> None:
    assert sandbox.judge(parsing(r'a = "\d"')).passed


@pytest.mark.parametrize(
    "text", ["```a\nb```\n" * 10_000, "`" * 100_000, "```\n```\n" * 12_000, "```" + " " * 90_000 + "!"]
)
def test_reading_many_fences_takes_time_that_grows_with_the_text_alone(text: str) -> None:
    # Were it to grow with its square, this would run into the test's time limit.
    assert fenced(text * 5) is None


def test_a_continuation_ends_where_a_stop_string_begins() -> None:
    assert cut("    return x\n\nprint(f(1))\ndef g(): 1", CONTINUED.stops) == "    return x\n"
    assert cut("    return x", CONTINUED.stops) == "    return x"
    assert program_of("    return x\ndef main():\n    while True: pass", CONTINUED) == "def f(x):\n    return x\n"


def test_an_empty_block_is_a_program_too() -> None:
    assert program_of("```python\n```", FENCED) == "\n"
