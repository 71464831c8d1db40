"""A question put once more, as a function to complete (DiffuCoder, section 6.5).

A model that is asked for programs in words learns to answer people; benchmarks ask it to complete a docstring, too. So
a question that does not speak to its reader is also shown as the docstring of the function that it asks for, whose head
is that of the best try that the record has.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, Field, ValidationError

from octo.data.code_answers import LONGEST_PROGRAM, fenced
from octo.data.code_problems import UNREADABLE, parsed, points_of
from octo.errors import InputError

SPOKEN_TO = "you"
"""Whose letters are in a question that speaks to its reader; `your` and `young` have them too."""


def docstring_question(question: str, tests: Sequence[str], fields: Mapping[str, object]) -> str | None:
    """The question as a function to complete, in a block of Python; None where it is not to be put so, or cannot be.

    Args:
        question: in words.
        tests: which name the function.
        fields: of the record, with `inferences` of a `completion` and a `pass_rate` each.
    """
    if SPOKEN_TO in question.lower() or "```" in question:
        return None
    for program in _tries(fields):
        head = _head(program, tests, question.strip())
        if head is not None:
            return f"Please complete the following problem:\n```python\n{head}\n```\n"
    return None


class _Try(BaseModel):
    completion: str
    pass_rate: float = Field(ge=0, le=1)


class _Tried(BaseModel):
    inferences: tuple[_Try, ...] = ()


def _tries(fields: Mapping[str, object]) -> Iterator[str]:
    """The programs that models wrote, the best first, and of equal ones the first."""
    try:
        tries = _Tried.model_validate(fields).inferences
    except ValidationError:
        return
    for each in sorted(tries, key=lambda each: -each.pass_rate):
        program = fenced(each.completion) if "```" in each.completion else each.completion
        if program is not None and len(program) <= LONGEST_PROGRAM:
            yield program


def _head(program: str, tests: Sequence[str], question: str) -> str | None:
    """The head of the one function that the tests take from the program, with the question as its docstring."""
    try:
        body = parsed(program).body
        points = points_of(tuple(tests), solution=program)
    except (*UNREADABLE, InputError):
        return None
    functions = [node for node in body if isinstance(node, ast.FunctionDef) and node.name in points]
    if len(points) != 1 or len(functions) != 1:
        return None
    function = functions[0]
    function.decorator_list = []
    function.body = [ast.Expr(ast.Constant(f"\n    {question.replace(chr(10), chr(10) + '    ')}\n    "))]
    return ast.unparse(ast.fix_missing_locations(function))
