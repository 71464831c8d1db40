"""The tokens of an answer, after `plain`."""

import re
from fractions import Fraction
from typing import NamedTuple

from octo.data.answers.formulas import Number, UnreadableError
from octo.data.answers.names import FUNCTIONS

LARGEST_EXPONENT = 5000
"""Decimal digits of a number that is written with an exponent."""

_TEXT = (
    r"\\(?P<font>text(?:bf|it|rm|normal|sf|tt|up)?|mathrm|mathop|mbox|operatorname\*?)"
    r"\s*\{(?P<text>(?:[^{}^]|\^(?:\{-?\d+\})?)*)\}"
)
_ENVIRONMENT = r"\\(?P<edge>begin|end)\s*\{(?P<environment>[a-zA-Z]+)\*?\}(?:\s*\{[lcr| ]*\})?"
_REPEATING = (
    r"(?P<whole>\d*)\.(?P<fixed>\d*)(?:\\(?:overline|bar)\s*\{(?P<barred>\d+)\}|\\(?:bar|overline)\s*(?P<digit>\d)"
    r"|\((?P<enclosed>\d+)\)"
    r"|\\dot\s*\{?(?P<first>\d)\}?(?:(?P<between>\d*)\\dot\s*\{?(?P<last>\d)\}?)?|(?P<marked>(?:\d[\u0305\u0307])+))"
)
_ENDLESS = r"(?P<seen>\d*\.\d+)\s*\\[lc]?dots(?![a-zA-Z])"
_GROUPED = r"[1-9]\d{0,2}(?:(?:,\d{3})+|(?: \d{3})+)(?![\d/]|,\d)(?:\.\d+)?"
_PLAIN = r"\d+(?:\.\d+)?|\.\d+"
_EXPONENT = r"(?:[eE](?P<exponent>[+-]?\d+)(?![a-zA-Z]))?"
_REST = (
    r"(?P<command>\\(?:mathbb\s*\{?[A-Z]\}?|[a-zA-Z]+))|(?P<escaped>\\.)|(?P<letters>[^\W\d_]+)"
    r"|(?P<relation><=|=<|>=|(?<=\s)!=|==|\*\*)"
    r"|(?P<sign>\S)"
)
_SEPARATED = re.compile(
    rf"\s*(?:{_TEXT}|{_ENVIRONMENT}|{_REPEATING}|{_ENDLESS}|(?P<number>{_GROUPED}|{_PLAIN}){_EXPONENT}|{_REST})",
    re.DOTALL,
)
_LISTED = re.compile(
    rf"\s*(?:{_TEXT}|{_ENVIRONMENT}|{_REPEATING}|{_ENDLESS}|(?P<number>{_PLAIN}){_EXPONENT}|{_REST})", re.DOTALL
)
_CONJUNCTION = re.compile(r"\s*(?:,\s*)?\b(and|or)\b\s*|\s*(,)\s*")
_ALIKE = {
    "<=": r"\le",
    "=<": r"\le",
    ">=": r"\ge",
    "!=": r"\ne",
    "==": "=",
    "**": "^",
    r"\bar": r"\overline",
    r"\surd": r"\sqrt",
    r"\bigcup": r"\cup",
    r"\bigcap": r"\cap",
    r"\leq": r"\le",
    r"\leqslant": r"\le",
    r"\geq": r"\ge",
    r"\geqslant": r"\ge",
    r"\neq": r"\ne",
    r"\lt": "<",
    r"\gt": ">",
    r"\equiv": "=",
    **dict.fromkeys((r"\dfrac", r"\tfrac", r"\cfrac", r"\sfrac", r"\nicefrac"), r"\frac"),
    **dict.fromkeys((r"\dbinom", r"\tbinom"), r"\binom"),
    **dict.fromkeys((r"\ast", r"\cdot", r"\times"), "*"),
    **dict.fromkeys((r"\lvert", r"\rvert", r"\vert"), "|"),
    **dict.fromkeys((r"\dots", r"\cdots"), r"\ldots"),
    **dict.fromkeys((r"\smallsetminus", r"\backslash"), r"\setminus"),
    **dict.fromkeys((r"\circ", r"\textdegree"), r"\degree"),
    **dict.fromkeys((r"\simeq", r"\doteq"), r"\approx"),
    r"\vee": r"\lor",
    r"\wedge": r"\land",
    r"\&": "and",
    r"\lbrace": r"\{",
    r"\rbrace": r"\}",
    r"\lbrack": "[",
    r"\rbrack": "]",
    r"\lparen": "(",
    r"\rparen": ")",
    r"\div": "/",
    r"\varnothing": r"\emptyset",
    r"\colon": ":",
    r"\prime": "'",
    r"\varphi": r"\phi",
    **dict.fromkeys((r"\mod", r"\bmod"), r"\pmod"),
    r"\R": r"\mathbb{R}",
    r"\Z": r"\mathbb{Z}",
}
"""Ways to write the same."""
OPENING, CLOSING = {"(", "[", r"\{", r"\langle"}, {")", "]", r"\}", r"\rangle"}


