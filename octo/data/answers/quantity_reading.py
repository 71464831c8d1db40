"""From tokens to a quantity: a formula, and what it is so many of."""

from dataclasses import replace
from fractions import Fraction

from octo.data.answers.formula_reading import read_formula
from octo.data.answers.formulas import Answer, Formula, Number, Operation, Quantity, Ratio, UnreadableError, Words
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import Token
from octo.data.answers.units import CURRENCIES, MANY, MONEY, is_description, is_part, unit_of
from octo.data.answers.words import SEPARATORS

_PARTS_OF_A_DEGREE = 60


def read_quantity(tokens: Tokens) -> Answer:
    """A formula with its sign of money or its unit, a percentage, or a ratio; hours and minutes are one quantity.

    Raises:
        UnreadableError: none stands there, or what stands behind it is no unit.
    """
    first = _quantity(tokens)
    return _with_parts(tokens, first) if isinstance(first, Quantity) and first.unit else first


def _quantity(tokens: Tokens) -> Answer:
    minus = tokens.at("-") and tokens.ahead(1).text in MONEY
    if minus:
        tokens.take()
    unit = _money(tokens)
    if tokens.skip(r"\ldots"):
        return Words("...")
    formula = read_formula(tokens)
    if minus:
        formula = Operation("neg", (formula,))
    if (tokens.at(":") or _is_proportion(tokens)) and not unit:
        return _ratio(tokens, formula)
    formula = _many(tokens, formula)
    percent = tokens.skip("%")
    bare, degrees = _without_degree(formula)
    if degrees:
        formula, unit = _with_minutes(tokens, bare), "degree"
        if tokens.next.text in ("C", "F"):
            unit = f"deg{tokens.take().text}"
    if tokens.next.text.casefold() in ("percent", "pct"):
        tokens.take()
        percent = True
    return Quantity(formula, unit or _unit(tokens), percent)


def _money(tokens: Tokens) -> str:
    """The sign, or the name, of a currency that stands before an amount."""
    after = tokens.ahead(1)
    if tokens.next.text in CURRENCIES and (after.number or after.text in MONEY):
        named = CURRENCIES[tokens.take().text]
        tokens.skip(*MONEY)
        return named
    return MONEY[tokens.take().text] if tokens.next.text in MONEY else ""


def _with_parts(tokens: Tokens, whole: Quantity) -> Quantity:
    """Of what follows, what measures the same in smaller units is added: 2 hours 30 minutes, 5 feet and 3 inches."""
    of_whole = last = unit_of(whole.unit)
    while True:
        begin = tokens.position
        if not tokens.skip(",") and tokens.next.text.casefold() == "and":
            tokens.take()
        part = _part(tokens)
        of_part = unit_of(part.unit) if part else of_whole
        if part is None or part.percent or not is_part(of_part, last):
            tokens.position = begin
            return whole
        added = Operation("mul", (part.formula, Number(of_part.scale / of_whole.scale)))
        whole = replace(whole, formula=_extended(whole.formula, added))
        last = of_part


def _part(tokens: Tokens) -> Quantity | None:
    """A number and its unit, if they come next."""
    if tokens.next.kind != "number" or tokens.ahead(1).kind not in ("text", "letters"):
        return None
    depth = tokens.depth
    try:
        part = _quantity(tokens)
    except UnreadableError:
        tokens.depth = depth
        return None
    return part if isinstance(part, Quantity) else None


def _with_minutes(tokens: Tokens, degrees: Formula) -> Formula:
    """Degrees with the minutes and seconds of arc that follow."""
    divisor = 1
    for marks in (1, 2):
        number = tokens.next.number
        if number and all(tokens.ahead(count).text == "'" for count in range(1, marks + 1)):
            divisor = _PARTS_OF_A_DEGREE**marks
            tokens.position += 1 + marks
            degrees = _extended(degrees, Operation("div", (number, Number(Fraction(divisor)))))
    return degrees


def _extended(whole: Formula, part: Formula) -> Formula:
    """A sum, whose sign is that of the whole."""
    if isinstance(whole, Operation) and whole.name == "neg":
        return Operation("neg", (Operation("add", (whole.operands[0], part)),))
    return Operation("add", (whole, part))


def _is_proportion(tokens: Tokens) -> bool:
    """Whether 3 to 4 is written, which is 3:4."""
    return tokens.next.text.casefold() == "to" and tokens.ahead(1).kind == "number"


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
    clock = False
    while tokens.at(":") or _is_proportion(tokens):
        tokens.take()
        clock |= tokens.next.kind == "number" and len(tokens.next.text) == 2 and tokens.next.text.startswith("0")
        terms.append(Quantity(read_formula(tokens)))
    unit = _unit(tokens)
    return Ratio((*terms, Words(unit)) if unit else tuple(terms), clock)


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
            if token.text.casefold().strip(" ,") in SEPARATORS:
                break
        elif not (token.text in ("/", "*", "¢", *MONEY) or (written and _is_power(tokens))):
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
