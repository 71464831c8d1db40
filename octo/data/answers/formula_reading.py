"""From tokens to a formula. Every step moves forward, and nesting has an end: time is linear in the length."""

from fractions import Fraction

from octo.data.answers.formula_lookahead import (
    CLOSED_BY,
    CONSTANT_SIGNS,
    function_before,
    goes_on,
    is_name,
    is_of_numbers,
)
from octo.data.answers.formulas import Formula, Number, Operation, Symbol, UnreadableError
from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, INVERSE, LETTERS, MARKS, OF_SEVERAL
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import Token

_AROUND = {"|": "abs", r"\lfloor": "floor", r"\lceil": "ceil"}
_SIGNS = {"+": "pos", "-": "neg", r"\pm": "pm", r"\mp": "mp"}
_OF_TWO = {r"\frac": "div", r"\binom": "binom"}


def read_formula(tokens: Tokens) -> Formula:
    """A formula, up to where it cannot go on.

    Raises:
        UnreadableError: none stands there, or it nests deeper than anybody writes.
    """
    tokens.descend()
    terms = [_signed(tokens)]
    while tokens.at(*_SIGNS):
        terms.append(_signed(tokens))
    formula = terms[0] if len(terms) == 1 else Operation("add", tuple(terms))
    for word in (r"\over", r"\choose"):
        if tokens.skip(word):
            formula = Operation("div" if word == r"\over" else "binom", (formula, read_formula(tokens)))
    tokens.depth -= 1
    return formula


def _signed(tokens: Tokens) -> Formula:
    if tokens.at(*_SIGNS):
        sign = _SIGNS[tokens.take().text]
        term = _product(tokens)
        return term if sign == "pos" else Operation(sign, (term,))
    return _product(tokens)


def _product(tokens: Tokens) -> Formula:
    factors = [_power(tokens)]
    while True:
        if tokens.skip("*"):
            factors.append(_factor(tokens))
        elif tokens.at("/") and tokens.ahead(1).kind != "text":
            tokens.take()
            factors = [Operation("div", (_multiplied(factors), _factor(tokens)))]
        elif goes_on(tokens):
            factors.append(_power(tokens))
        else:
            return _multiplied(factors)


def _multiplied(factors: list[Formula]) -> Formula:
    return factors[0] if len(factors) == 1 else Operation("mul", tuple(factors))


def _factor(tokens: Tokens) -> Formula:
    if tokens.at("-", "+"):
        sign = tokens.take().text
        factor = _power(tokens)
        return Operation("neg", (factor,)) if sign == "-" else factor
    return _power(tokens)


def _power(tokens: Tokens) -> Formula:
    base = _atom(tokens)
    while True:
        if tokens.skip("!"):
            if tokens.at("!"):
                raise UnreadableError("a factorial of a factorial")
            base = Operation("fact", (base,))
        elif tokens.skip(r"\degree"):
            base = Operation("degree", (base,))
        elif tokens.at("^"):
            tokens.take()
            degree = _is_degree(tokens)
            base = Operation("degree", (base,)) if degree else Operation("pow", (base, _exponent(tokens)))
        else:
            return base


def _is_degree(tokens: Tokens) -> bool:
    if tokens.skip(r"\degree"):
        return True
    if tokens.at("{") and tokens.ahead(1).text == r"\degree" and tokens.ahead(2).text == "}":
        tokens.position += 3
        return True
    return False


def _exponent(tokens: Tokens) -> Formula:
    if tokens.at("-", "+"):
        sign = tokens.take().text
        exponent = _atom(tokens)
        return Operation("neg", (exponent,)) if sign == "-" else exponent
    exponent = _atom(tokens)
    return Operation("pow", (exponent, _exponent(tokens))) if tokens.skip("^") else exponent


def _atom(tokens: Tokens) -> Formula:
    tokens.descend()
    token = tokens.next
    if token.kind == "number" and token.number:
        tokens.take()
        atom = _mixed(tokens, token.number)
    elif token.kind == "letters":
        atom = _letters(tokens)
    elif token.kind != "sign":
        raise UnreadableError(f"expected a formula, got {token.text}")
    else:
        atom = _enclosed(tokens) if token.text in CLOSED_BY else _command(tokens)
    tokens.depth -= 1
    return atom


def _enclosed(tokens: Tokens) -> Formula:
    opening = tokens.take().text
    inner = read_formula(tokens)
    tokens.expect(CLOSED_BY[opening])
    return Operation(_AROUND[opening], (inner,)) if opening in _AROUND else inner


def _command(tokens: Tokens) -> Formula:
    sign = tokens.take().text
    name = sign.removeprefix("\\")
    if sign in _OF_TWO:
        return Operation(_OF_TWO[sign], (_argument(tokens), _argument(tokens)))
    if sign == r"\sqrt":
        return _root(tokens)
    if name in FUNCTIONS and name != sign:
        return _function(tokens, FUNCTIONS[name])
    if sign in CONSTANT_SIGNS:
        return Symbol(CONSTANT_SIGNS[sign])
    if not is_name(sign):
        raise UnreadableError(f"expected a formula, got {sign or 'the end'}")
    return _subscripted(tokens, f"{sign}{_marked(tokens)}" if name in MARKS else sign)


