"""Code problems in the layout of APPS and TACO: `input_output` has inputs, and what a program makes of each.

Without an `fn_name` a program reads the input and prints the output. With one, that function is called with the JSON
arguments: a list of them, or text with one on each line, as LiveCodeBench writes it.
"""

import ast
import json
import keyword
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple, NoReturn

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from octo.data.code_problems import UNREADABLE, CodeProblem, parsed
from octo.data.shown_examples import shows_call
from octo.errors import InputError
from octo.sandbox.names import PYTHONS
from octo.sandbox.verdicts import prints
from octo.settings.source_options import CodeStyle

LAYOUT = "input_output"
"""The field that tells these records from others."""
_SOLUTION = "Solution"
_LISTED = """
def listed(value):
    if isinstance(value, dict):
        return {
            str(key) if isinstance(key, int) and not isinstance(key, bool) else key: listed(each)
            for key, each in value.items()
        }
    return [listed(each) for each in value] if isinstance(value, (list, tuple)) else value
"""
"""JSON has no tuples, and no dicts of numbers: what a function returns is compared as if it had come from JSON."""
_IMPORTS = """
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string, sys
from typing import *
from collections import *
from functools import *
from itertools import *
from bisect import bisect, bisect_left, bisect_right, insort
from heapq import heapify, heappop, heappush, heappushpop, heapreplace, nlargest, nsmallest
from math import ceil, comb, factorial, floor, gcd, inf, isqrt, lcm, log2, sqrt
"""
"""What LeetCode gives the program of a class Solution."""


class Contest(NamedTuple):
    """What a record says."""

    question: str
    solution: str
    """Empty where it has none."""
    problem: CodeProblem


def contest_of(fields: Mapping[str, object], *, style: CodeStyle) -> Contest:
    """The problem of a record.

    Raises:
        InputError: its inputs and outputs make no tests.
        ValidationError: a field is missing, or another kind of thing.
    """
    record = _Record.model_validate(fields)
    pairs = _pairs(record.tests)
    # A dict of numbers is written in JSON as one of texts: which it was, a solution tells when it is tried.
    if not record.solutions and record.tests.fn_name and any(_has_number_keys(given) for given, _ in pairs):
        raise InputError(
            "its inputs have dicts whose keys are numbers, which JSON has as text: give a solution, which tells how "
            "they are meant"
        )
    solution = _first_python(record.solutions)
    if record.tests.fn_name:
        problem = _called(record, pairs, solution, style)
        asks = f"Write a function `{record.tests.fn_name}`."
    else:
        tests = tuple(prints(_text(given), _text(expected)) for given, expected in pairs)
        problem = CodeProblem(style=style, tests=tests, shown_tests=tests[: record.num_shown])
        asks = "Read from standard input, and write to standard output."
    start = f"```python\n{record.starter_code.strip()}\n```" if record.starter_code.strip() else asks
    return Contest(f"{record.question.strip()}\n\n{start}\n", solution, problem)


