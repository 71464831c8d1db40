"""From tokens to a quantity: a formula, and what it is so many of."""

from fractions import Fraction

from octo.data.answers.formula_reading import read_formula
from octo.data.answers.formulas import Answer, Formula, Number, Operation, Quantity, Ratio, UnreadableError, Words
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import Token
from octo.data.answers.units import MANY, MONEY, is_description
from octo.data.answers.words import SEPARATORS


def read_quantity(tokens: Tokens) -> Answer:
    """A formula with its sign of money or its unit, a percentage, or a ratio.

    Raises:
        UnreadableError: none stands there, or what stands behind it is no unit.
    """
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
            if token.text.casefold().strip(" ,") in SEPARATORS:
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
