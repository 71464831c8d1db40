"""Which names a test takes from elsewhere: from Python, from its setup, or from the program that it judges."""

import ast
import builtins
import functools
import symtable
import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module

PYTHONS = frozenset(vars(builtins)) | sys.stdlib_module_names | {"exit", "quit"}
"""Names that mean something without a program: built in, or a module of the standard library."""
OF_A_MODULE = frozenset({"__name__", "__file__", "__doc__", "__builtins__", "__annotations__", "__class__"})
KNOWN_BY_STAR = {
    *("bisect", "cmath", "collections", "collections.abc", "copy", "dataclasses", "datetime", "decimal", "enum"),
    *("fractions", "functools", "heapq", "itertools", "json", "math", "numpy", "operator", "random", "re"),
    *("statistics", "string", "typing", "unittest.mock"),
}
"""Modules of which all is imported, and that are looked up to see what that is."""


def free_names(source: str) -> frozenset[str]:
    """The names that a source uses and gives no meaning, Python's own aside.

    Raises SyntaxError where it is no Python, or ValueError.
    """
    table, bound = _table(source), set()
    used: set[str] = set()
    for scope in _scopes(table):
        for symbol in scope.get_symbols():
            outermost = scope is table
            given = symbol.is_assigned() or symbol.is_imported()
            if given and (outermost or symbol.is_declared_global()):
                bound.add(symbol.get_name())
            elif symbol.is_referenced() and (outermost or symbol.is_global()):
                used.add(symbol.get_name())
    return frozenset(used - bound - _starred(source) - OF_A_MODULE)


def bound_names(source: str) -> frozenset[str]:
    """The names that a source gives a meaning to for whatever comes after it."""
    table = _table(source)
    own = {
        each.get_name()
        for scope in _scopes(table)
        for each in scope.get_symbols()
        if (each.is_assigned() or each.is_imported()) and (scope is table or each.is_declared_global())
    }
    return frozenset(own | _starred(source))


@functools.lru_cache(maxsize=4096)
def asked_names(tests: Sequence[str], setup: str) -> frozenset[str]:
    """The names of tests and setup that neither of them nor Python gives a meaning to.

    Of what is no Python there are none: running it will say so.
    """
    asked: set[str] = set()
    given: frozenset[str] = frozenset()
    for source in (setup, *tests):
        try:
            asked |= free_names(source) - given
            given = given or bound_names(setup)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return frozenset(asked - PYTHONS)


def _table(source: str) -> symtable.SymbolTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return symtable.symtable(source, "<test>", "exec")


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _scopes(inner)


def _starred(source: str) -> set[str]:
    """What is imported by a star, of modules that are known."""
    if "*" not in source or "import" not in source:
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    starred = {
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and node.module in KNOWN_BY_STAR
    }
    return {name for module in starred if module for name in _public(module)}


@functools.cache
def _public(module: str) -> frozenset[str]:
    found = import_module(module)
    return frozenset(getattr(found, "__all__", [name for name in vars(found) if not name.startswith("_")]))
