"""Code that a Python installation already has: the functions of a package, one by one; nothing is imported."""

import ast
import textwrap
from collections.abc import Iterator

from octo.data.documents import Document, Rejected, new_document
from octo.data.python_docs import files_of, root_of
from octo.errors import UsageError
from octo.settings.ingestion import STANDARD_LIBRARY

MIN_CHARACTERS = 60
MAX_CHARACTERS = 4_000
"""Shorter functions say little; longer ones are mostly tables."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_functions(package: str, *, label: str) -> Iterator[Document | Rejected]:
    """One document per function and method of a package's modules, as it is written, moved to the left margin."""
    root = root_of(package)
    if root is None:
        raise UsageError(f"the module {package} is compiled and has no code to read: name a package written in Python")
    base = root.parent if package != STANDARD_LIBRARY else root
    for file in files_of(root):
        if file.suffix != ".py":
            continue
        url = f"code:{file.relative_to(base).as_posix()}"
        try:
            for name, text in functions(file.read_bytes().decode()):
                if MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
                    yield new_document(text, source=label, url=f"{url}#{name}")
        except UnicodeError as error:
            yield Rejected(url, "invalid_utf8", str(error))
        except (SyntaxError, ValueError, RecursionError) as error:
            yield Rejected(url, "malformed_python", f"{type(error).__name__}: {error}")


def functions(source: str) -> Iterator[tuple[str, str]]:
    """Name and text of each function of a module and each method of its classes; what is within functions is theirs."""
    lines = source.splitlines(keepends=True)
    for name, node in _functions(ast.parse(source).body, prefix=""):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        text = textwrap.dedent("".join(lines[first - 1 : node.end_lineno]))
        text.encode()
        yield name, text.rstrip() + "\n"


def _functions(body: list[ast.stmt], *, prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name, node
            case ast.ClassDef(name=name):
                yield from _functions(node.body, prefix=f"{prefix}{name}.")
