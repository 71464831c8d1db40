"""The programs that show what a code problem is worth: its reference solution, and those that solve nothing."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from octo.data.code_answers import program_of
from octo.data.code_problems import UNREADABLE, CodeProblem, parsed

MOST_CONSTANTS = 6
"""Of those that a problem's first test compares with."""
LONGEST_CONSTANT = 10_000
USUAL = ("None", "True", "False", "0", "''", "[]")
_PRETENDER = """
class Pretender:
    def __init__(self, *_, **__): pass
    def itself(self, *_, **__): return self
    def agrees(self, *_): return True
    __call__ = __getattr__ = __getitem__ = __enter__ = __neg__ = __abs__ = itself
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = itself
    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = agrees
    def __ne__(self, _): return False
    def __hash__(self): return 0
    def __exit__(self, *_): return False
"""
"""What can be used in any way, and agrees with whatever it is compared with."""


@dataclass(frozen=True)
class Trial:
    """A problem, and the programs that show what it is worth."""

    problem: CodeProblem
    reference: str | None
    nothings: Mapping[str, str]
    """Programs that solve nothing, by what they are."""


def trial_of(problem: CodeProblem, *, answer: str) -> Trial:
    """The programs for a problem, put together as a model's would be."""
    reference = program_of(answer, problem) if answer.strip() else None
    classes = _classes(reference or "")
    before = problem.prefix if _parses(problem.prefix) else ""
    nothings = {"an empty program": f"{problem.prefix}\n"}
    if problem.entry_points:
        raising = "raise RuntimeError('nothing is done here')"
        nothings["a program that raises"] = _program(before, problem, classes, raising)
        for constant in _constants(problem):
            said = _program(before, problem, classes, f"return {constant}")
            nothings[f"a program that always says {constant}"] = said
        pretenders = "".join(f"class {name}(Pretender): pass\n" for name in problem.entry_points)
        nothings["a program whose objects equal everything"] = f"{before}\n{_PRETENDER}\n{pretenders}"
    else:
        nothings["a program that raises"] = f"{before}\nraise RuntimeError('nothing is done here')\n"
        for text in _texts(problem):
            nothings[f"a program that always prints {text!r}"] = f"{before}\nprint({text!r}, end='')\n"
    return Trial(problem, reference, nothings)


def _program(before: str, problem: CodeProblem, classes: set[str], does: str) -> str:
    """A program in which every entry point does the same, whatever it is called with."""
    defined = [
        f"class {name}:\n    def __init__(self, *_, **__): pass\n"
        f"    def __getattr__(self, _):\n        def method(*_, **__): {does}\n        return method\n"
        if name in classes
        else f"def {name}(*_, **__): {does}\n"
        for name in problem.entry_points
    ]
    return "\n".join([before, *defined])


def _constants(problem: CodeProblem) -> list[str]:
    """What a program could always say: what the first test compares with, and the usual."""
    compared = []
    for node in ast.walk(parsed(problem.tests[0])):
        if isinstance(node, ast.Compare):
            compared += [each for each in (*node.comparators, node.left) if _is_literal(each)]
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("assert")
        ):
            compared += [each for each in node.args if _is_literal(each)]
    found = [each for each in map(ast.unparse, compared) if len(each) < LONGEST_CONSTANT]
    return list(dict.fromkeys([*found[:MOST_CONSTANTS], *USUAL]))


def _texts(problem: CodeProblem) -> list[str]:
    """What a program that is run as it is could always print: the texts in its first test."""
    found = (node.value for node in ast.walk(parsed(problem.tests[0])) if isinstance(node, ast.Constant))
    return list(dict.fromkeys(each for each in found if isinstance(each, str)))[:MOST_CONSTANTS]


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (*UNREADABLE, TypeError):
        return False
    return True


def _classes(program: str) -> set[str]:
    if not _parses(program):
        return set()
    return {node.name for node in parsed(program).body if isinstance(node, ast.ClassDef)}


def _parses(source: str) -> bool:
    try:
        parsed(source)
    except UNREADABLE:
        return False
    return True
