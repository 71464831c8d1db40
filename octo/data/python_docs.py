"""Documentation that a Python installation already has: docstrings and text files, nothing imported."""

import ast
import importlib
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from octo.data.documents import Document, Rejected, new_document
from octo.errors import UsageError
from octo.settings.ingestion import STANDARD_LIBRARY

MIN_CHARACTERS = 200
"""A shorter docstring says little beyond the name of what it describes."""
PROSE_SUFFIXES = (".md", ".rst", ".txt")
SKIPPED_FOLDERS = {"__pycache__", "dist-packages", "idle_test", "site-packages", "test", "tests"}
SKIPPED_FILES = ("copying", "license", "notice", "requirements", "top_level")
ADDED_DOCUMENTATION = {"add_newdoc", "add_docstring"}
"""Functions by which NumPy and SciPy document what is written in C; the text is the call's last string."""


def read_package(package: str, *, label: str) -> Iterator[Document | Rejected]:
    """One document per docstring of a public module, class or function, and one per text file that is shipped along."""
    root = root_of(package)
    if root is None:
        yield from _compiled_module(package, label)
        return
    base = root.parent if package != STANDARD_LIBRARY else root
    for file in files_of(root):
        url = f"python:{file.relative_to(base).as_posix()}"
        try:
            content = file.read_bytes()
            if file.suffix == ".py":
                texts = docstrings(content) if b'"""' in content or b"'''" in content else iter(())
            else:
                texts = iter([("", content.decode().strip())])
            for name, text in texts:
                if len(text) >= MIN_CHARACTERS:
                    yield new_document(text, source=label, url=f"{url}#{name}" if name else url)
        except UnicodeError as error:
            yield Rejected(url, "invalid_utf8", str(error))
        except (SyntaxError, ValueError, RecursionError) as error:
            yield Rejected(url, "malformed_python", f"{type(error).__name__}: {error}")


def docstrings(source: bytes) -> Iterator[tuple[str, str]]:
    """Name and cleaned text of each public docstring; the module's own has the empty name.

    Function bodies are not entered: what is defined there is not public, and they are most of the tree.
    """
    tree = ast.parse(source)
    for name, node in [("", tree), *_public(tree.body, prefix="")]:
        text = _last_string(node) if isinstance(node, ast.Call) else ast.get_docstring(node, clean=False) or ""
        # Lone surrogates are legal in a Python literal and in no file.
        text.encode()
        if text:
            yield name, inspect.cleandoc(text)


def _public(
    body: list[ast.stmt], *, prefix: str
) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Call]]:
    for node in body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if not name.startswith("_"):
                    yield prefix + name, node
                    if isinstance(node, ast.ClassDef):
                        yield from _public(node.body, prefix=f"{prefix}{name}.")
            case ast.Expr(value=ast.Call(func=ast.Name(id=function)) as call) if function in ADDED_DOCUMENTATION:
                yield f"{prefix}line-{node.lineno}", call


def _last_string(call: ast.Call) -> str:
    strings = [
        node.value
        for argument in call.args
        for node in ast.walk(argument)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return strings[-1] if strings else ""


def root_of(package: str) -> Path | None:
    """Where the package's files are; None for a module of the standard library that is compiled."""
    if package == STANDARD_LIBRARY:
        return Path(sysconfig.get_path("stdlib"))
    if "." in package:
        raise UsageError(
            f"expected the name of a top-level package, got {package}: finding a submodule would import it"
        )
    spec = find_spec(package)
    if spec is None:
        raise UsageError(f"the package {package} is not installed: install it, or take it out of --sources")
    if spec.origin is None or not spec.origin.endswith(".py"):
        if package not in sys.stdlib_module_names:
            raise UsageError(f"the package {package} has no Python source to read docstrings from")
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def _compiled_module(package: str, label: str) -> Iterator[Document]:
    # Compiled modules of the standard library (math) keep their docstrings in the binary alone; importing them is safe.
    module = importlib.import_module(package)
    entries = [
        f"{package}.{name}\n{inspect.getdoc(value)}"
        for name, value in sorted(vars(module).items())
        if callable(value) and not name.startswith("_") and inspect.getdoc(value)
    ]
    text = "\n\n".join([inspect.getdoc(module) or "", *entries]).strip()
    yield new_document(text, source=label, url=f"python:{package}")


def files_of(root: Path) -> Iterator[Path]:
    """The package's own Python and prose, in an order that never changes; its tests are left out."""
    if root.is_file():
        yield root
        return
    for entry in sorted(root.iterdir()):
        if entry.is_dir():
            if entry.name not in SKIPPED_FOLDERS and not entry.name.startswith("."):
                yield from files_of(entry)
        elif entry.suffix == ".py" or (
            entry.suffix in PROSE_SUFFIXES and not entry.name.lower().startswith(SKIPPED_FILES)
        ):
            yield entry
