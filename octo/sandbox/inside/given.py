"""What a setup gives to program and test alike: its imports, and classes that are nothing but their attributes."""

import ast
import warnings

_METHODS = {"__init__", "__repr__", "__str__", "__eq__", "__ne__", "__lt__", "__hash__", "__iter__", "__len__"}


def given_by(*sources: str) -> tuple[list[str], list[str]]:
    """The statements that a program is given before it is executed, and the names of the classes among them.

    A class that does anything else could be the test's own, and hold what is expected; it stays with the test.
    """
    statements: list[str] = []
    names: list[str] = []
    for place, source in enumerate(sources):
        if "class " not in source and (place or "import" not in source):
            continue
        for node in _parsed(source):
            if isinstance(node, ast.ClassDef) and _is_plain(node):
                names.append(node.name)
            elif place or not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            statements.append(ast.unparse(node))
    if names and not any("dataclass" in each for each in statements if "import" in each):
        statements.insert(0, "from dataclasses import dataclass, field")
    return statements, names


def _parsed(source: str) -> list[ast.stmt]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError):
            return []


def _is_plain(node: ast.ClassDef) -> bool:
    bases = all(isinstance(each, ast.Name) and each.id == "object" for each in node.bases)
    decorators = all("dataclass" in ast.unparse(each) for each in node.decorator_list)
    asserts = any(isinstance(each, ast.Assert) for each in ast.walk(node))
    return bases and decorators and not node.keywords and not asserts and all(map(_is_plainly, node.body))


def _is_plainly(statement: ast.stmt) -> bool:
    match statement:
        case ast.FunctionDef(name=name):
            return name in _METHODS
        case ast.AnnAssign(value=value):
            return value is None or isinstance(value, ast.Constant | ast.Call)
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            return True
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
    return False
