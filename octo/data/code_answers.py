"""From what a model wrote to the program in it. Nothing is parsed or executed here; model output is only read."""

import textwrap

from octo.data.code_problems import CodeProblem
from octo.sandbox.verdicts import Task

LONGEST_PROGRAM = 100_000
"""Characters; a longer one counts as one that Python cannot parse, without being parsed."""
NO_BLOCK, NO_PYTHON, PYTHON = 0.0, 0.5, 1.0
"""Format scores (DiffuCoder, section 6.4): no fenced block of Python, one that does not parse, one that does."""

_FENCE = "```"
_LANGUAGES = {"python", "python3", "py"}


def program_of(completion: str, problem: CodeProblem) -> str | None:
    """The program that a completion makes; None where it has no fenced block of Python, and should."""
    code = fenced(completion) if problem.style == "fenced" else cut(completion, problem.stops)
    return None if code is None else f"{problem.prefix}{code}\n"


def parsing(program: str) -> Task:
    """What finds out whether Python can parse a program: it passes if so.

    For the sandbox: a parser is a large thing to show hostile text to. There, too, the stack is always as deep, and
    nesting at its limit parses always or never.
    """
    # Whether Python warns of an escape sequence must not change a verdict.
    setup = "import ast, warnings\nwarnings.simplefilter('ignore')"
    return Task(program=None, setup=setup, tests=(f"ast.parse({program!r})",))


def fenced(text: str) -> str | None:
    """The content of the first fenced block of Python; None without one that is closed.

    What stands before, after, or in blocks of other languages does not matter, nor does how lines end. A block is
    closed by a line that is a fence alone or, where there is none, by a fence at the end of a line.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    first = 0
    while (opening := _opening(lines, first)) is not None:
        number, fence, language = opening
        first = number + 1
        end = _closing(lines, first, fence)
        if language in _LANGUAGES:
            return _block(lines, first, end, fence)
        if end is None:
            return None
        first = end + 1
    return None


def cut(completion: str, stops: tuple[str, ...]) -> str:
    """The completion up to the first stop string in it."""
    return completion[: min((place for stop in stops if (place := completion.find(stop)) >= 0), default=None)]


def _opening(lines: list[str], first: int) -> tuple[int, str, str] | None:
    """The next line that opens a block, its fence, and the language."""
    for number in range(first, len(lines)):
        before, has_fence, information = lines[number].rpartition(_FENCE)
        if not has_fence:
            continue
        prose = before.rstrip("`")
        words = information.lower().split()
        language = words[0] if words else ""
        # After prose, a fence opens a block only if nothing else can be meant.
        if not prose.strip() or (words == [language] and language in _LANGUAGES):
            return number, before[len(prose) :] + _FENCE, language
    return None


def _closing(lines: list[str], first: int, fence: str) -> int | None:
    """The next line that is a fence alone, at least as long."""
    for number in range(first, len(lines)):
        line = lines[number].strip()
        if line.startswith(fence) and not line.strip("`"):
            return number
    return None


def _block(lines: list[str], first: int, end: int | None, fence: str) -> str | None:
    body = lines[first:end]
    if end is None:
        last = next((place for place, line in enumerate(body) if line.rstrip().endswith(fence)), None)
        if last is None:
            return None
        body = [*body[:last], body[last].rstrip().removesuffix(fence)]
    code = "\n".join(body)
    # A block within a list is indented like the item it belongs to.
    return textwrap.dedent(code) if lines[first - 1][:1].isspace() else code
