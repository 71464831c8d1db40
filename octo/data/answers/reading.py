"""The one reader of answers: a text becomes what it says, or cannot be read."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from octo.data.answers.formula_reading import Tokens, read_formula
from octo.data.answers.formulas import (
    INFINITY,
    REALS,
    Answer,
    Based,
    Choice,
    Formula,
    Joined,
    Matrix,
    Number,
    Operation,
    Quantity,
    Ratio,
    Relation,
    Several,
    Symbol,
    UnreadableError,
    Words,
    symbols_of,
)
from octo.data.answers.looks import plain
from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, LETTERS, SHORT_WORDS, is_word
from octo.data.answers.relations import claim
from octo.data.answers.tokens import CLOSING, OPENING, Token, tokens_of
from octo.data.answers.units import MANY, MONEY, is_description

LONGEST = 1000
"""Characters of an answer that is read."""
MOST_WORDS = 12
"""Of an answer that is no mathematics; a longer one is a solution, which nothing can be compared with."""
CHOICES = "ABCDEFGHIJ"
_CHOICE = re.compile(
    rf"(?:\\text(?:bf|rm|it)?|\\math(?:rm|bf))?\s*\{{?\s*(?:[oO]ption|[cC]hoice|[aA]nswer)?:?\s*"
    rf"(?:\(([{CHOICES}{CHOICES.lower()}])\)|([{CHOICES}])[).:])\s*\}}?\s*(?=(.*))",
    re.DOTALL,
)
_OPTION = re.compile(rf"(?:\\text(?:bf|rm|it)?\s*\{{)?\s*(?:option|choice)\s*([{CHOICES}])\s*\}}?", re.IGNORECASE)
_BASED = re.compile(r"([0-9A-F]+)_\{?(?:\\text\{)?(\d+|two|eight|ten|sixteen)\}?\}?")
_LINES = re.compile(r"\n\s*[^\W\d_]{3}")
_WORD = re.compile(r"(?<![\\a-zA-Z])[^\W\d_]{2,}")
_LEAD = re.compile(r"\s*(?:so |hence |therefore )?(?:the )?(?:final )?answer(?: is)?\b:?\s*")
_BASES = {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}
_RELATIONS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\approx", r"\in"}
_SEPARATORS = {"and", "or", "for", "if", "where", "when", "with", "such that", "while", "but"}
_VERBS = {"is", "are", "be", "equals", "was", "equal to", "to", "of"}
_MATRICES = {"pmatrix", "bmatrix", "matrix", "array", "vmatrix", "smallmatrix", "Bmatrix", "Vmatrix", "cases"}
_EVERYTHING = {rf"{start}all real numbers{end}" for start, end in (("", ""), (r"\text{", "}"), (r"\text{ ", "}"))}
_SET_SIGNS = {r"\cup", r"\cap", r"\setminus"}


class Reading(NamedTuple):
    """What an answer says."""

    answer: Answer
    text: str
    """Its plain form."""


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """What an answer says.

    Raises:
        UnreadableError: it is empty, too long, or neither mathematics nor a few words.
    """
    if len(text) > LONGEST:
        raise UnreadableError(f"more than {LONGEST} characters")
    if _LINES.search(text):
        raise UnreadableError("several lines of text")
    written = plain(text)
    if not written:
        raise UnreadableError("nothing stands there")
    if len(_WORD.findall(written)) > MOST_WORDS:
        raise UnreadableError(f"more than {MOST_WORDS} words")
    try:
        return Reading(_answer(written), written)
    except UnreadableError as error:
        words = words_of(written)
        if words is None:
            raise UnreadableError(str(error)) from None
        return Reading(words, written)


def words_of(written: str) -> Words | None:
    """A plain answer as words; None where it is a broken formula, or too long."""
    bare = re.sub(r"\\(?:text\w*|math\w+|mbox|operatorname\*?)(?![a-zA-Z])", "", written).replace(r"\ ", " ")
    if re.search(r"\\|[=^_<>|]", bare) or not re.search(r"[^\W\d_]{2}", bare):
        return None
    words = re.sub(r"[^\w%+.:/'-]+", " ", _LEAD.sub("", bare.casefold())).strip(" .").split()
    while len(words) > 1 and words[0] in ("a", "an", "the"):
        words = words[1:]
    return Words(" ".join(words)) if 0 < len(words) <= MOST_WORDS else None


def _answer(written: str) -> Answer:
    if option := _OPTION.fullmatch(written):
        return Choice(option[1].upper())
    if choice := _CHOICE.match(written):
        return _choice(choice)
    if based := _BASED.fullmatch(written):
        return Based(based[1], _BASES.get(based[2]) or int(based[2][:4]))
    if " " not in written and written.isalpha() and len(written) > 1 and written not in _FORMULAS:
        return Words(written.casefold()) if is_word(written) else _letters(written)
    if written.casefold() in _EVERYTHING:
        return Quantity(REALS)
    tokens = Tokens(tokens_of(written))
    answer = _several(tokens)
    if tokens.next.text:
        raise UnreadableError(f"{tokens.next.text} stands where nothing is expected")
    return answer


def _choice(found: "re.Match[str]") -> Choice:
    letter, rest = found[1] or found[2], found[3].strip()
    if rest.count("{") != rest.count("}"):
        rest = rest.strip("{} ")
    if not rest:
        return Choice(letter.upper())
    if not letter.isupper() or rest[0] in _NO_VALUE or _CHOICE.match(rest):
        raise UnreadableError("a choice, and more")
    try:
        value = _answer(rest)
    except UnreadableError:
        words = words_of(rest)
        if words is None or set(words.text.split()) & _SEPARATORS:
            raise
        return Choice(letter, words)
    if _names_choice(value):
        raise UnreadableError("several choices")
    return Choice(letter, value)


def _names_choice(answer: Answer) -> bool:
    if isinstance(answer, Several):
        return any(map(_names_choice, answer.items))
    return isinstance(answer, Choice) or (
        isinstance(answer, Quantity) and bool(symbols_of(answer.formula) & set(CHOICES))
    )


_NO_VALUE = "+*/^=<>_!,;&|'"
_FORMULAS = {*FUNCTIONS, *CONSTANT_NAMES, *LETTERS} - {"max", "min", "star"}


def _letters(run: str) -> Answer:
    return Quantity(read_formula(Tokens(tokens_of(run))))


def _several(tokens: Tokens, closing: str = "") -> Answer:
    """Answers with commas or words between them."""
    items = [_item(tokens)]
    while tokens.next.text not in ("", closing) and _skip_separator(tokens):
        if tokens.next.text in ("", closing):
            break
        items.append(_item(tokens))
    return claim(items)


def _skip_separator(tokens: Tokens) -> bool:
    found = False
    while True:
        token = tokens.next
        word = token.kind in ("text", "letters", "sign") and token.text.casefold().strip(" ,") in _SEPARATORS
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
        token.kind == "letters" and count and token.text.casefold() not in _SEPARATORS
    ):
        count += 1
    if not count:
        return None
    words = " ".join(tokens.ahead(index).text for index in range(count)).strip(" ,")
    after = tokens.ahead(count)
    if after.text in _RELATIONS or after.text in ("", ",", ";") or after.text.casefold() in _SEPARATORS:
        tokens.position += count
        if words.casefold() == "infinity":
            return Quantity(INFINITY)
        return Quantity(Symbol(words)) if len(words) == 1 else words_of(words) or Words(words.casefold())
    last = words.casefold().rpartition(" ")[2]
    if after.text and (last.rstrip(":") in _VERBS or after.text == ":" or last.endswith(":")):
        tokens.position += count + (after.text == ":")
        return None
    if all(tokens.ahead(index).kind == "letters" and len(tokens.ahead(index).text) < 4 for index in range(count)):
        return None
    raise UnreadableError("words, and more")


def _is_wordy(token: Token) -> bool:
    run = token.text
    if token.kind == "text":
        return run not in FUNCTIONS and run.casefold().strip(" ,") not in _SEPARATORS
    known = run in FUNCTIONS or run in LETTERS or run in CONSTANT_NAMES or run == "sqrt"
    if token.kind != "letters" or known or run.casefold() in _SEPARATORS or run[:-1] in FUNCTIONS:
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
        answer = _several(tokens, "}")
        tokens.expect("}")
    elif tokens.at(r"\langle") or (tokens.at("(", "[") and _is_list(tokens)):
        answer = _brackets(tokens)
    else:
        answer = _quantity(tokens)
    return answer


def _braces(tokens: Tokens) -> Answer:
    tokens.take()
    if tokens.skip(r"\}"):
        return Several((), "{", "}")
    # {x | x > 2} is what its condition says.
    bar = next((count for count in range(1, 6) if tokens.ahead(count).text in ("|", ":", r"\mid")), None)
    if bar is not None and tokens.ahead(0).kind == "letters":
        tokens.position += bar + 1
        inside = _several(tokens, r"\}")
        tokens.expect(r"\}")
        return inside
    inside = _several(tokens, r"\}")
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


def _quantity(tokens: Tokens) -> Answer:
    minus = tokens.at("-") and tokens.ahead(1).text in MONEY
    if minus:
        tokens.take()
    unit = MONEY[tokens.take().text] if tokens.next.text in MONEY else ""
    if tokens.skip(r"\ldots"):
        return Words("...")
    formula = read_formula(tokens)
    if minus:
        formula = Operation("neg", (formula,))
    if tokens.at(":") and not unit:
        return _ratio(tokens, formula)
    formula = _many(tokens, formula)
    percent = tokens.skip("%")
    bare, degrees = _without_degree(formula)
    if degrees:
        formula, unit = bare, "degree"
        if tokens.next.text in ("C", "F"):
            unit = f"deg{tokens.take().text}"
    if tokens.next.text.casefold() in ("percent", "pct"):
        tokens.take()
        percent = True
    return Quantity(formula, unit or _unit(tokens), percent)


def _many(tokens: Tokens, formula: Formula) -> Formula:
    """A number of thousands, or of millions."""
    while tokens.next.kind in ("text", "letters"):
        first, _, rest = tokens.next.text.partition(" ")
        if first.casefold() not in MANY:
            break
        tokens.replace(*([Token("text", rest, spaced=True)] if rest else []))
        formula = Operation("mul", (formula, Number(Fraction(MANY[first.casefold()]))))
    return formula


def _ratio(tokens: Tokens, first: Formula) -> Answer:
    terms: list[Answer] = [Quantity(first)]
    while tokens.skip(":"):
        terms.append(Quantity(read_formula(tokens)))
    unit = _unit(tokens)
    return Ratio((*terms, Words(unit))) if unit else Ratio(tuple(terms))


def _without_degree(formula: Formula) -> tuple[Formula, bool]:
    if isinstance(formula, Operation) and formula.name == "degree":
        return formula.operands[0], True
    if isinstance(formula, Operation) and formula.name in ("neg", "pm"):
        bare, found = _without_degree(formula.operands[0])
        return Operation(formula.name, (bare,)), found
    return formula, False


def _unit(tokens: Tokens) -> str:
    """The words behind a quantity, up to what separates answers."""
    written: list[str] = []
    while tokens.next.text:
        token = tokens.next
        if token.kind in ("text", "letters"):
            if token.text.casefold().strip(" ,") in _SEPARATORS:
                break
        elif not (token.text in ("/", "*", "$", r"\$", "¢") or (written and _is_power(tokens))):
            break
        written.append(tokens.take().text)
        if written[-1] == "^":
            braces = tokens.skip("{")
            written.append(tokens.take().text + (tokens.take().text if tokens.ahead(-1).text == "-" else ""))
            if braces:
                tokens.expect("}")
    unit = " ".join(written)
    if not is_description(unit):
        raise UnreadableError(f"{unit} is no unit")
    return unit


def _is_power(tokens: Tokens) -> bool:
    number = 2 if tokens.ahead(1).text == "{" else 1
    return tokens.at("^") and (tokens.ahead(number).kind == "number" or tokens.ahead(number).text == "-")
