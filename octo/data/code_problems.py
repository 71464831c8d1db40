"""Problems whose answer is a program: what it is put together from, and the tests that may score it.

A test that the question shows never scores: a program could answer it by heart. That is made sure of where problems are
made, and again where they are read, whoever made them.
"""

import ast
import builtins
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from octo.errors import InputError
from octo.sandbox.verdicts import Task

Style = Literal["continuation", "fenced"]
"""Where a completion has its program: it goes on where the question ends, or holds a fenced block of Python."""

PYTHONS = set(vars(builtins)) | sys.stdlib_module_names
"""Names that mean something without a program: built in, or a module of the standard library."""
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsing raises: no Python, a null byte, nesting too deep for it."""


class CodeProblem(BaseModel):
    """How a program is put together from a completion, and what it must do."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    style: Style
    tests: tuple[str, ...]
    """Those that score, each by itself."""
    shown_tests: tuple[str, ...] = ()
    """Those in the question."""
    setup: str = ""
    """What each test finds: the benchmark's imports and helpers."""
    names: tuple[str, ...] = ()
    """Names that are the program's even where Python or the setup has them too."""
    prefix: str = ""
    """What stands before the completion's part of the program."""
    stops: tuple[str, ...] = ()
    """Where the first of these begins, a continuation ends."""

    def task(self, program: str) -> Task:
        """The program and all tests, as the sandbox takes them."""
        return Task(program=program, setup=self.setup, tests=self.tests, names=self.names)


def checked(problem: CodeProblem, *, question: str) -> CodeProblem:
    """The problem with those of its tests alone that may score: neither shown nor indifferent to the program.

    Raises:
        InputError: a test or the setup is no Python, or no test is left.
    """
    shown = {_form(test) for test in problem.shown_tests}
    plain = _squeezed(question)
    theirs = _theirs(_parsed(problem.setup), own=set(problem.names))
    left = tuple(
        test
        for test in problem.tests
        if _form(test) not in shown and _squeezed(_form(test)) not in plain and _asks(_parsed(test), theirs=theirs)
    )
    if not left:
        raise InputError(
            f"none of its {len(problem.tests)} tests can score: the question shows them, or they ask nothing of a "
            "program; give it others, or show fewer"
        )
    return problem.model_copy(update={"tests": left})


def problem_of(metadata: Mapping[str, object]) -> CodeProblem | None:
    """The checked problem that a document's metadata hold, besides its question; None where they hold none.

    Raises:
        InputError: they hold one that cannot be used.
    """
    if not {"style", "tests", "question"} <= metadata.keys():
        return None
    try:
        problem = CodeProblem.model_validate(metadata)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"its {'.'.join(map(str, first['loc']))} cannot be used: {first['msg']}") from None
    return checked(problem, question=str(metadata["question"]))


def names_of(tests: tuple[str, ...], *, solution: str) -> tuple[str, ...]:
    """The names that are Python's, but in these tests the solution's own: it defines them and they use them."""
    used = {name for test in tests for name in _used(_parsed(test))}
    tree = _parsed(solution)
    return tuple(sorted(used & (_bound(tree) - _imported(tree)) & PYTHONS))


def imports_of(tests: tuple[str, ...], *, solution: str) -> str:
    """The solution's imports that the tests use and do not have: a program could bring others under their names."""
    used = {name for test in tests for name in _used(_parsed(test)) - _bound(_parsed(test))}
    imports = [node for node in _parsed(solution).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "".join(f"{ast.unparse(node)}\n" for node in imports if used & _imported(node))


def parsed(source: str) -> ast.Module:
    """What Python makes of it; one of `UNREADABLE` is raised when that is nothing."""
    with warnings.catch_warnings():
        # Whether Python warns of an escape sequence, or is told to raise then, must not change a verdict.
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _parsed(source: str) -> ast.Module:
    try:
        return parsed(source)
    except UNREADABLE as error:
        raise InputError(f"{source[:60]!r} is no Python: {error}") from None


def _form(test: str) -> str:
    """The test without what does not matter: its formatting, comments, and what a failed assertion would say."""
    tree = _parsed(test)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            node.msg = None
    return ast.unparse(tree)


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace('"', "'")


def _theirs(setup: ast.Module, *, own: set[str]) -> set[str]:
    """The names that say nothing of a program: Python's, and the setup's unless it has asked a program for them."""
    python = PYTHONS - own
    return python if _asks(setup, theirs=python) else (python | _bound(setup)) - own


def _asks(source: ast.Module, *, theirs: set[str]) -> bool:
    """Whether it uses any name that only a program can have."""
    return bool(_used(source) - _bound(source) - theirs)


def _used(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _imported(tree: ast.AST) -> set[str]:
    """Names that imports anywhere in it bind."""
    aliases = (node for node in ast.walk(tree) if isinstance(node, ast.alias))
    return {alias.asname or alias.name.partition(".")[0] for alias in aliases}


def _bound(tree: ast.Module) -> set[str]:
    """Names that are given a meaning anywhere in it."""
    return set(_bindings(tree))


def _bindings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)):
                yield name
