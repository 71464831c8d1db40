"""From tokens to matrices, their multiples and sums; to determinants; and to equations below each other."""

from collections.abc import Callable
from fractions import Fraction

from octo.data.answers.formulas import (
    Answer,
    Formula,
    Matrix,
    Number,
    Operation,
    Quantity,
    Relation,
    UnreadableError,
)
from octo.data.answers.relations import claim
from octo.data.answers.token_stream import Tokens

_MATRICES = {"pmatrix", "bmatrix", "matrix", "array", "vmatrix", "smallmatrix", "Bmatrix", "Vmatrix", "cases"}
_CONDITION = {"if", "for", "when", "where"}
"""Words before the cells of a function in pieces."""


def is_matrix(tokens: Tokens) -> bool:
    """Whether an environment comes next, within brackets or not, or behind the one brace of a system of equations."""
    system = tokens.at(r"\{") and all(token.text != r"\}" for token in tokens.tokens)
    return tokens.next.kind == "begin" or ((tokens.at("(", "[") or system) and tokens.ahead(1).kind == "begin")


def read_matrix(tokens: Tokens, cell: Callable[[Tokens], Answer]) -> Answer:
    """A matrix, a determinant, or what equations below each other say; `cell` reads one cell.

    Raises:
        UnreadableError: none stands there, or its brackets do not close.
    """
    tokens.skip(r"\{")
    bracket = tokens.skip("(", "[")
    kind = tokens.take().text
    if kind not in _MATRICES:
        raise UnreadableError(f"the environment {kind} is not known")
    rows: list[list[Answer]] = [[]]
    while tokens.next.kind != "end":
        while tokens.next.text.casefold() in _CONDITION:
            tokens.take()
        rows[-1].append(cell(tokens))
        tokens.skip(",", ";")
        if tokens.skip("\\\\", r"\cr", r"\newline"):
            rows.append([])
        elif not tokens.skip("&") and tokens.next.kind != "end":
            raise UnreadableError(f"expected & or a new row, got {tokens.next.text or 'the end'}")
    tokens.take()
    if bracket and not tokens.skip(")", "]"):
        raise UnreadableError("a matrix in brackets that do not close")
    full = [row for row in rows if row]
    if kind == "vmatrix":
        return Quantity(_determinant([[_formula(each) for each in row] for row in full]))
    if full and all(len(row) == 1 and isinstance(row[0], Relation) for row in full):
        return claim([row[0] for row in full])
    return _turned(tokens, Matrix(tuple(map(tuple, full))))


def scaled(factor: Formula, matrix: Answer) -> Answer:
    """A matrix times a number.

    Raises:
        UnreadableError: it is no matrix of formulas.
    """
    if not isinstance(matrix, Matrix):
        raise UnreadableError("a multiple of what is no matrix")
    if factor == Number(Fraction(1)):
        return matrix
    rows = [tuple(Quantity(Operation("mul", (factor, _formula(cell)))) for cell in row) for row in matrix.rows]
    return Matrix(tuple(rows))


def added(one: Matrix, other: Answer) -> Matrix:
    """A matrix and another of the same size.

    Raises:
        UnreadableError: there is no other of that size.
    """
    if not isinstance(other, Matrix) or list(map(len, one.rows)) != list(map(len, other.rows)):
        raise UnreadableError("a sum of matrices of unequal sizes")
    pairs = [zip(first, second, strict=True) for first, second in zip(one.rows, other.rows, strict=True)]
    return Matrix(tuple(tuple(Quantity(Operation("add", tuple(map(_formula, pair)))) for pair in row) for row in pairs))


def _turned(tokens: Tokens, matrix: Matrix) -> Matrix:
    """The rows as columns, behind whose matrix a T stands."""
    transposed = tokens.at("^") and tokens.ahead(1).text in ("T", r"\top")
    if not transposed or len({len(row) for row in matrix.rows}) > 1:
        return matrix
    tokens.position += 2
    return Matrix(tuple(zip(*matrix.rows, strict=True)))


def _formula(cell: Answer) -> Formula:
    if not isinstance(cell, Quantity):
        raise UnreadableError("a number made of cells that are no formulas")
    return cell.formula


def _determinant(rows: list[list[Formula]]) -> Formula:
    if not 0 < len(rows) < 5 or any(len(row) != len(rows) for row in rows):
        raise UnreadableError("a determinant of more than four rows, or of unequal ones")
    if len(rows) == 1:
        return rows[0][0]
    sum_: Formula | None = None
    for column, first in enumerate(rows[0]):
        minor = _determinant([row[:column] + row[column + 1 :] for row in rows[1:]])
        term: Formula = Operation("mul", (first, minor))
        term = Operation("neg", (term,)) if column % 2 else term
        sum_ = term if sum_ is None else Operation("add", (sum_, term))
    assert sum_ is not None  # noqa: S101 - there is a row
    return sum_
