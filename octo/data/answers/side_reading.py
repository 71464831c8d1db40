"""From tokens to what stands between commas: relations, sets, intervals, matrices; and words before them."""

from octo.data.answers.formulas import (
    INFINITY,
    Answer,
    Formula,
    Joined,
    Matrix,
    Operation,
    Quantity,
    Relation,
    Several,
    Symbol,
    UnreadableError,
    Words,
)
from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, LETTERS, SHORT_WORDS
from octo.data.answers.quantity_reading import read_quantity
from octo.data.answers.relations import claim
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import CLOSING, OPENING, Token
from octo.data.answers.words import NEGATIONS, SEPARATORS, words_of

_RELATIONS = {
    *("=", "<", ">", r"\le", r"\ge", r"\ne", r"\approx", r"\in", r"\parallel", r"\perp", r"\sim", r"\cong"),
    *(r"\subset", r"\subseteq", r"\pmod"),
}
_LOGICAL = {r"\lor", r"\land"}
_VERBS = {"is", "are", "be", "equals", "was", "equal to", "to", "of"}
_MATRICES = {"pmatrix", "bmatrix", "matrix", "array", "vmatrix", "smallmatrix", "Bmatrix", "Vmatrix", "cases"}
_SET_SIGNS = {r"\cup", r"\cap", r"\setminus"}


def read_several(tokens: Tokens, closing: str = "") -> Answer:
    """Answers with commas or words between them.

    Raises:
        UnreadableError: none stands there.
    """
    items = [_item(tokens)]
    while tokens.next.text not in ("", closing) and _skip_separator(tokens):
        if tokens.next.text in ("", closing):
            break
        items.append(_item(tokens))
    return claim(items)


def _skip_separator(tokens: Tokens) -> bool:
    found = False
    if tokens.at(*_LOGICAL):
        # Conditions are joined so; p and q, which are not, would be told from p or q by nothing.
        conditions = any(token.text in _RELATIONS for token in tokens.tokens)
        tokens.position += conditions
        return conditions
    while True:
        token = tokens.next
        word = token.kind in ("text", "letters", "sign") and token.text.casefold().strip(" ,") in SEPARATORS
        if not word and not tokens.at(",", ";"):
            return found
        tokens.take()
        found = True


def _item(tokens: Tokens) -> Answer:
    """A side, or several with relations between them."""
    sides, operators = [_side(tokens)], []
    while tokens.next.text in _RELATIONS and tokens.next.kind == "sign":
        operators.append(tokens.take().text)
        sides.append(_side(tokens))
    return Relation(tuple(operators), tuple(sides)) if operators else sides[0]


def _side(tokens: Tokens) -> Answer:
    if tokens.depth > 20:
        raise UnreadableError("brackets within brackets within brackets")
    tokens.depth += 1
    label = _label(tokens)
    if label:
        tokens.depth -= 1
        return label
    sets, operators = [_set(tokens)], []
    while tokens.at(*_SET_SIGNS) or _is_union(tokens):
        sign = tokens.take().text
        operators.append(sign if sign in _SET_SIGNS else r"\cup")
        sets.append(_set(tokens))
    tokens.depth -= 1
    return Joined(tuple(operators), tuple(sets)) if operators else sets[0]


def _is_union(tokens: Tokens) -> bool:
    return (
        tokens.next.text in ("U", "u")
        and tokens.ahead(-1).text in (")", "]", r"\}")
        and tokens.ahead(1).text in ("(", "[", r"\{")
    )


def _label(tokens: Tokens) -> Answer | None:
    """Words before a relation; words that lead up to the answer are left behind."""
    count = 0
    while _is_wordy(token := tokens.ahead(count)) or (
        token.kind == "letters" and count and token.text.casefold() not in SEPARATORS
    ):
        count += 1
    if not count:
        return None
    words = " ".join(tokens.ahead(index).text for index in range(count)).strip(" ,")
    after = tokens.ahead(count)
    if after.text in _RELATIONS and NEGATIONS & set(words.casefold().split()):
        raise UnreadableError("a relation that is denied")
    if after.text in _RELATIONS or after.text in ("", ",", ";") or after.text.casefold() in SEPARATORS:
        tokens.position += count
        if words.casefold() == "infinity":
            return Quantity(INFINITY)
        return Quantity(Symbol(words)) if len(words) == 1 else words_of(words) or Words(words.casefold())
    said = words.casefold().split()
    if NEGATIONS & set(said):
        raise UnreadableError("a sentence that denies something")
    last = said[-1]
    if after.text and (last.rstrip(":") in _VERBS or after.text == ":" or last.endswith(":")):
        tokens.position += count + (after.text == ":")
        return None
    if all(tokens.ahead(index).kind == "letters" and len(tokens.ahead(index).text) < 4 for index in range(count)):
        return None
    raise UnreadableError("words, and more")


