"""Mathematics in MathML as TeX: the TeX that it was made of, where it says so, else one that means the same.

Presentation markup of MathML 3. Each element is gone over once; what lies deeper than `DEEPEST` is refused, so that the
work is linear in the size of a formula.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from octo.data.html_tokens import Token, attributes, unescaped
from octo.data.tex_symbols import ACCENTS, BIG, FUNCTIONS, LETTERS, OPENING, SYMBOLS, VARIANTS

DEEPEST = 100
_SPACE = re.compile(r"\s+")
_ENDS_IN_COMMAND = re.compile(r"\\[a-zA-Z]+$")
_ONE = re.compile(r"(?:\\[a-zA-Z]+|\\?.)", re.DOTALL)
_TEX = re.compile(r"tex(?!t)", re.IGNORECASE)
"""What the encoding of an annotation in TeX has in its name: application/x-tex, LaTeX."""
_SPECIAL = re.compile(r"([%#&_$])")
_CONTENT = {"apply", "ci", "cn", "csymbol", "bind", "lambda"}
_FOLDED = {"annotation-xml", "mprescripts", "none", "mspace", "maligngroup", "malignmark"}
"""Elements of which nothing is written."""


class NoTexError(Exception):
    """No TeX can be made of a formula; the message is the reason in a word or two."""


class _Frame(NamedTuple):
    """An element that is open."""

    name: str
    tag: str
    parts: list[tuple[str, str]]
    """Names and TeX of what is in it, by now; text has no name."""


def tex_of(pieces: Iterable[Token]) -> str:
    """The TeX of a formula out of what stands between <math> and </math>.

    Raises:
        NoTexError: it lies within itself too deep, or says what it means and not how it looks.
    """
    stack = [_Frame("math", "", [])]
    for piece in pieces:
        _take(stack, piece)
        if _is_source(stack[-1]):
            return stack[-1].parts[-1][1].strip()
    while len(stack) > 1:
        _close(stack)
    return joined([tex for _, tex in stack[0].parts]).strip()


def joined(parts: Sequence[str]) -> str:
    """TeX after TeX, with a space where a command would take the next letter for its own."""
    pieces: list[str] = []
    for part in filter(None, parts):
        if pieces and part[0].isalpha() and _ENDS_IN_COMMAND.search(pieces[-1]):
            pieces.append(" ")
        pieces.append(part)
    return "".join(pieces)


def _take(stack: list[_Frame], piece: Token) -> None:
    """Open, fill or close elements, as a piece says."""
    name = piece.name.rpartition(":")[2]
    if piece.kind == "text":
        if piece.source.strip() or stack[-1].name in {"mtext", "ms", "annotation"}:
            stack[-1].parts.append(("", unescaped(piece.source)))
    elif piece.kind == "start":
        if name in _CONTENT:
            raise NoTexError("content_markup")
        if len(stack) > DEEPEST:
            raise NoTexError("too_deep")
        stack.append(_Frame(name, piece.source, []))
        if piece.source.endswith("/>"):
            _close(stack)
    elif piece.kind == "end" and any(frame.name == name for frame in stack[1:]):
        while stack[-1].name != name:
            _close(stack)
        _close(stack)


def _is_source(frame: _Frame) -> bool:
    """Whether the element has just been given the TeX that a formula was made of."""
    return bool(frame.parts) and frame.parts[-1][0] == "annotation" and bool(frame.parts[-1][1].strip())


def _close(stack: list[_Frame]) -> None:
    frame = stack.pop()
    stack[-1].parts.append((frame.name, _element(frame)))


def _element(frame: _Frame) -> str:
    if frame.name in _FOLDED:
        return " " if frame.name == "mspace" else ""
    if frame.name == "mmultiscripts":
        return _many_scripts(frame.parts)
    parts = [tex for _, tex in frame.parts]
    if frame.name in _LEAVES:
        return _LEAVES[frame.name](_SPACE.sub(" ", "".join(parts)).strip(" "), frame.tag)
    if frame.name in _WITH_TAG:
        return _WITH_TAG[frame.name](parts, frame.tag)
    shape = _SHAPES.get(frame.name)
    return shape.made(parts) if shape and len(parts) >= shape.least else _row(parts)


def _identifier(text: str, tag: str) -> str:
    variant = attributes(tag).get("mathvariant", "") if "mathvariant" in tag else ""
    if len(text) == 1:
        found = LETTERS.get(text) or SYMBOLS.get(text) or _SPECIAL.sub(r"\\\1", text)
    elif text in FUNCTIONS:
        found = f"\\{text}"
    elif text.isalpha():
        return f"\\{VARIANTS.get(variant, 'mathrm')}{{{text}}}"
    else:
        found = _symbols(text)
    return f"\\{VARIANTS[variant]}{{{found}}}" if variant in VARIANTS else found


def _operator(text: str, _tag: str) -> str:
    if text in FUNCTIONS:
        return f"\\{text}"
    if len(text) > 1 and text.isalpha():
        return f"\\operatorname{{{text}}}"
    return _symbols(text)


def _symbols(text: str) -> str:
    return joined([SYMBOLS.get(each) or LETTERS.get(each, "") if each in _KNOWN else _escaped(each) for each in text])


def _escaped(character: str) -> str:
    return _SPECIAL.sub(r"\\\1", character)


def _number(text: str, _tag: str) -> str:
    return _symbols(text)


def _words(text: str, _tag: str) -> str:
    return f"\\text{{{text}}}" if text else ""


_KNOWN = {*SYMBOLS, *LETTERS}
_LEAVES: Mapping[str, Callable[[str, str], str]] = {
    "mi": _identifier, "mo": _operator, "mn": _number, "mtext": _words, "ms": _words,
}  # fmt: skip


def _row(parts: Sequence[str]) -> str:
    # A brace before a table at the end of a row is what a distinction of cases looks like.
    if len(parts) > 1 and parts[-2] == "\\{" and parts[-1].startswith(_MATRIX[0]):
        cases = f"\\begin{{cases}}{parts[-1].removeprefix(_MATRIX[0]).removesuffix(_MATRIX[1])}\\end{{cases}}"
        return joined([*parts[:-2], cases])
    return joined(parts)


def _group(tex: str) -> str:
    """What TeX takes for one thing."""
    return tex if _ONE.fullmatch(tex) else f"{{{tex}}}"


def _scripts(base: str, sub: str, sup: str) -> str:
    script = (f"_{_group(sub)}" if sub else "") + (f"^{_group(sup)}" if sup else "")
    # Primes are superscripts already.
    if sub == "" and sup and set(sup.replace("\\prime", "'")) == {"'"}:
        return f"{_group(base)}{sup.replace(chr(92) + 'prime', chr(39))}"
    return f"{_group(base)}{script}"


def _under_over(base: str, under: str, over: str) -> str:
    name = base.removeprefix("\\")
    if name in BIG or name in FUNCTIONS or base.startswith(("\\underbrace", "\\overbrace", "\\operatorname")):
        return f"{base}{f'_{_group(under)}' if under else ''}{f'^{_group(over)}' if over else ''}"
    for place, mark in (("under", under), ("over", over)):
        if mark and (accent := ACCENTS.get((place, mark))):
            base = f"\\{accent}{{{base}}}"
        elif mark:
            base = f"\\{place}set{{{mark}}}{{{base}}}"
    return base


def _many_scripts(parts: Sequence[tuple[str, str]]) -> str:
    names = [name for name, _ in parts]
    texs = [tex for _, tex in parts]
    before = names.index("mprescripts") if "mprescripts" in names else len(parts)
    base, after, ahead = texs[0] if texs else "", texs[1:before], texs[before + 1 :]
    return _pairs("{}", ahead) + _pairs(_group(base), after)


def _pairs(base: str, scripts: Sequence[str]) -> str:
    subs, sups = joined(scripts[0::2]), joined(scripts[1::2])
    return (
        f"{base}{f'_{{{subs}}}' if subs else ''}{f'^{{{sups}}}' if sups else ''}" if subs or sups else base.strip("{}")
    )


def _fraction(parts: Sequence[str], tag: str) -> str:
    top, bottom = (*parts, "", "")[:2]
    if "linethickness" in tag and attributes(tag).get("linethickness", "").startswith("0"):
        return f"{{{top} \\atop {bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def _fenced(parts: Sequence[str], tag: str) -> str:
    given = attributes(tag)
    between = given.get("separators", ",").replace(" ", "")
    inner = [
        piece
        for number, part in enumerate(parts)
        for piece in ((between[min(number, len(between)) - 1] if number and between else ""), part)
    ]
    return joined([_fence(given.get("open", "("), "left"), joined(inner), _fence(given.get("close", ")"), "right")])


def _fence(mark: str, side: str) -> str:
    mark = mark.strip()
    return f"\\{side}{OPENING.get(mark) or SYMBOLS.get(mark, mark) or '.'}"


def _enclosed(parts: Sequence[str], tag: str) -> str:
    notation, inner = attributes(tag).get("notation", "longdiv"), _row(parts)
    for words, command in (("box", "boxed"), ("radical", "sqrt"), ("strike", "cancel"), ("top", "overline")):
        if words in notation:
            return f"\\{command}{{{inner}}}"
    return inner


def _annotation(parts: Sequence[str], tag: str) -> str:
    return "".join(parts) if _TEX.search(attributes(tag).get("encoding", "")) else ""


_MATRIX = ("\\begin{matrix} ", " \\end{matrix}")
_WITH_TAG: Mapping[str, Callable[[Sequence[str], str], str]] = {
    "mfrac": _fraction, "mfenced": _fenced, "menclose": _enclosed, "annotation": _annotation,
}  # fmt: skip


class _Shape(NamedTuple):
    """How an element of so many parts is written."""

    least: int
    made: Callable[[Sequence[str]], str]


_SHAPES: Mapping[str, _Shape] = {
    "msqrt": _Shape(0, lambda parts: f"\\sqrt{{{_row(parts)}}}"),
    "mroot": _Shape(2, lambda parts: f"\\sqrt[{parts[1]}]{{{parts[0]}}}"),
    "msub": _Shape(2, lambda parts: _scripts(parts[0], parts[1], "")),
    "msup": _Shape(2, lambda parts: _scripts(parts[0], "", parts[1])),
    "msubsup": _Shape(3, lambda parts: _scripts(parts[0], parts[1], parts[2])),
    "munder": _Shape(2, lambda parts: _under_over(parts[0], parts[1], "")),
    "mover": _Shape(2, lambda parts: _under_over(parts[0], "", parts[1])),
    "munderover": _Shape(3, lambda parts: _under_over(parts[0], parts[1], parts[2])),
    "mphantom": _Shape(0, lambda parts: f"\\phantom{{{_row(parts)}}}"),
    "semantics": _Shape(1, lambda parts: parts[0]),
    "maction": _Shape(1, lambda parts: parts[0]),
    "mtable": _Shape(0, lambda parts: _MATRIX[0] + " \\\\ ".join(parts) + _MATRIX[1]),
    "mtr": _Shape(0, " & ".join),
    "mlabeledtr": _Shape(2, lambda parts: " & ".join(parts[1:])),
}
