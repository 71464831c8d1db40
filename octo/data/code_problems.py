"""Problems whose answer is a program: what it is put together from, and the tests that may score it.

A test that the question shows never scores: a program could answer it by heart. That is made sure of where problems are
made, and again where they are read, whoever made them.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from octo.errors import InputError
from octo.sandbox.inside import printing
from octo.sandbox.inside.library import LIBRARY
from octo.sandbox.names import PYTHONS, asked_names, bound_names, free_names
from octo.sandbox.verdicts import Task
from octo.settings.source_options import CodeStyle

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What parsing raises: no Python, a null byte, nesting too deep for it."""


class CodeProblem(BaseModel):
    """How a program is put together from a completion, and what it must do."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    style: CodeStyle
    """Where a completion has its program: it goes on where the question ends, or holds a fenced block of Python."""
    tests: tuple[str, ...]
    """Those that score, each by itself."""
    shown_tests: tuple[str, ...] = ()
    """Those in the question."""
    setup: str = ""
    """What each test finds: the benchmark's imports and helpers."""
    names: tuple[str, ...] = ()
    """Names that are the program's even where Python or the setup has them too."""
    entry_points: tuple[str, ...] = ()
    """All names that tests take from the program. Where none are declared they are found out, or it is refused."""
    prefix: str = ""
    """What stands before the completion's part of the program."""
    stops: tuple[str, ...] = ()
    """Where the first of these begins, a continuation ends."""

    def task(self, program: str) -> Task:
        """The program and all tests, as the sandbox takes them."""
        return Task(
            program=program,
            setup=self.setup,
            tests=self.tests,
            names=self.names,
            entry_points=self.entry_points or None,
        )


def checked(problem: CodeProblem, *, question: str) -> CodeProblem:
    """The problem with its entry points, and those of its tests alone that may score.

    A test that is shown scores nothing, nor does one that is indifferent to the program. Tests that run the program as
    it is, and compare what it prints, need no entry point.

    Raises:
        InputError: a test or the setup is no Python, tests use what nobody defines, or no test is left.
    """
    for source in (problem.setup, *problem.tests):
        _parsed(source)
    points = entry_points(problem, question=question)
    shown = {_form(test) for test in problem.shown_tests}
    plain = _squeezed(question)
    asking = points | (bound_names(problem.setup) if free_names(problem.setup) & points else frozenset())
    left = tuple(
        test
        for test in problem.tests
        if _form(test) not in shown
        and _squeezed(_form(test)) not in plain
        and (free_names(test) & asking or _runs(test))
        and not _is_example(test, question)
    )
    if not left:
        raise InputError(
            f"none of its {len(problem.tests)} tests can score: the question shows them, or they ask nothing of a "
            "program; give it others, or show fewer"
        )
    return problem.model_copy(update={"tests": left, "entry_points": tuple(sorted(points))})


def entry_points(problem: CodeProblem, *, question: str) -> frozenset[str]:
    """The names that the tests take from the program.

    Those that the problem declares; else the only name that nobody else defines; else those that the question speaks
    of as code. Whatever else a test uses and nobody defines, a program could define to its own liking.

    Raises:
        InputError: there are such names.
    """
    asked = asked_names(problem.tests, problem.setup)
    declared = frozenset((*problem.entry_points, *problem.names))
    if not problem.entry_points:
        declared |= {name for name in asked if _speaks_of(question, name, alone=len(asked) == 1)}
    if unknown := sorted(asked - declared):
        raise InputError(
            f"its tests use {', '.join(unknown[:5])}, which neither they nor the setup define, and no program may: "
            "import it in the setup, or declare entry_points"
        )
    return declared


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
    return tuple(sorted(set(points_of(tests, solution=solution)) & PYTHONS))


def points_of(tests: tuple[str, ...], *, solution: str) -> tuple[str, ...]:
    """The names that tests take from the solution: it defines them, and does not merely import them."""
    used = {name for test in tests for name in _free(test)}
    tree = _parsed(solution)
    return tuple(sorted(used & (_bound(tree) - _imported(tree))))


def imports_of(tests: tuple[str, ...], *, solution: str) -> str:
    """The solution's imports that the tests use and do not have: a program could bring others under their names."""
    used = {name for test in tests for name in _free(test)}
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


def _runs(test: str) -> bool:
    """Whether it runs the program as it is."""
    if printing.__name__ not in test:
        return False
    nodes = ast.walk(_parsed(test))
    return any(isinstance(node, ast.ImportFrom) and node.module == printing.__name__ for node in nodes)


def _is_example(test: str, question: str) -> bool:
    """Whether a question shows, line by line, what a program that is run is given and prints."""
    if not _runs(test):
        return False
    texts = [
        [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        for node in ast.walk(_parsed(test))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check_output"
    ]
    lines = _lines(question)
    return bool(texts) and all(len(pair) == 2 and all(_lines(text) in lines for text in pair) for pair in texts)


def _lines(text: str) -> str:
    """Its lines without what surrounds them, between ends of lines."""
    kept = (line.strip() for line in text.splitlines())
    return "".join(f"\n{line}\n" for line in kept if line)


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace('"', "'")


def _free(source: str) -> frozenset[str]:
    _parsed(source)
    return free_names(source)


def _speaks_of(question: str, name: str, *, alone: bool) -> bool:
    """Whether a question asks for something of that name. Tests that it shows say nothing of what is asked for."""
    if name not in LIBRARY and alone:
        return True
    text = "\n".join(line for line in question.splitlines() if not line.lstrip().startswith("assert"))
    word = re.escape(name)
    kinds = "def|class|function|method|named|called"
    spoken = rf"`{word}\b|\b(?:{kinds})\s+[`'\"]?{word}\b|\b{word}(?:\(|\s+(?:class|function))"
    return (name not in LIBRARY or alone) and re.search(spoken, text) is not None


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
