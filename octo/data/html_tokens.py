"""The text, the tags and the scripts of an HTML page in their order, each character looked at once.

No tree is built: by the standard's own rules that takes n x n steps where tags are not closed. What the standard's
tokenizer takes for text, a tag or a comment is taken for the same.
"""

import html
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal, NamedTuple

Kind = Literal["text", "start", "end", "title", "script"]

_MARK = re.compile(r"<(?:!--|/?[a-zA-Z]|[!?/])")
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)(?>=\s*+(?:"[^"]*+"|'[^']*+')|[^>])*+>""")
_ATTRIBUTE = re.compile(r"""([^\s=/>"'<]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"']*+)))?+""")
_NAME = re.compile(r"</?[^\s/>]*+")
_ATTRIBUTES_LENGTH = 1 << 16
"""What of a tag is looked at for its attributes: no formula is longer."""
_ZEROS = re.compile(r"(&#[xX]?)0++")
_TOO_LARGE = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")
"""References to characters that cannot be; Python would make integers of their digits."""
_RAW = {"script", "style", "textarea", "title", "iframe", "noembed", "noframes", "noscript", "xmp"}
"""Elements in which nothing is a tag but their own end; none of them is read with the text."""


class Token(NamedTuple):
    """A piece of a page."""

    kind: Kind
    """text between tags, the start or the end of an element, a title's text, or a script."""
    name: str
    """Of the element, in small letters."""
    source: str
    """Of the text, the tag, or what the element holds; of a script, its tag and what it holds."""
    end: int
    """Where it ends in the page."""


def tokens(source: str, place: int = 0) -> Iterator[Token]:
    """The pieces of a page from a place on, at which no tag is open."""
    while found := _MARK.search(source, place):
        if place < found.start():
            yield Token("text", "", source[place : found.start()], found.start())
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
                stop = end.start() if end else len(source)
                if name == "title":
                    yield Token("title", name, source[place:stop], stop)
                elif name == "script":
                    yield Token("script", name, source[tag.start() : stop], stop)
                place = stop
            else:
                yield Token("end" if tag[1] else "start", name, tag[0], place)
    if place < len(source):
        yield Token("text", "", source[place:], len(source))


def attributes(tag: str) -> Mapping[str, str]:
    """The attributes of a tag, the first of each name, with what references in their values stand for."""
    found: dict[str, str] = {}
    end = min(len(tag), _ATTRIBUTES_LENGTH)
    name_end = _NAME.match(tag)
    for match in _ATTRIBUTE.finditer(tag, name_end.end() if name_end else 0, end):
        name, *values = match.groups()
        found.setdefault(name.lower(), next((unescaped(value) for value in values if value is not None), ""))
    return found


def unescaped(text: str) -> str:
    """The text with the characters that references in it stand for."""
    if "&" not in text:
        return text
    return html.unescape(_TOO_LARGE.sub("\N{REPLACEMENT CHARACTER}", _ZEROS.sub(r"\1", text)))


def _behind(source: str, mark: str, place: int) -> int:
    found = source.find(mark, place)
    return len(source) if found < 0 else found + len(mark)


@cache
def _end_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