def _is_wordy(token: Token) -> bool:
    run = token.text
    if token.kind == "text":
        return run not in FUNCTIONS and run.casefold().strip(" ,") not in SEPARATORS
    known = run in FUNCTIONS or run in LETTERS or run in CONSTANT_NAMES or run == "sqrt"
    if token.kind != "letters" or known or run.casefold() in SEPARATORS or run[:-1] in FUNCTIONS:
        return False
    return (len(run) > 3 and not (run.isupper() and len(run) < 5)) or (len(run) > 1 and run.casefold() in SHORT_WORDS)


def _set(tokens: Tokens) -> Answer:
    """A set, an interval, a tuple, a matrix; or a quantity."""
    point = tokens.next.kind == "letters" and tokens.next.text.isupper() and tokens.ahead(1).text == "("
    if point and _is_list(tokens, 1):
        # P(1, 2) is where P is.
        tokens.take()
    if tokens.skip(r"\emptyset"):
        answer: Answer = Several((), "{", "}")
    elif tokens.next.kind == "begin" or (tokens.at("(", "[") and tokens.ahead(1).kind == "begin"):
        bracket = tokens.skip("(", "[")
        answer = _matrix(tokens)
        if bracket and not tokens.skip(")", "]"):
            raise UnreadableError("a matrix in brackets that do not close")
    elif tokens.at(r"\{"):
        answer = _braces(tokens)
    elif tokens.at("{") and _is_list(tokens):
        tokens.take()
        answer = read_several(tokens, "}")
        tokens.expect("}")
    elif tokens.at(r"\langle") or (tokens.at("(", "[") and _is_list(tokens)):
        answer = _brackets(tokens)
    else:
        answer = read_quantity(tokens)
    return answer


def _braces(tokens: Tokens) -> Answer:
    tokens.take()
    if tokens.skip(r"\}"):
        return Several((), "{", "}")
    # {x | x > 2} is what its condition says.
    bar = next((count for count in range(1, 6) if tokens.ahead(count).text in ("|", ":", r"\mid")), None)
    if bar is not None and tokens.ahead(0).kind == "letters":
        tokens.position += bar + 1
        inside = read_several(tokens, r"\}")
        tokens.expect(r"\}")
        return inside
    inside = read_several(tokens, r"\}")
    tokens.expect(r"\}")
    if isinstance(inside, Several) and not inside.opening:
        return Several(inside.items, "{", "}")
    return Several((inside,), "{", "}")


def _is_list(tokens: Tokens, start: int = 0) -> bool:
    """Whether a bracket holds several answers and no factor of a formula."""
    depth, comma = 0, False
    for count in range(start, len(tokens.tokens) - tokens.position):
        token = tokens.ahead(count)
        depth += (token.text in OPENING or token.text == "{") - (token.text in CLOSING or token.text == "}")
        comma |= depth == 1 and token.text in (",", ";") and token.kind == "sign"
        if depth == 0:
            return comma
    return False


def _brackets(tokens: Tokens) -> Answer:
    opening = tokens.take().text
    items = [_item(tokens)]
    while tokens.skip(",", ";"):
        items.append(_item(tokens))
    closing = tokens.take().text
    if closing not in (")", "]", r"\rangle"):
        raise UnreadableError(f"expected a bracket, got {closing or 'the end'}")
    angles = opening == r"\langle"
    return Several(tuple(items), "<" if angles else opening, ">" if angles else closing)  # type: ignore[arg-type]


def _matrix(tokens: Tokens) -> Answer:
    kind = tokens.take().text
    if kind not in _MATRICES:
        raise UnreadableError(f"the environment {kind} is not known")
    rows: list[list[Answer]] = [[]]
    while tokens.next.kind != "end":
        rows[-1].append(_item(tokens))
        if tokens.skip("\\\\"):
            rows.append([])
        elif not tokens.skip("&") and tokens.next.kind != "end":
            raise UnreadableError(f"expected & or a new row, got {tokens.next.text or 'the end'}")
    tokens.take()
    matrix = Matrix(tuple(tuple(row) for row in rows if row))
    if kind == "vmatrix":
        return Quantity(_determinant([[_formula(cell) for cell in row] for row in matrix.rows]))
    return matrix


def _formula(cell: Answer) -> Formula:
    if not isinstance(cell, Quantity):
        raise UnreadableError("a determinant of what is no formula")
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
