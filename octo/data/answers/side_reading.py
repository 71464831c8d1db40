"""From tokens to what stands between commas: relations, sets, intervals, matrices; and words before them."""

from fractions import Fraction

from octo.data.answers.formula_reading import read_formula
from octo.data.answers.formulas import (
    INFINITY,
    Answer,
    Joined,
    Matrix,
    Number,
    Quantity,
    Relation,
    Several,
    Symbol,
    UnreadableError,
    Words,
)
from octo.data.answers.matrix_reading import added, is_matrix, read_matrix, scaled
from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, LETTERS, SHORT_WORDS
from octo.data.answers.quantity_reading import read_quantity
from octo.data.answers.relations import claim
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import CLOSING, OPENING, Token
from octo.data.answers.words import CHANGING, NEGATIONS, SEPARATORS, words_of

_RELATIONS = {
    *("=", "<", ">", r"\le", r"\ge", r"\ne", r"\approx", r"\in", r"\notin", r"\parallel", r"\perp", r"\sim", r"\cong"),
    *(r"\subset", r"\subseteq", r"\pmod"),
}
_SUCH_THAT = ("|", ":", r"\mid")
_LOGICAL = {r"\lor", r"\land"}
_VERBS = {"is", "are", "be", "equals", "was", "equal to", "to", "of", "exactly"}
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
    if (NEGATIONS | CHANGING) & set(said):
        raise UnreadableError("a sentence that denies something, or makes something else of the answer")
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
    elif is_matrix(tokens):
        answer = _matrices(tokens, read_matrix(tokens, _item))
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
        if is_matrix(tokens) and isinstance(answer, Quantity) and not answer.unit and not answer.percent:
            answer = _matrices(tokens, scaled(answer.formula, read_matrix(tokens, _item)))
    return answer


def _matrices(tokens: Tokens, first: Answer) -> Answer:
    """A matrix, and what is added to it: the points of a line."""
    while isinstance(first, Matrix) and tokens.at("+"):
        tokens.take()
        factor = Number(Fraction(1)) if is_matrix(tokens) else read_formula(tokens)
        first = added(first, scaled(factor, read_matrix(tokens, _item)))
    return first


def _braces(tokens: Tokens) -> Answer:
    tokens.take()
    if tokens.skip(r"\}"):
        return Several((), "{", "}")
    # {x | x > 2} is what its condition says.
    bar = next((count for count in range(1, 6) if tokens.ahead(count).text in _SUCH_THAT), None)
    if bar is not None and tokens.ahead(0).kind == "letters":
        tokens.position += bar + 1
        inside = read_several(tokens, r"\}")
        tokens.expect(r"\}")
        return inside
    _tell_conditions(tokens)
    begin, depth = tokens.position, tokens.depth
    if any(token.text == r"\mid" for token in tokens.tokens):
        # So are the multiples of pi.
        form = _item(tokens)
        if tokens.skip(r"\mid"):
            inside = claim([form, _item(tokens)])
            tokens.expect(r"\}")
            return inside
        tokens.position, tokens.depth = begin, depth
    inside = read_several(tokens, r"\}")
    tokens.expect(r"\}")
    if isinstance(inside, Several) and not inside.opening:
        return Several(inside.items, "{", "}")
    return Several((inside,), "{", "}")


def _tell_conditions(tokens: Tokens) -> None:
    """Make the colon before a condition, which makes no ratio, the bar that it stands for."""
    colon = None
    for index in range(tokens.position, len(tokens.tokens)):
        text = tokens.tokens[index].text
        if text == r"\}":
            break
        colon = index if text == ":" and colon is None else colon
        if colon is not None and text in _RELATIONS:
            tokens.tokens[colon] = Token("sign", r"\mid")
            break


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
