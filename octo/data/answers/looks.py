"""An answer without what only concerns its looks: delimiters, fonts, sizes, spaces, characters beside LaTeX's own."""

import re
import unicodedata

_CHARACTERS = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{EM DASH}": "-",
        "\N{MULTIPLICATION SIGN}": r"\times ",
        "\N{MIDDLE DOT}": r"\cdot ",
        "\N{DOT OPERATOR}": r"\cdot ",
        "\N{DIVISION SIGN}": r"\div ",
        "\N{FRACTION SLASH}": "/",
        "\N{DIVISION SLASH}": "/",
        "\N{PLUS-MINUS SIGN}": r"\pm ",
        "\N{MINUS-OR-PLUS SIGN}": r"\mp ",
        "\N{LESS-THAN OR EQUAL TO}": r"\le ",
        "\N{GREATER-THAN OR EQUAL TO}": r"\ge ",
        "\N{NOT EQUAL TO}": r"\ne ",
        "\N{ALMOST EQUAL TO}": r"\approx ",
        "\N{INFINITY}": r"\infty ",
        "\N{GREEK SMALL LETTER PI}": r"\pi ",
        "\N{SQUARE ROOT}": r"\sqrt ",
        "\N{CUBE ROOT}": r"\sqrt[3]",
        "\N{FOURTH ROOT}": r"\sqrt[4]",
        "\N{DEGREE SIGN}": r"\degree ",
        "\N{RING ABOVE}": r"\degree ",
        "\N{RING OPERATOR}": r"\degree ",
        "\N{NOT AN ELEMENT OF}": r"\notin ",
        "\N{MASCULINE ORDINAL INDICATOR}": r"\degree ",
        "\N{DEGREE CELSIUS}": r"\degree C",
        "\N{DEGREE FAHRENHEIT}": r"\degree F",
        "\N{UNION}": r"\cup ",
        "\N{INTERSECTION}": r"\cap ",
        "\N{ELEMENT OF}": r"\in ",
        "\N{EMPTY SET}": r"\emptyset ",
        "\N{LATIN CAPITAL LETTER O WITH STROKE}": r"\emptyset ",
        "\N{DOUBLE-STRUCK CAPITAL R}": r"\mathbb{R}",
        "\N{DOUBLE-STRUCK CAPITAL Z}": r"\mathbb{Z}",
        "\N{SET MINUS}": r"\setminus ",
        "\N{HORIZONTAL ELLIPSIS}": r"\ldots ",
        "\N{MATHEMATICAL LEFT ANGLE BRACKET}": r"\langle ",
        "\N{MATHEMATICAL RIGHT ANGLE BRACKET}": r"\rangle ",
        "\N{LEFT FLOOR}": r"\lfloor ",
        "\N{RIGHT FLOOR}": r"\rfloor ",
        "\N{LEFT CEILING}": r"\lceil ",
        "\N{RIGHT CEILING}": r"\rceil ",
        "\N{FULLWIDTH COMMA}": ",",
        "\N{IDEOGRAPHIC COMMA}": ",",
        "\N{IDEOGRAPHIC FULL STOP}": ".",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{PRIME}": "'",
        "\N{SCRIPT SMALL L}": r"\ell ",
        **{
            letter: rf"\{name} "
            for letter, name in zip(
                "αβγδεθλμσφωτρ",
                (
                    "alpha",
                    "beta",
                    "gamma",
                    "delta",
                    "epsilon",
                    "theta",
                    "lambda",
                    "mu",
                    "sigma",
                    "phi",
                    "omega",
                    "tau",
                    "rho",
                ),
                strict=True,
            )
        },
        **dict.fromkeys(
            "\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}\N{HAIR SPACE}\N{EN SPACE}\N{EM SPACE}", " "
        ),
        **dict.fromkeys("\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}\N{INVISIBLE TIMES}", ""),
    }
)
_RAISED = re.compile("[\N{SUPERSCRIPT PLUS SIGN}\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT LATIN SMALL LETTER N}⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_LOWERED = re.compile("[₀₁₂₃₄₅₆₇₈₉ₙ]+")
_FRACTION = re.compile("[¼-¾⅐-⅞↉]")
_MATHEMATICS = re.compile(r"\\\((.*)\\\)|\\\[(.*)\\\]|\$\$(.*)\$\$|\$([^$]*)\$", re.DOTALL)
_STRONG = re.compile(r"\*\*(.*)\*\*|\*([^*]*)\*|__(.*)__|`+([^`]*)`+", re.DOTALL)
_BOX = re.compile(r"\\(?:f?box(?:ed)?|framebox|ensuremath)\s*\{(.*)\}", re.DOTALL)
_NESTED = re.compile(r"\\(?:text\w*|mbox|mathrm)\s*\{\s*(\\(?:text\w*|mbox|mathrm)\s*\{[^{}]*\})\s*\}")
_REALS = re.compile(r"\\mathbb\s*\{?\s*R\s*\}?\s*[\^_]\s*\{?\s*(\+|\*|\\times|>\s*0|\\geq?\s*0)\s*\}?(?![\w\\])")
_PARTS_OF_REALS = {"+": r"(0,\infty)", ">": r"(0,\infty)", r"\g": r"[0,\infty)"}
_FONT = re.compile(
    r"\\(?:mathbf|mathit|mathsf|mathcal|boldsymbol|bm|displaystyle|textstyle|bf|it|rm|limits|mathord"
    r"|left|right|[bB]igg?[lrm]?|mathtt|[hv]space\*?\{[^{}]*\}|phantom\{[^{}]*\}|nolimits|strut|tiny|small|large|Large|LARGE|huge|normalsize|mathstrut"
    r"|square|blacksquare|checkmark|qed|hfill)(?![a-zA-Z])\.?"
)
_COLOR = re.compile(r"\\(?:text)?color\s*\{[a-zA-Z]+\}|\\underline(?=\s*\{)|\\fcolorbox\{\w+\}\{\w+\}")
_TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_OLD_FONT = re.compile(r"\{\s*\\(?:rm|bf|it|sf|tt)(?![a-zA-Z])\s*([^{}]*)\}|\\(?:rm|bf|it|sf|tt)\s*\{([^{}]*)\}")
_PRIMES = re.compile(r"\^\s*(?:\{\s*((?:\\prime\s*|')+)\}|(\\prime)(?![a-zA-Z]))")
_PERCENT = re.compile(r"(?<![a-zA-Z])\{%\}")
_NOT = re.compile(r"\\not\s*(=|\\in(?![a-zA-Z]))")
_LESS = re.compile(r"(?<=[})\]])\s*-\s*(?=\\\{)")
_INFINITY = re.compile(
    r"\s*([+-]?)\s*(?:\\(?:text|mathrm|operatorname)\s*\{)?\s*"
    r"(negative |positive |minus |plus )?inf(?:inity)?\s*\}?\s*",
    re.IGNORECASE,
)
_SYSTEM = re.compile(r"\s*\\begin\{(aligned|gathered|split|align\*?)\}(.*)\\end\{\1\}\s*", re.DOTALL)
_RING = re.compile(r"\^\s*(?:o(?![a-zA-Z])|\{\s*(?:o|\\text\{o\})\s*\})")
_NEGATIVE = re.compile(r"(?<![a-zA-Z\\])(?:\\text\s*\{)?\s*(?:negative|minus)\s*\}?\s*(?=[\d.\\])", re.IGNORECASE)
_APOSTROPHES = re.compile(r"(?<![\d'])[1-9]\d{0,2}(?:'\d{3})+(?![\d'])")
_TURNED_INTERVAL = re.compile(r"([\[\]])([^\[\]]+,[^\[\]]+)([\[\]])")
_ROW_HEIGHT = re.compile(r"(?<=\\\\)\s*\[[-\d. ]*(?:pt|ex|em|mm|cm)\]")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th|\^\{?\\text\{\s*(?:st|nd|rd|th)\}\}?)(?![a-zA-Z])")
_NOON = re.compile(r"(?<![a-zA-Z])([aApP])\.\s?[mM]\.?(?![a-zA-Z])")
_UNITS = re.compile(r"\\[dt]?frac\{\\(?:text|mathrm)\{([^{}\d]+)\}\}\{\\(?:text|mathrm)\{([^{}\d]+)\}\}")
# A line break of a matrix comes first, lest its second half be taken for the beginning of a space.
_SPACE = re.compile(r"(\\\\)|\\(?:[,;:> ]|q?quad(?![a-zA-Z])|enspace(?![a-zA-Z])|thinspace(?![a-zA-Z]))|~|\s+")
_DOLLAR = re.compile(r"(\\)?\$")
_ENDS = " .,;:?\\"


