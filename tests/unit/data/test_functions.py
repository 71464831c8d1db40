"""Generated programming tasks: what they ask for is what their tests ask for."""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from octo.data.code_problems import problem_of
from octo.data.functions import (
    KINDS,
    _tests,
    generate_functions,
    partition_of,
    question,
    tasks,
)
from octo.errors import UsageError
from octo.settings.source_options import FUNCTION_KINDS, NUM_FUNCTIONS, FunctionOptions, parse_function_options


def generated(what: str, count: int, *, mistakes: float = 0.0, seed: int = 0) -> list[dict[str, Any]]:
    documents = generate_functions(what, FunctionOptions(count, mistakes), label="x", seed=seed)
    return [{"text": document.text, **json.loads(document.metadata)} for document in documents]


def passes(program: str, tests: list[str]) -> bool:
    names: dict[str, Any] = {}
    exec(program, names)
    try:
        for test in tests:
            exec(test, names)
    except (AssertionError, TypeError):
        return False
    return True


def test_every_way_to_write_a_function_passes_its_tests() -> None:
    tests = {row["question"]: row["tests"] for what in KINDS if what != "solutions" for row in some(what)}
    assert len(tests) > 500
    for task in tasks():
        for body in task.bodies() if question(task) in tests else ():
            assert passes(question(task) + body, tests[question(task)]), task


def test_no_function_that_always_gives_the_same_passes_the_tests_of_a_task() -> None:
    for task in tasks():
        results = {test.rpartition(" == ")[2] for test in _tests(task, seed=0)}
        assert len(results) > 1, question(task)


def some(what: str) -> list[dict[str, Any]]:
    return generated(what, {"prompts": 400, "validation": 60, "evaluation": 100}[what])


def test_a_solution_passes_unless_it_raises_its_result() -> None:
    rows = generated("solutions", 400, mistakes=0.5)
    assert 150 < sum(row["mistaken"] for row in rows) < 250
    assert all(passes(row["text"], row["tests"]) != row["mistaken"] for row in rows)


def test_no_two_tasks_are_asked_for_alike() -> None:
    questions = [question(task) for task in tasks()]
    assert len(set(questions)) == len(questions) > 1500


def test_evaluation_validation_and_training_share_no_task() -> None:
    parts = [{row["question"] for row in generated(what, 60)} for what in ("evaluation", "validation", "solutions")]
    assert all(not first & second for first in parts for second in parts if first is not second)
    shares = [partition_of(task, seed=1) for task in tasks()]
    assert 0.08 < shares.count("evaluation") / len(shares) < 0.12


@pytest.mark.parametrize("what", KINDS)
def test_a_document_does_not_depend_on_how_many_are_asked_for(what: str) -> None:
    few, many = (generated(what, count, mistakes=0.3, seed=4) for count in (20, 60))
    assert few == many[:20]
    assert few != generated(what, 20, mistakes=0.3, seed=5)


def test_the_tests_of_a_task_are_the_same_wherever_it_comes_up() -> None:
    tests: dict[str, list[str]] = {}
    for row in generated("solutions", 3000):
        assert tests.setdefault(row["question"], row["tests"]) == row["tests"]
    assert len(tests) < 2500


@pytest.mark.parametrize("what", KINDS)
def test_each_document_is_a_code_problem_whose_tests_may_all_score(what: str) -> None:
    for row in generated(what, 30):
        problem = problem_of(row)
        assert problem is not None
        assert list(problem.tests) == row["tests"]
        assert row["text"] == row["question"] + row["answer"]
        assert all(first != second for first, second in pairwise(sorted(problem.tests)))


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("solution", {"count": "3"}, "expected functions:KIND with KIND one of solutions, prompts"),
        ("prompts", {"cuont": "3"}, "functions:prompts takes count, mistakes, got 'cuont'"),
        ("prompts", {}, r"expected functions:prompts\?count=2000 with numbers"),
        ("prompts", {"count": "x"}, r"expected functions:prompts\?count=2000 with numbers"),
        ("prompts", {"count": "0"}, "needs count of 1 or more and mistakes of 0 to 1"),
        ("solutions", {"count": "3", "mistakes": "2"}, "needs count of 1 or more and mistakes of 0 to 1"),
        ("solutions", {"count": "3", "mistakes": "nan"}, "needs count of 1 or more and mistakes of 0 to 1"),
    ],
)
def test_bad_options_are_refused(what: str, options: Mapping[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_function_options(what, options)


def test_settings_know_how_many_tasks_there_are() -> None:
    assert len(set(map(question, tasks()))) == len(tasks()) == NUM_FUNCTIONS


def test_more_different_tasks_than_there_are_cannot_be_asked_for() -> None:
    with pytest.raises(UsageError, match=r"functions:validation has \d+ different tasks, asked for 5000"):
        generated("validation", 5000)


def test_the_kinds_that_may_be_named_are_those_that_are_made() -> None:
    assert set(FUNCTION_KINDS) == set(KINDS)
