"""What comes next in a formula, told from the tokens ahead: a factor, a name, a unit, a fraction of numbers."""

from octo.data.answers.names import CONSTANT_NAMES, FUNCTIONS, LETTERS, MARKS, SHORT_WORDS
from octo.data.answers.token_stream import Tokens
from octo.data.answers.units import SINGLE_LETTERS, is_unit

CLOSED_BY = {"(": ")", "[": "]", "{": "}", "|": "|", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
CONSTANT_SIGNS = {rf"\{name}": constant for name, constant in CONSTANT_NAMES.items()}
_BEGINS = {*CLOSED_BY, r"\frac", r"\sqrt", r"\binom", r"\$"} - {"|"}


def goes_on(tokens: Tokens) -> bool:
    """Whether the next token is a factor without a sign before it."""
    token = tokens.next
    if token.kind == "number":
        # x 2 is nobody's product, (x)2 might be one.
        return tokens.ahead(-1).text in (")", "}", "!")
    if token.kind == "letters":
        return not _is_unit_here(tokens)
    return token.kind == "sign" and (token.text in _BEGINS or is_name(token.text)) and token.text != r"\$"


def is_name(sign: str) -> bool:
    """Whether a command is a function, a letter, a constant, or a mark that makes a name of what follows it."""
    name = sign.removeprefix("\\")
    return sign.startswith("\\") and (
        name in FUNCTIONS or name in LETTERS or name in MARKS or sign in CONSTANT_SIGNS or name.startswith("mathbb")
    )


def _is_unit_here(tokens: Tokens) -> bool:
    """Whether letters behind a factor are its unit: cm, apples; m after a number and a space."""
    token, before = tokens.next, tokens.ahead(-1)
    run = token.text
    if run in ("C", "F") and r"\degree" in (before.text, tokens.ahead(-2).text):
        return True
    if run in FUNCTIONS or run in CONSTANT_NAMES or run == "sqrt" or function_before(run):
        return run == "min" and before.kind == "number"
    if len(run) == 1:
        last = tokens.ahead(1).text in ("", "^", "/", ",")
        return run in SINGLE_LETTERS and token.spaced and before.kind == "number" and last
    word = len(run) == 3 and token.spaced and bool(set("aeiou") & set(run))
    return len(run) > 3 or is_unit(run) or word or run.casefold() in SHORT_WORDS


def is_of_numbers(tokens: Tokens, start: int = 0) -> bool:
    """Whether the fraction that comes next has a number above and one below."""
    count = start + 1
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


def function_before(run: str) -> str:
    """The function of sinx and lnx."""
    return run[:-1] if run[:-1] in FUNCTIONS and len(run) > 2 else ""