def plain(text: str) -> str:
    """The answer in LaTeX's own characters, without delimiters, fonts and sizes, a space for every space."""
    text = _LOWERED.sub(lambda run: f"_{{{_narrow(run[0])}}}", _RAISED.sub(lambda run: f"^{{{_narrow(run[0])}}}", text))
    text = _FRACTION.sub(lambda sign: r"\frac{{{}}}{{{}}}".format(*_narrow(sign[0]).split("\N{FRACTION SLASH}")), text)
    text = _narrow(text.translate(_CHARACTERS)).replace("\N{FRACTION SLASH}", "/")
    text = _unwrapped(text.replace("...", r"\ldots "))
    text = text.replace(r"\!", "").replace("{,}", ",").replace("{:}", ":").replace("{.}", ".").replace(r"\%", "%")
    text = _PRIMES.sub(lambda run: "'" * max(1, (run[1] or "'").count("'") + (run[1] or "").count("p")), text)
    text = _NOT.sub(
        lambda sign: r"\ne " if sign[1] == "=" else r"\notin ", _PERCENT.sub("%", text).replace(r"\imath", "i")
    )
    for _ in range(3):
        text = _NESTED.sub(r"\1", text)
    text = _REALS.sub(lambda found: _PARTS_OF_REALS.get(found[1][:2].strip("0 "), r"\mathbb{R}\setminus\{0\}"), text)
    text = _OLD_FONT.sub(lambda font: rf"\mathrm{{{font[1] or font[2]}}}", text)
    text = _UNITS.sub(r"\\text{\1/\2}", _FONT.sub("", _COLOR.sub("", _ROW_HEIGHT.sub("", text))))
    text = _RING.sub(r"\\degree ", _TIMES_TEN.sub(r"\\times ", _NOON.sub(r"\1m", _ORDINAL.sub("", text))))
    if infinite := _INFINITY.fullmatch(text):
        text = ("-" if infinite[1] == "-" or (infinite[2] or "")[:1] in ("n", "m") else "") + r"\infty"
    if system := _SYSTEM.fullmatch(text):
        # Equations below each other are said side by side as well.
        text = system[2].replace("&", "").replace(r"\\", ", ")
    text = _LESS.sub(r" \\setminus ", text)
    text = _APOSTROPHES.sub(lambda number: number[0].replace("'", ","), _NEGATIVE.sub("-", text, count=1))
    if turned := _TURNED_INTERVAL.fullmatch(text.strip()):
        # ]1, 2[ is how others write (1, 2).
        text = f"{turned[1].replace(']', '(')}{turned[2]}{turned[3].replace('[', ')')}"
    return _ended(_SPACE.sub(lambda space: space[1] or " ", text))


def _narrow(text: str) -> str:
    """Characters of a usual width and height."""
    return unicodedata.normalize("NFKC", text)


def _unwrapped(text: str) -> str:
    """What stands between delimiters, however often there are some."""
    while True:
        text = text.strip().rstrip(_ENDS) if not text.endswith("\\)") and not text.endswith("\\]") else text.strip()
        found = _MATHEMATICS.fullmatch(text) or _STRONG.fullmatch(text) or _whole_box(text)
        if not found:
            break
        text = next(content for content in found.groups() if content is not None)
    # One dollar is money, two stand around mathematics.
    money = text.count("$") - text.count(r"\$")
    return _DOLLAR.sub(lambda sign: r"\$ " if sign[1] or money % 2 else "", text)


def _whole_box(text: str) -> "re.Match[str] | None":
    found = _BOX.fullmatch(text)
    return found if found and _balanced(found[1]) else None


def _balanced(text: str) -> bool:
    depth = 0
    for brace in re.finditer(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth < 0:
            return False
    return depth == 0


def _ended(text: str) -> str:
    """Without the punctuation of the sentence that it stands in."""
    text = text.strip()
    while text and text[-1] in _ENDS and not text.endswith(r"\$"):
        text = text[:-1].strip()
    return text
