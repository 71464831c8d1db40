"""Programs with one mistake each, made by changing their syntax tree: the same ones every time."""

import ast
from collections.abc import Iterator
from typing import Any

OPPOSITES: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def mutants(source: str, function: str) -> Iterator[str]:
    """The program again and again, each time with another change in that function. In the last one it does nothing."""
    tree = ast.parse(source)
    for place in range(len(_nodes(tree, function))):
        if _change(_nodes(tree, function)[place]):
            yield ast.unparse(tree)
            tree = ast.parse(source)
    _definition(tree, function).body = [ast.Pass()]
    yield ast.unparse(tree)


def _nodes(tree: ast.Module, function: str) -> list[ast.AST]:
    return [node for statement in _definition(tree, function).body for node in ast.walk(statement)]


def _definition(tree: ast.Module, function: str) -> ast.FunctionDef:
    """The last one counts: a benchmark's prompt ends with it."""
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function][-1]


def _change(node: Any) -> bool:
    match node:
        case ast.Compare(ops=[operator, *_]):
            node.ops[0] = OPPOSITES[type(operator)]()
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) | ast.BoolOp(op=operator):
            node.op = OPPOSITES.get(type(operator), ast.Sub)()
        case ast.Constant(value=bool(value)):
            node.value = not value
        case ast.Constant(value=int(value) | float(value)):
            node.value = value + 1
        case ast.IfExp():
            node.body, node.orelse = node.orelse, node.body
        case ast.Return(value=ast.expr()):
            node.value = ast.Constant(None)
        case _:
            return False
    return True