class Token(NamedTuple):
    """A piece of an answer: `kind` is number, text, letters, begin, end, or sign for all else."""

    kind: str
    text: str
    number: Number | None = None
    spaced: bool = False
    """Whether a space stands before it."""


def tokens_of(text: str) -> list[Token]:
    """The tokens of a plain answer.

    Within brackets a comma without a space stands between two answers, unless others there have one.

    Raises:
        UnreadableError: a number has more digits than anybody writes.
    """
    tokens: list[Token] = []
    depth = position = 0
    loose = ", " in text
    while found := (_SEPARATED if depth == 0 or loose else _LISTED).match(text, position):
        position = found.end()
        made = _made(found)
        tokens += made
        depth += sum((token.text in OPENING) - (token.text in CLOSING) for token in made)
    return tokens


def _made(found: "re.Match[str]") -> list[Token]:
    spaced = found[0][0].isspace()
    written = found[0].strip()
    if found["text"] is not None:
        return _words(found, spaced=spaced)
    if found["edge"]:
        return [Token(found["edge"], found["environment"], spaced=spaced)]
    number = _number(found)
    if number:
        return [Token("number", written, number, spaced)]
    if found["letters"]:
        return [Token("letters", written, spaced=spaced)]
    sign = re.sub(r"\s|[{}]", "", written) if written.startswith(r"\mathbb") else written
    if sign.startswith(r"\mathbb"):
        sign = rf"\mathbb{{{sign[-1]}}}"
    return [Token("sign", _ALIKE.get(sign, sign), spaced=spaced)]


def _words(found: "re.Match[str]", *, spaced: bool) -> list[Token]:
    """Words in a text font; what is mathematics there is read as such."""
    content = found["text"].strip()
    if not re.search(r"[^\W_]", content) or re.search(r"[\d()$%]|\\[a-z]", content):
        inner = tokens_of(content)
        if content[:1].isalpha():
            # cm^2 are units, whose letters are no factors.
            inner = [token._replace(kind="text") if token.kind == "letters" else token for token in inner]
        return [token._replace(spaced=spaced or token.spaced) for token in inner]
    if content in FUNCTIONS and (content not in ("min", "sec") or found["font"].startswith("operatorname")):
        return [Token("sign", f"\\{content}", spaced=spaced)]
    if found["font"] in ("mathrm", "mathop") and content in ("e", "i", "d"):
        return [Token("letters", content, spaced=spaced)]
    pieces = [piece for piece in _CONJUNCTION.split(content) if piece]
    apart = spaced or found["text"][:1].isspace()
    return [Token("sign" if piece == "," else "text", piece, spaced=apart) for piece in pieces]


def _number(found: "re.Match[str]") -> Number | None:
    if found["number"]:
        digits = found["number"].replace(",", "").replace(" ", "")
        exponent = int(found["exponent"] or 0) if len(found["exponent"] or "") < 6 else LARGEST_EXPONENT + 1
        if abs(exponent) > LARGEST_EXPONENT:
            raise UnreadableError(f"{found['number']} with an exponent of more than {LARGEST_EXPONENT}")
        value = Fraction(digits) * Fraction(10) ** exponent
        if "." not in digits:
            return Number(value)
        return Number(value, len(digits.replace(".", "").lstrip("0")), len(digits.partition(".")[2]))
    if found["seen"]:
        return Number(_continued(found["seen"]))
    if found["fixed"] is None:
        return None
    repeated = next((found[name] for name in ("barred", "digit", "enclosed") if found[name]), "")
    repeated = repeated or "".join(found[name] or "" for name in ("first", "between", "last"))
    repeated = repeated or re.sub(r"\D", "", found["marked"] or "")
    return Number(_repeating(found["whole"] or "0", found["fixed"], repeated))


def _repeating(whole: str, fixed: str, repeated: str) -> Fraction:
    shown = Fraction(int(whole + fixed), 10 ** len(fixed))
    return shown + Fraction(int(repeated), (10 ** len(repeated) - 1) * 10 ** len(fixed))


def _continued(seen: str) -> Fraction:
    """A decimal fraction that goes on for ever, as the end that repeats over most of its digits.

    Raises:
        UnreadableError: it shows nothing twice.
    """
    whole, _, decimals = seen.partition(".")
    best = 0, 0
    for length in range(1, len(decimals) // 2 + 1):
        repeating = length
        while repeating < len(decimals) and decimals[-repeating - 1] == decimals[length - repeating - 1]:
            repeating += 1
        if repeating >= 2 * length:
            best = max(best, (repeating, -length))
    repeating, length = best[0], -best[1]
    if not repeating:
        raise UnreadableError(f"{seen}... does not say how it goes on")
    return _repeating(whole or "0", decimals[:-length], decimals[-length:])