def _decoded(value: object) -> object:
    """What text has within."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise InputError("its input_output is empty: give it inputs and outputs")
    return _json(value, "input_output")


def _all_solutions(value: object) -> object:
    """A list of programs: itself, its JSON text, or one program."""
    if not isinstance(value, str):
        return value or []
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        decoded = None
    return decoded if isinstance(decoded, list) else [value] if value.strip() else []


class _InputOutput(BaseModel):
    inputs: list[Any]
    outputs: list[Any]
    fn_name: str | None = None


class _Record(BaseModel):
    question: str
    tests: Annotated[_InputOutput, BeforeValidator(_decoded)] = Field(validation_alias=LAYOUT)
    solutions: Annotated[list[str], BeforeValidator(_all_solutions)] = Field(
        default=[], validation_alias=AliasChoices("solutions", "solution", "answer")
    )
    starter_code: str = ""
    num_shown: int = 0
    """Of its tests, the first that are shown to whoever solves it."""


def _pairs(tests: _InputOutput) -> list[tuple[Any, Any]]:
    if len(tests.inputs) != len(tests.outputs):
        raise InputError(
            f"its input_output has {len(tests.inputs)} inputs and {len(tests.outputs)} outputs: give one of each a test"
        )
    if not tests.inputs:
        raise InputError("its input_output has no inputs: give at least one, and its output")
    return list(zip(tests.inputs, tests.outputs, strict=True))


def _called(record: _Record, pairs: list[tuple[Any, Any]], solution: str, style: CodeStyle) -> CodeProblem:
    """Tests that call a function, of the program or of its class Solution."""
    name = record.tests.fn_name or ""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(f"its fn_name {name[:60]!r} is no name of a function: give one, or leave it out")
    of_class = f"class {_SOLUTION}" in (solution or record.starter_code)
    function = f"{_SOLUTION}().{name}" if of_class else name
    point = _SOLUTION if of_class else name
    number = _number_of_arguments(solution or record.starter_code, name, of_class=of_class)
    wrapped = all(isinstance(expected, list) and len(expected) == 1 for _, expected in pairs)
    calls = [(_arguments(given, number), expected[0] if wrapped else _value(expected)) for given, expected in pairs]
    tests = tuple(
        f"assert listed({function}({', '.join(map(repr, arguments))})) == {expected!r}" for arguments, expected in calls
    )
    shown = [place < record.num_shown or shows_call(record.question, *call) for place, call in enumerate(calls)]
    setup = f"{_IMPORTS if of_class else ''}{_LISTED}"
    names = (point,) if point in PYTHONS else ()
    return CodeProblem(
        style=style,
        tests=tests,
        shown_tests=tuple(test for test, is_shown in zip(tests, shown, strict=True) if is_shown),
        setup=setup,
        names=names,
        entry_points=(point,),
    )


def _has_number_keys(given: object) -> bool:
    """Whether JSON holds a dict, all of whose keys are written as whole numbers are."""
    waiting = [given]
    if isinstance(given, str):
        waiting = [decoded for text in (given, *given.splitlines()) if '"' in text and (decoded := _maybe_json(text))]
    while waiting:
        match waiting.pop():
            case dict() as fields if fields:
                if all(isinstance(key, str) and key.removeprefix("-").isdecimal() for key in fields):
                    return True
                waiting += fields.values()
            case list() as values:
                waiting += values
    return False


def _maybe_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _arguments(given: object, number: int | None) -> list[object]:
    if isinstance(given, list):
        return given
    if not isinstance(given, str):
        raise InputError(f"its input {str(given)[:60]!r} has no arguments: give a list of them, or one a line as JSON")
    lines = [line for line in given.splitlines() if line.strip()]
    try:
        arguments = [_json(line, "input") for line in lines]
    except InputError:
        # A value may be written over several lines.
        arguments = [_json(given, "input")]
    first = arguments[0] if len(arguments) == 1 else None
    return first if isinstance(first, list) and number not in (None, 1) else arguments


def _value(expected: object) -> object:
    """What a function is to return: JSON text of it, or itself."""
    return _json(expected, "output") if isinstance(expected, str) else expected


def _text(value: object) -> str:
    """Input or output of a program: text, or its lines."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    raise InputError(f"{str(value)[:60]!r} is neither text nor lines of it, which a program could read or print")


def _json(text: str, what: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no number of JSON's")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its {what} {text[:60]!r} cannot be read as JSON: {error}") from None


def _first_python(solutions: list[str]) -> str:
    """The first that Python can read: older sets have some of Python 2."""
    return next((each for each in solutions if each.strip() and _tree(each)), "")


def _tree(source: str) -> ast.Module | None:
    try:
        return parsed(source)
    except UNREADABLE:
        return None


def _number_of_arguments(source: str, name: str, *, of_class: bool) -> int | None:
    """How many arguments a function needs; None where nothing shows it."""
    # A starter has a header alone.
    tree = _tree(source) or _tree(f"{textwrap.dedent(source).rstrip()}\n{' ' * 8}pass")
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return len(node.args.args) - of_class
    return None
