"""From tokens to a formula. Every step moves forward, and nesting has an end: time is linear in the length."""

from fractions import Fraction

from octo.data.answers.formulas import Formula, Number, Operation, Symbol, UnreadableError
from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, INVERSE, LETTERS, MARKS, OF_SEVERAL, SHORT_WORDS
from octo.data.answers.token_stream import Tokens
from octo.data.answers.tokens import Token
from octo.data.answers.units import SINGLE_LETTERS, is_unit

_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "|": "|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
_AROUND = {"|": "abs", r"\lfloor": "floor", r"\lceil": "ceil"}
_SIGNS = {"+": "pos", "-": "neg", r"\pm": "pm", r"\mp": "mp"}
_CONSTANTS = {rf"\{name}": constant for name, constant in CONSTANT_NAMES.items()}
_OF_TWO = {r"\frac": "div", r"\binom": "binom"}
_BEGINS = {*_CLOSED_BY, r"\frac", r"\sqrt", r"\binom", r"\$"} - {"|"}


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
        elif _goes_on(tokens):
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


def _goes_on(tokens: Tokens) -> bool:
    """Whether the next token is a factor without a sign before it."""
    token = tokens.next
    if token.kind == "number":
        # x 2 is nobody's product, (x)2 might be one.
        return tokens.ahead(-1).text in (")", "}", "!")
    if token.kind == "letters":
        return not _is_unit_here(tokens)
    return token.kind == "sign" and (token.text in _BEGINS or _is_name(token.text)) and token.text != r"\$"


def _is_name(sign: str) -> bool:
    name = sign.removeprefix("\\")
    return sign.startswith("\\") and (
        name in FUNCTIONS or name in LETTERS or name in MARKS or sign in _CONSTANTS or name.startswith("mathbb")
    )


def _is_unit_here(tokens: Tokens) -> bool:
    """Whether letters behind a factor are its unit: cm, apples; m after a number and a space."""
    token, before = tokens.next, tokens.ahead(-1)
    run = token.text
    if run in ("C", "F") and r"\degree" in (before.text, tokens.ahead(-2).text):
        return True
    if run in FUNCTIONS or run in CONSTANT_NAMES or _function_before_letter(run):
        return run == "min" and before.kind == "number"
    if len(run) == 1:
        last = tokens.ahead(1).text in ("", "^", "/", ",")
        return run in SINGLE_LETTERS and token.spaced and before.kind == "number" and last
    word = len(run) == 3 and token.spaced and bool(set("aeiou") & set(run))
    return len(run) > 3 or is_unit(run) or word or run.casefold() in SHORT_WORDS


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
        atom = _enclosed(tokens) if token.text in _CLOSED_BY else _command(tokens)
    tokens.depth -= 1
    return atom


def _enclosed(tokens: Tokens) -> Formula:
    opening = tokens.take().text
    inner = read_formula(tokens)
    tokens.expect(_CLOSED_BY[opening])
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
    if sign in _CONSTANTS:
        return Symbol(_CONSTANTS[sign])
    if not _is_name(sign):
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
    if tokens.at(r"\frac") and _is_of_numbers(tokens):
        return Operation("add", (number, _command(tokens)))
    over, slash, under = (tokens.ahead(count) for count in range(3))
    if over.number and over.spaced and slash.text == "/" and under.number:
        tokens.position += 3
        return Operation("add", (number, Operation("div", (over.number, under.number))))
    return number


def _is_of_numbers(tokens: Tokens) -> bool:
    """Whether the fraction that comes next has a number above and one below."""
    count = 1
    for _ in range(2):
        if tokens.ahead(count).text == "{":
            if not tokens.ahead(count + 1).number or tokens.ahead(count + 2).text != "}":
                return False
            count += 3
        elif tokens.ahead(count).number:
            # Of 12 in \frac12 the 2 stands below.
            count += len(tokens.ahead(count).text) == 1
        else:
            return False
    return True


def _letters(tokens: Tokens) -> Formula:
    run = tokens.next.text
    if formula := _known(tokens, run):
        return formula
    # Points have names of capital letters, of which none is a product.
    if len(run) == 1 or (run.isupper() and len(run) < 5):
        tokens.take()
        return _subscripted(tokens, run)
    function = _function_before_letter(run) or ("pi" if run.startswith("pi") and len(run) == 3 else "")
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


def _function_before_letter(run: str) -> str:
    """The function of sinx and lnx."""
    return run[:-1] if run[:-1] in FUNCTIONS and len(run) > 2 else ""


def _subscripted(tokens: Tokens, name: str) -> Formula:
    if tokens.skip("_"):
        name = f"{name}_{_marked(tokens)}"
    while tokens.skip("'"):
        name += "'"
    return Symbol(name)


def _marked(tokens: Tokens) -> str:
    """What follows a mark or an underscore, as it is written."""
    if not tokens.skip("{"):
        if tokens.next.text in ("", *_CLOSED_BY.values()):
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
    while _goes_on(tokens) and not tokens.at("(", "|") and tokens.next.text.removeprefix("\\") not in FUNCTIONS:
        factors.append(_power(tokens))
    return (_multiplied(factors),)
