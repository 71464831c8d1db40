"""A question in words is put once more as a function to complete, with the head of the best try."""

import json
from pathlib import Path

import pytest

from octo.data.code_benchmarks import read_problems
from octo.data.docstring_problems import docstring_question
from octo.data.documents import Document
from octo.settings.ingestion import parse_source

QUESTION = "Write a function that doubles a number.\nNegative ones too."
TESTS = ("assert double(2) == 4", "assert double(-1) == -2")
GOOD = "import math\n\n@cache\ndef double(number: int, *, by: float = 2.0) -> int:\n    return number * by\n"
WORSE = "def double(x):\n    return x"


def tries(*pairs: tuple[str, float]) -> dict[str, object]:
    return {"inferences": [{"model_name": "m", "completion": text, "pass_rate": rate} for text, rate in pairs]}


def test_the_question_becomes_the_docstring_of_the_function_that_the_best_try_has() -> None:
    fields = tries((WORSE, 0.1), (f"Here it is:\n```python\n{GOOD}```\nDone.", 0.9))
    found = docstring_question(QUESTION, TESTS, fields)
    assert found == (
        "Please complete the following problem:\n```python\n"
        "def double(number: int, *, by: float=2.0) -> int:\n"
        '    """\n    Write a function that doubles a number.\n    Negative ones too.\n    """\n```\n'
    )


@pytest.mark.parametrize("question", ["Can you double it?", "Double YOUR number.", "```python\npass\n``` Double it."])
def test_a_question_that_speaks_to_its_reader_or_has_a_block_stays_as_it_is(question: str) -> None:
    assert docstring_question(question, TESTS, tries((GOOD, 1.0))) is None


@pytest.mark.parametrize(
    "program",
    [
        "",
        "def other(x): pass",
        "double = len",
        "def double(:",
        "class double: pass",
        "(" * 5000,
        "x = 1\x00",
        "9" * 200_000,
    ],
)
def test_a_try_without_that_function_has_no_head_and_the_next_one_is_asked(program: str) -> None:
    assert docstring_question(QUESTION, TESTS, tries((program, 1.0))) is None
    found = docstring_question(QUESTION, TESTS, tries((program, 1.0), (WORSE, 0.5)))
    assert found is not None
    assert "def double(x):" in found


@pytest.mark.parametrize("fields", [{}, {"inferences": 3}, {"inferences": [{"completion": 1}]}, {"inferences": []}])
def test_a_record_without_tries_is_put_as_it_is_alone(fields: dict[str, object]) -> None:
    assert docstring_question(QUESTION, TESTS, fields) is None


def test_a_quotation_in_a_question_stays_within_its_docstring() -> None:
    question = 'Return """quoted""" and \\n.'
    found = docstring_question(question, TESTS, tries((WORSE, 1.0)))
    assert found is not None
    space: dict[str, str] = {}
    source = found.split("```python\n")[1].removesuffix("\n```\n")
    exec(f"{source}\nsaid = double.__doc__", space)
    assert question in space["said"]


def test_both_are_documents_with_the_same_tests_and_the_copy_shows_none(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    record = {"question": QUESTION, "test_cases": list(TESTS), **tries((GOOD, 1.0))}
    path.write_text(f"{json.dumps(record)}\n{json.dumps({**record, 'question': 'Can you double it?'})}\n")
    found = list(
        read_problems(parse_source(f"code=tests:{path}?docstrings=1"), max_record_bytes=10_000, skip_bad_files=False)
    )
    assert all(isinstance(each, Document) for each in found)
    metadata = [json.loads(each.metadata) for each in found if isinstance(each, Document)]
    questions = [each["question"] for each in metadata]
    assert [("complete the following" in each, TESTS[0] in each) for each in questions] == [
        (False, True),
        (True, False),
        (False, True),
    ]
    assert [each["tests"] for each in metadata] == [[TESTS[1]], list(TESTS), [TESTS[1]]]
    plain = list(read_problems(parse_source(f"code=tests:{path}"), max_record_bytes=10_000, skip_bad_files=False))
    assert plain == [found[0], found[2]]
