"""The text of an HTML page, as somebody reads it: without tags, scripts and styles, in lines as its blocks are.

All of it, or its main content; its formulas are TeX between dollars (see html_formulas.py), and those that are lost are
listed. The page is gone over piece by piece, in time that is linear in its length.
"""

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from octo.data.documents import Rejected
from octo.data.html_formulas import NAMED, Formulas, Lost, with_places
from octo.data.html_main import main_content
from octo.data.html_tokens import Token, attributes, unescaped
from octo.data.time_limit import TOO_SLOW, DocumentClock, TooSlowError

_SPACE = re.compile(r"[ \t\n\r\f]+")
_MANY_LINES = re.compile(r"\n(?:[ \t]*+\n){2,}+")
# Looked at from its first space alone: a run of spaces that ends no line would be tried from each of them.
_LINE_END = re.compile(r"(?<![ \t])[ \t]++(?=\n)|\r")
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}["']?([\w.:-]{1,40})""", re.IGNORECASE)
_CHARSET_BYTES = 1024
"""Where the standard looks for a page's own word on its encoding."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_ALIASES = {
    **dict.fromkeys(("ascii", "iso8859-1"), "cp1252"),
    **dict.fromkeys(("gbk", "gb2312"), "gb18030"),
    **dict.fromkeys(("shift_jis", "x-sjis", "windows-31j"), "cp932"),
    "euc_kr": "cp949",
    "windows-874": "cp874",
    "utf-16": "utf-8",
}
"""Encodings that are read as another, as the standard has it."""
_ENCODINGS = {
    "utf-8", "koi8-r", "koi8-u", "mac-roman", "gb18030", "big5", "big5hkscs", "cp932", "euc_jp", "cp949", "iso2022_jp",
    "cp866", "cp874", "tis-620", *(f"cp125{number}" for number in range(9)),
    *(f"iso8859-{number}" for number in (*range(2, 12), 13, 14, 15, 16)),
}  # fmt: skip
"""What pages are written in. Python knows codecs whose time is not linear, and a page may name any."""
_CELLS = {"td", "th"}
_LISTS = {"ul", "ol"}
_DIGITS = 9
_INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i",
    "img", "ins", "kbd", "label", "mark", "q", "s", "samp", "script", "small", "span", "strike", "strong", "style",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
}  # fmt: skip
"""Elements that stand within a line."""


Extent = Literal["whole", "main"]
"""All of a page, or its main content."""


class Page(NamedTuple):
    """What a page says."""

    title: str
    text: str
    num_formulas: int = 0
    """In the text."""
    lost: Sequence[Lost] = ()
    """Formulas that are not in it."""


def read_page(
    body: bytes, *, url: str, clock: DocumentClock, encoding: str = "", is_html: bool = True, extent: Extent = "whole"
) -> dict[str, object] | Rejected:
    """The record of a page, or of a plain text that is kept as pages are."""
    try:
        source = decoded(body, encoding=encoding)
        if not is_html:
            return {"text": source}
        page = clock.timed(page_of, source, extent=extent)
    except LookupError as error:
        return Rejected(url, "unknown_encoding", str(error.args[0]))
    except UnicodeDecodeError as error:
        return Rejected(url, "invalid_utf8", f"byte {error.start} of the page: {error.reason} in {error.encoding}")
    except TooSlowError as error:
        return Rejected(url, TOO_SLOW, str(error))
    found: dict[str, object] = {"text": page.text}
    if page.title:
        found["title"] = page.title
    if page.num_formulas:
        found["formulas"] = page.num_formulas
    if page.lost:
        found["formulas_lost"] = len(page.lost)
        found["lost_formulas"] = [each._asdict() for each in page.lost[:NAMED]]
    return found


def formulas_of(metadata: str) -> Mapping[str, int]:
    """Counters of a document's formulas: those in its text, and those that are not."""
    if '"formulas' not in metadata:
        return {}
    fields = json.loads(metadata)
    counts = {"formulas.kept": fields.get("formulas"), "formulas.lost": fields.get("formulas_lost")}
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def decoded(page: bytes, *, encoding: str = "") -> str:
    """The page in characters: by its byte order mark, else the encoding given, else the one it names, else UTF-8.

    Raises:
        LookupError: no page is written in that encoding.
        UnicodeDecodeError: it is not in that encoding.
    """
    for mark, marked in _MARKS:
        if page.startswith(mark):
            return page[len(mark) :].decode(marked)
    own = _CHARSET.search(page, 0, _CHARSET_BYTES)
    return page.decode(_known(encoding or (own[1].decode(errors="replace") if own else "utf-8")))


def _known(encoding: str) -> str:
    name = encoding.strip().lower()
    with suppress(LookupError, ValueError):
        name = codecs.lookup(name).name
    name = _ALIASES.get(name, name)
    if name not in _ENCODINGS:
        raise LookupError(f"the encoding {encoding[:40]!r} is not read")
    return name


def page_of(source: str, *, extent: Extent = "whole") -> Page:
    """The title and the text of a page; of one without main content, all of the text."""
    for read in (main_content, _whole) if extent == "main" else (_whole,):
        formulas, titles = Formulas(), list[str]()
        text = read(_untitled(with_places(source, formulas), titles))
        if text:
            break
    return Page(next(filter(None, titles), ""), *formulas.settled(text))


def _untitled(pieces: Iterable[Token], titles: list[str]) -> Iterator[Token]:
    for piece in pieces:
        if piece.kind == "title":
            titles.append(_SPACE.sub(" ", unescaped(piece.source)).strip())
        else:
            yield piece


def _whole(pieces: Iterable[Token]) -> str:
    text = _Text()
    for piece in pieces:
        if piece.kind == "text":
            text.write(piece.source)
        else:
            text.mark(piece)
    return text.whole()


class _Text:
    """Lines as they come to be."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._in_pre = 0
        self._lists: list[int | None] = []
        """The number of the next item of each list that is open; None where items have none."""
        self._at_start = True

    def write(self, source: str) -> None:
        """Add what stands between two tags."""
        text = unescaped(source)
        if not self._in_pre:
            text = _SPACE.sub(" ", text)
            text = text.lstrip(" ") if self._at_start else text
        if text:
            self._pieces.append(text)
            self._at_start = text[-1] in " \n"

    def mark(self, piece: Token) -> None:
        """Add what a tag means for the lines."""
        name, closing = piece.name, piece.kind == "end"
        if name == "pre":
            self._in_pre = max(0, self._in_pre + (-1 if closing else 1))
        if name in _CELLS:
            self._pieces.append("" if closing else "\t")
            self._at_start = True
        elif name not in _INLINE:
            # A paragraph stands apart; other blocks and breaks begin a line.
            self._pieces.append("\n\n" if name == "p" else "\n")
            self._at_start = True
        if name in _LISTS:
            self._list(piece)
        elif name == "li" and not closing:
            self._pieces.append(self._item())

    def _list(self, piece: Token) -> None:
        if piece.kind == "start":
            start = attributes(piece.source).get("start", "1") if piece.name == "ol" else ""
            self._lists.append(int(start) if start.isdecimal() and len(start) < _DIGITS else 1 if start else None)
        elif self._lists:
            self._lists.pop()

    def _item(self) -> str:
        """What an item of the innermost list begins with: its number, or a dash."""
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def whole(self) -> str:
        """All of it, without what only separates tags from each other in the source."""
        joined = _LINE_END.sub("", "".join(self._pieces))
        return _MANY_LINES.sub("\n\n", joined).strip("\n\t ")
