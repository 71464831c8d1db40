"""The text of an HTML page, as somebody reads it: without tags, scripts and styles, in lines as its blocks are.

No tree is built: by the standard's own rules that takes n x n steps where tags are not closed, and a text needs none.
The page is gone over once. What the standard's tokenizer takes for text, a tag or a comment is taken for the same.
"""

import codecs
import html
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import NamedTuple

from octo.data.documents import Rejected
from octo.data.time_limit import TOO_SLOW, DocumentClock, TooSlowError

_MARK = re.compile(r"<(?:!--|/?[a-zA-Z]|[!?/])")
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)(?>=\s*+(?:"[^"]*+"|'[^']*+')|[^>])*+>""")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_MANY_LINES = re.compile(r"\n(?:[ \t]*+\n){2,}+")
# Looked at from its first space alone: a run of spaces that ends no line would be tried from each of them.
_LINE_END = re.compile(r"(?<![ \t])[ \t]++(?=\n)|\r")
_ZEROS = re.compile(r"(&#[xX]?)0++")
_TOO_LARGE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
"""References to characters that cannot be; Python would make integers of their digits."""
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
_RAW = {"script", "style", "textarea", "title", "iframe", "noembed", "noframes", "noscript", "xmp"}
"""Elements in which nothing is a tag but their own end; none of them is read with the text."""
_CELLS = {"td", "th"}
_INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
    "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt",
    "u", "var", "wbr",
}  # fmt: skip
"""Elements that stand within a line."""


class Page(NamedTuple):
    """What a page says."""

    title: str
    text: str


def read_page(
    body: bytes, *, url: str, clock: DocumentClock, encoding: str = "", is_html: bool = True
) -> dict[str, object] | Rejected:
    """The record of a page, or of a plain text that is kept as pages are."""
    try:
        source = decoded(body, encoding=encoding)
        if not is_html:
            return {"text": source}
        page = clock.timed(page_of, source)
    except LookupError as error:
        return Rejected(url, "unknown_encoding", str(error.args[0]))
    except UnicodeDecodeError as error:
        return Rejected(url, "invalid_utf8", f"byte {error.start} of the page: {error.reason} in {error.encoding}")
    except TooSlowError as error:
        return Rejected(url, TOO_SLOW, str(error))
    return {"text": page.text, **({"title": page.title} if page.title else {})}


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


def page_of(source: str) -> Page:
    """The title and the text of a page."""
    text = _Text()
    titles = []
    for kind, content in _tokens(source):
        if kind == "text":
            text.write(content)
        elif kind == "title":
            titles.append(_SPACE.sub(" ", _unescaped(content)).strip())
        else:
            text.mark(content, closing=kind == "end")
    return Page(next(filter(None, titles), ""), text.whole())


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    """The text between tags, the names of tags (start, end), and the title's text; each character is looked at once."""
    place = 0
    while found := _MARK.search(source, place):
        yield "text", source[place : found.start()]
        if found[0] == "<!--":
            place = _behind(source, "-->", found.end() - 2)
        elif found[0][-1] in "!?/":
            place = _behind(source, ">", found.end())
        elif (tag := _TAG.match(source, found.start())) is None:
            # Tags and comments that are not closed reach to the end.
            return
        else:
            name, place = tag[2].lower(), tag.end()
            if not tag[1] and name in _RAW:
                end = _end_of(name).search(source, place)
                if name == "title":
                    yield "title", source[place : end.start() if end else len(source)]
                place = end.start() if end else len(source)
            else:
                yield "end" if tag[1] else "start", name
    yield "text", source[place:]


def _behind(source: str, mark: str, place: int) -> int:
    found = source.find(mark, place)
    return len(source) if found < 0 else found + len(mark)


@cache
def _end_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)


def _unescaped(text: str) -> str:
    if "&" not in text:
        return text
    return html.unescape(_TOO_LARGE.sub("\N{REPLACEMENT CHARACTER}", _ZEROS.sub(r"\1", text)))


class _Text:
    """Lines as they come to be."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._in_pre = 0
        self._at_start = True

    def write(self, source: str) -> None:
        """Add what stands between two tags."""
        text = _unescaped(source)
        if not self._in_pre:
            text = _SPACE.sub(" ", text)
            text = text.lstrip(" ") if self._at_start else text
        if text:
            self._pieces.append(text)
            self._at_start = text[-1] in " \n"

    def mark(self, name: str, *, closing: bool) -> None:
        """Add what a tag means for the lines."""
        if name == "pre":
            self._in_pre = max(0, self._in_pre + (-1 if closing else 1))
        if name in _CELLS:
            self._pieces.append("" if closing else "\t")
            self._at_start = True
        elif name not in _INLINE:
            # A paragraph stands apart; other blocks and breaks begin a line.
            self._pieces.append("\n\n" if name == "p" else "\n")
            self._at_start = True

    def whole(self) -> str:
        """All of it, without what only separates tags from each other in the source."""
        joined = _LINE_END.sub("", "".join(self._pieces))
        return _MANY_LINES.sub("\n\n", joined).strip("\n\t ")