def _root(tokens: Tokens) -> Formula:
    degree: Formula = Number(Fraction(2))
    if tokens.skip("["):
        degree = read_formula(tokens)
        tokens.expect("]")
    return Operation("root", (_atom(tokens), degree))


def _argument(tokens: Tokens) -> Formula:
    r"""What a command takes: a group, or one digit, as in \frac12."""
    token = tokens.next
    if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
        first, rest = token.text[0], token.text[1:]
        tokens.replace(_digits(first), _digits(rest))
        return Number(Fraction(tokens.take().text))
    if token.kind == "letters" and len(token.text) > 1:
        tokens.replace(Token("letters", token.text[0]), Token("letters", token.text[1:]))
    return _atom(tokens)


def _digits(digits: str) -> Token:
    return Token("number", digits, Number(Fraction(digits)))


def _mixed(tokens: Tokens, number: Number) -> Formula:
    """A number, with the fraction that follows a whole one added: 3 1/2."""
    if number.digits is not None or number.value.denominator != 1:
        return number
    if tokens.at(r"\frac") and is_of_numbers(tokens):
        return Operation("add", (number, _command(tokens)))
    if tokens.at("{") and tokens.ahead(1).text == r"\frac" and is_of_numbers(tokens, 1):
        return Operation("add", (number, _atom(tokens)))
    over, slash, under = (tokens.ahead(count) for count in range(3))
    if over.number and over.spaced and slash.text == "/" and under.number:
        tokens.position += 3
        return Operation("add", (number, Operation("div", (over.number, under.number))))
    return number


def _letters(tokens: Tokens) -> Formula:
    run = tokens.next.text
    if formula := _known(tokens, run):
        return formula
    # Points have names of capital letters, of which none is a product.
    if len(run) == 1 or (run.isupper() and len(run) < 5):
        tokens.take()
        return _subscripted(tokens, run)
    function = function_before(run) or ("pi" if run.startswith("pi") and len(run) == 3 else "")
    if len(run) > 3 and not function:
        raise UnreadableError(f"{run} is a word")
    first = function or run[0]
    tokens.replace(Token("letters", first), Token("letters", run.removeprefix(first)))
    return _letters(tokens)


def _known(tokens: Tokens, run: str) -> Formula | None:
    """The formula that begins with a name that is known."""
    if run not in FUNCTIONS and run not in CONSTANT_NAMES and run not in LETTERS and run != "sqrt":
        return None
    tokens.take()
    if run == "sqrt":
        return _root(tokens)
    if run in FUNCTIONS:
        return _function(tokens, FUNCTIONS[run])
    return Symbol(CONSTANT_NAMES[run]) if run in CONSTANT_NAMES else _subscripted(tokens, f"\\{run}")


def _subscripted(tokens: Tokens, name: str) -> Formula:
    if tokens.skip("_"):
        name = f"{name}_{_marked(tokens)}"
    while tokens.skip("'"):
        name += "'"
    return Symbol(name)


def _marked(tokens: Tokens) -> str:
    """What follows a mark or an underscore, as it is written."""
    if not tokens.skip("{"):
        if tokens.next.text in ("", *CLOSED_BY.values()):
            raise UnreadableError("expected a name, got the end")
        return tokens.take().text
    written, depth = "", 1
    while depth:
        token = tokens.take()
        if not token.text:
            raise UnreadableError("expected }, got the end")
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        written += token.text if depth else ""
    return written


def _function(tokens: Tokens, name: str) -> Formula:
    base: Formula | None = None
    exponent: Formula | None = None
    while tokens.at("_", "^"):
        if tokens.take().text == "_":
            base = _argument(tokens) if tokens.next.kind != "number" else _atom(tokens)
        else:
            exponent = _exponent(tokens)
    if exponent == Operation("neg", (Number(Fraction(1)),)) and name in INVERSE:
        name, exponent = INVERSE[name], None
    operands = _arguments(tokens, several=name in OF_SEVERAL)
    if base is not None and name == "log":
        value: Formula = Operation("div", (Operation("ln", operands), Operation("ln", (base,))))
    elif base is not None:
        raise UnreadableError(f"{name} with a subscript")
    else:
        value = Operation(name, operands)
    return value if exponent is None else Operation("pow", (value, exponent))


def _arguments(tokens: Tokens, *, several: bool) -> tuple[Formula, ...]:
    if tokens.at("(") or (several and tokens.at(r"\{")):
        closing = ")" if tokens.take().text == "(" else r"\}"
        found = [read_formula(tokens)]
        while several and tokens.skip(","):
            found.append(read_formula(tokens))
        tokens.expect(closing)
        return tuple(found)
    factors = [_power(tokens)]
    while goes_on(tokens) and not tokens.at("(", "|") and tokens.next.text.removeprefix("\\") not in FUNCTIONS:
        factors.append(_power(tokens))
    return (_multiplied(factors),)
