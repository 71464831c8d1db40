"""The formulas of an HTML page, each once, however it was put there.

MathML; the scripts that MathJax reads, and what MathJax and KaTeX make; images whose alternative text or address is
TeX; attributes that hold TeX; and short exponents and indices. A formula becomes a place in the text, which `settled`
fills with TeX between dollars when all of the page is known: what a page shows may come before what it was made of.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from octo.data.formula_sources import SourceOf, bare, is_rendered, of_attributes, of_image, of_script
from octo.data.html_tokens import Token, attributes, tokens, unescaped
from octo.data.mathml import NoTexError, tex_of

LONGEST = 1 << 18
"""Characters of a page that one formula may take."""
NAMED = 100
"""Formulas of a page that are listed where they are lost; all are counted."""
_SHOWN = 200
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
"""Around the number of a formula: these are no characters, and stand in no page."""
_PLACE = re.compile(f"{_OPEN}([0-9]{{1,9}}){_CLOSE}")
_SIGNS = re.compile(r"math|katex|mjx|tex|formula|equation|cht=tx|\\|\$", re.IGNORECASE)
"""What is in every tag that has to do with a formula."""
_LEAVES_MATH = {
    "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "li", "table", "tr", "td", "pre", "hr",
    "blockquote", "body", "section", "article",
}  # fmt: skip
"""Elements that are in no formula: one that meets them was never closed."""
_SLANTED = "(?:i|em|b|strong|var)"
_SCRIPTS = {
    name: (
        mark,
        re.compile(rf"\s*+(?:<{_SLANTED}>)?+([^<>\[]{{1,24}})(?:</{_SLANTED}>)?+\s*+</{name}>", re.IGNORECASE),
    )
    for name, mark in (("sup", "^"), ("sub", "_"))
}
"""Exponents and indices: what is short, and in one piece."""
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|e|re|os?|as?)", re.IGNORECASE)
_NOTE = re.compile(r"(?:tm|[®©™*†‡§¶+\s-]+)", re.IGNORECASE)
"""What is raised and no exponent."""


class Lost(NamedTuple):
    """A formula that is not in the text."""

    reason: str
    formula: str
    """Its TeX, or as much as there is of it."""


class Rank:
    """How near to its source a formula is that was found; of those that stand for one, the highest is taken."""

    PREVIEW, RENDERED, IMAGE, MARKUP, SCRIPT = range(5)


class Found(NamedTuple):
    """A formula that was found."""

    tex: str
    """Empty where there is none."""
    rank: int
    reason: str = ""
    """Why there is no TeX."""
    shown: str = ""
    """What is known of one that has none."""
    is_display: bool = False
    mark: str = ""
    """What stands on its both sides, where that is no dollar."""


class Formulas:
    """The formulas of a page, in its order."""

    def __init__(self) -> None:
        self._found: list[Found] = []
        self._lost: list[Lost] = []

    @property
    def last(self) -> Found:
        """The one that was found last."""
        return self._found[-1]

    def add(self, found: Found) -> str:
        """The place of a formula."""
        self._found.append(found)
        return f"{_OPEN}{len(self._found) - 1}{_CLOSE}"

    def replace(self, found: Found) -> None:
        """Take another for the last one."""
        self._found[-1] = found

    def unclosed(self, source: str) -> None:
        """Note one that has no end, which stays what it is on the page."""
        self._lost.append(Lost("never_closed", source[:_SHOWN]))

    def settled(self, text: str) -> tuple[str, int, Sequence[Lost]]:
        """The text with the formulas in their places, how many there are in it, and those that are not."""
        lost, left = list(self._lost), dict(enumerate(self._found))
        for number, found in enumerate(self._found):
            if not found.tex:
                del left[number]
                if found.reason:
                    lost.append(Lost(found.reason, found.shown[:_SHOWN]))
        num_found = len(left)

        def put(place: re.Match[str]) -> str:
            # Once: whoever wrote a place into a page would have a formula as often as they like.
            found = left.pop(int(place[1]), None)
            return _written(found) if found else ""

        if self._found:
            text = _PLACE.sub(put, text)
        lost += (Lost("outside_main_content", found.tex[:_SHOWN]) for found in left.values())
        return text, num_found - len(left), lost


def _written(found: Found) -> str:
    if found.mark:
        return f"{found.mark}{found.tex}{found.mark}"
    if "$" in found.tex:
        return f"\\[{found.tex}\\]" if found.is_display else f"\\({found.tex}\\)"
    return f"$${found.tex}$$" if found.is_display else f"${found.tex}$"


def with_places(source: str, formulas: Formulas) -> Iterator[Token]:
    """The pieces of a page, in which each formula is a place in a text."""
    source = source.replace(_OPEN, "").replace(_CLOSE, "")
    return _Finder(source, formulas).found()


_Read = Callable[[Token, Sequence[Token]], Found | None]


class _Finder:
    """Goes over a page once, and over what was not closed once more for each way to read a formula."""

    def __init__(self, source: str, formulas: Formulas) -> None:
        self._source = source
        self._formulas = formulas
        self._near = False
        """Whether nothing that is seen came since the last formula."""
        self._before = ""
        """The last characters that came."""
        self._is_alone = False
        """Whether the last of them stands by itself between tags."""

    def found(self) -> Iterator[Token]:
        place, given_up = 0, Counter[_Read]()
        while place < len(self._source):
            stream, place = tokens(self._source, place), len(self._source)
            for token in stream:
                kind, name, text, end = token
                if kind == "text":
                    self._saw(text)
                    yield token
                elif kind == "script":
                    yield from self._one(_of_source(of_script(text), Rank.SCRIPT), end)
                elif kind != "start":
                    yield token
                elif name in _SCRIPTS and (script := self._script(name, end)):
                    yield script
                    place = script.end
                    break
                elif name == "img":
                    yield from self._one(_of_source(of_image(text), Rank.IMAGE) if _SIGNS.search(text) else None, end)
                elif (read := _reader(name, text)) and end > given_up[read]:
                    inner = _inner(stream, name, end)
                    if isinstance(inner, int):
                        # It is no formula: what it seemed to hold is looked at once more, though not for such an end.
                        place = end
                        given_up[read] = inner
                        self._formulas.unclosed(text)
                        break
                    yield from self._one(read(token, inner), end)
                else:
                    yield token

    def _saw(self, text: str) -> None:
        if not text.isspace():
            self._near = False
        self._is_alone = len(text.strip()) == 1 or bool(_ONE_REFERENCE.fullmatch(text))
        # A letter may be a reference: &pi;
        last = unescaped(text[-_REFERENCE:]) if text.endswith(";") else text
        self._before = (self._before + last[-_WORD:])[-_WORD:]

    def _script(self, name: str, place: int) -> Token | None:
        """An exponent or an index as TeX, where one is and there is something that it belongs to."""
        mark, pattern = _SCRIPTS[name]
        base = self._before[-1:]
        # What follows a word is a note.
        is_word = not self._is_alone and len(self._before) == _WORD and self._before.isalpha()
        if is_word or not (base.isalnum() or base in _BASES):
            return None
        found = pattern.match(self._source, place)
        text = found[1].strip() if found else ""
        if not found or not text or (name == "sup" and (_NOTE.fullmatch(text) or _is_ordinal(base, text))):
            return None
        self._saw(text)
        return Token("text", "", f"{mark}{text if len(text) == 1 else f'{{{text}}}'}", found.end())

    def _one(self, found: Found | None, end: int) -> Iterator[Token]:
        """A formula in its place, if it is not the one before it once more."""
        if found is None or (not found.tex and not found.reason):
            return
        if self._near and (same := _same(self._formulas.last, found)):
            self._formulas.replace(same)
            return
        place = self._formulas.add(found)
        self._near, self._before = True, _CLOSE
        line = [Token("start", "br", "<br>", end)] if found.is_display else []
        yield from (*line, Token("text", "", place, end), *line)


def _reader(name: str, tag: str) -> _Read | None:
    """What reads an element with all that is in it; None for one that is no formula."""
    if name == "math" or name.endswith(":math"):
        return _markup
    # A tag without attributes says nothing of formulas.
    if (len(tag) <= len(name) + 2 and name != "mjx-container") or name in _VOID or not _SIGNS.search(tag):
        return None
    given = attributes(tag)
    if is_rendered(name, given):
        return _rendered
    return _attribute if of_attributes(given) else None


def _inner(stream: Iterator[Token], name: str, start: int) -> list[Token] | int:
    """What is in an element; where it was given up, when it has no end."""
    inner: list[Token] = []
    depth, end = 1, start
    for token in stream:
        end = token.end
        if end - start > LONGEST or (name.endswith("math") and token.kind == "start" and token.name in _LEAVES_MATH):
            return end
        if token.name == name:
            depth += {"start": 1, "end": -1}.get(token.kind, 0)
            if depth == 0:
                return inner
        inner.append(token)
    return end


def _is_ordinal(base: str, text: str) -> bool:
    return base.isdigit() and bool(_ORDINAL.fullmatch(text))


def _same(last: Found, found: Found) -> Found | None:
    """What stands for both, where they are one formula; None where they are two."""
    if last.rank == found.rank:
        return None
    is_display = last.is_display or found.is_display
    if last.rank <= Rank.RENDERED and found.rank > last.rank:
        return (found if found.tex else last)._replace(is_display=is_display)
    if not found.tex:
        return last
    if not last.tex or (found.rank > last.rank and _plain(last) == _plain(found)):
        return found._replace(is_display=is_display)
    return last._replace(is_display=is_display) if _plain(last) == _plain(found) else None


def _plain(found: Found) -> str:
    return "".join(found.tex.split())


def _of_source(source: SourceOf | None, rank: int) -> Found | None:
    if source is None:
        return None
    if source.mathml:
        found = _first_markup(list(tokens(source.mathml)))
        return found and found._replace(rank=rank)
    if source.ascii_math:
        return Found(source.ascii_math, rank, mark="`")
    reason = "" if source.tex else "image_without_text"
    return Found(source.tex, rank, reason, source.missing, source.is_display)


def _markup(token: Token, inner: Sequence[Token]) -> Found:
    given = attributes(token.source)
    is_display = given.get("display") == "block" or given.get("mode") == "display"
    text = "".join(each.source for each in inner if each.kind == "text").strip()
    if all(each.kind == "text" for each in inner):
        # TeX as wikis keep it, which nobody has set.
        return Found(bare(text), Rank.MARKUP, is_display=is_display)
    try:
        tex = bare(tex_of(inner))
        return Found(tex or bare(given.get("alttext", "")), Rank.MARKUP, "empty_markup", text, is_display)
    except NoTexError as error:
        shown = text or "".join(each.source for each in inner[:NAMED])
        return Found(bare(given.get("alttext", "")), Rank.MARKUP, str(error), shown, is_display)


def _rendered(token: Token, inner: Sequence[Token]) -> Found | None:
    """What is shown of a formula, and may hold it as well."""
    given = attributes(token.source)
    classes = given.get("class", "")
    is_display = "isplay" in classes or given.get("display") == "true"
    text = "".join(each.source for each in inner if each.kind == "text").strip()
    if "Preview" in classes:
        return Found(bare(text) if "\\" in text or "^" in text else "", Rank.PREVIEW, "", text, is_display)
    for each in (token, *inner):
        if each.kind == "start" and "data-" in each.source:
            held = attributes(each.source)
            if "data-mathml" in held:
                inner = list(tokens(held["data-mathml"]))
                break
            if "data-latex" in held:
                return Found(bare(held["data-latex"]), Rank.RENDERED, is_display=is_display)
    found = _first_markup(inner)
    if found:
        return found._replace(rank=Rank.RENDERED, is_display=is_display or found.is_display)
    return Found("", Rank.RENDERED, "shown_only", text or classes or token.name, is_display)


def _attribute(token: Token, _inner: Sequence[Token]) -> Found:
    given = attributes(token.source)
    return Found(of_attributes(given), Rank.MARKUP, is_display="isplay" in given.get("class", ""))


def _first_markup(pieces: Sequence[Token]) -> Found | None:
    for start, token in enumerate(pieces):
        if token.kind == "start" and token.name.rpartition(":")[2] == "math":
            rest = pieces[start + 1 :]
            end = next(
                (at for at, each in enumerate(rest) if each.kind == "end" and each.name == token.name), len(rest)
            )
            return _markup(token, rest[:end])
    return None


_BASES = {")", "]", "|", _CLOSE}
"""What has exponents and indices beside letters and digits."""
_REFERENCE = 12
_ONE_REFERENCE = re.compile(r"\s*+&#?\w{1,10};\s*+")
_WORD = 3
"""Letters that are more than one or two names side by side."""
_VOID = {"img", "br", "hr", "input", "meta", "link", "base", "area", "col", "embed", "source", "track", "wbr"}
"""Elements that have no end."""
