"""The main content of a page: what it says, without menus, notices and comments.

What is main is said by resiliparse's rules. Its parser builds a tree and, by the standard's own rules, takes n x n
steps for some pages; so do its rules. So it is given a page of the same text, whose tags are all closed, are limited in
number and in how many lie within each other, and none of which is of a kind that is opened again after it was closed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from resiliparse.extract.html2text import extract_plain_text

from octo.data.html_tokens import Token

DEEPEST = 64
"""Blocks that lie within each other; deeper ones are lines of the last."""
MOST = 20_000
"""Tags of a page that are looked at; what follows them is text of the last block."""
_TAG_LENGTH = 1024
"""Of a longer tag the name is taken alone."""
_BREAKS = {"br", "hr"}
_TAKEN = {
    "a", "address", "article", "aside", "blockquote", "br", "button", "caption", "center", "dd", "details", "div",
    "dl", "dt", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
    "hr", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
    "th", "thead", "tr", "ul",
}  # fmt: skip
"""Elements that the rules look at. Of the others their text is taken."""
_CLOSED_BY = {
    **dict.fromkeys(("li",), (("li",), ("ul", "ol", "menu"))),
    **dict.fromkeys(("dt", "dd"), (("dt", "dd"), ("dl",))),
    **dict.fromkeys(("td", "th"), (("td", "th"), ("tr", "table"))),
    **dict.fromkeys(("tr",), (("tr",), ("table",))),
    **dict.fromkeys(("tbody", "thead", "tfoot"), (("tbody", "thead", "tfoot"), ("table",))),
}
"""What the start of an element ends, and what it does not look beyond."""
_HIDING = re.compile(r"math|katex|mjx", re.IGNORECASE)
"""What is in a tag that may hide the source of a formula, of which something else is shown."""


def main_content(pieces: Iterable[Token]) -> str:
    """The text of the main content; empty where there is none."""
    page = "".join(["<html><body>", *_Closing().page(pieces), "</body></html>"])
    return str(extract_plain_text(page, main_content=True, alt_texts=False)).strip()


class _Closing:
    """Writes a page whose tags are all closed, and closed in order."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._left_out = Counter[str]()
        """Of elements that lie too deep, how many are open."""
        self._in_link = False
        self._left = MOST

    def page(self, pieces: Iterable[Token]) -> Iterator[str]:
        """The page in pieces."""
        for kind, name, source, _ in pieces:
            if kind == "text":
                yield source.replace("<", "&lt;") if "<" in source else source
            elif name not in _TAKEN:
                continue
            elif kind == "end":
                yield from self._end(name)
            elif self._left:
                self._left -= 1
                yield from self._start(name, source)
            else:
                self._left_out[name] += 1
                yield " "
        yield from self._link(is_begun=False)
        yield from self._until(0)

    def _start(self, name: str, tag: str) -> Iterator[str]:
        if name in _BREAKS:
            yield f"<{name}>"
            return
        yield from self._link(is_begun=name == "a")
        if name == "a":
            return
        yield from self._until(self._ended_by(name))
        if len(self._open) >= DEEPEST:
            self._left_out[name] += 1
            yield "<br>"
            return
        self._open.append(name)
        is_plain = len(tag) > _TAG_LENGTH or tag.endswith("/>") or _HIDING.search(tag)
        yield f"<{name}>" if is_plain else tag

    def _end(self, name: str) -> Iterator[str]:
        if self._left_out[name]:
            self._left_out[name] -= 1
        elif name == "a":
            yield from self._link(is_begun=False)
        elif name in self._open:
            yield from self._link(is_begun=False)
            yield from self._until(len(self._open) - 1 - self._open[::-1].index(name))
        elif name == "p" and self._left:
            # By the standard that is a paragraph of nothing.
            self._left -= 1
            yield "<br>"

    def _ended_by(self, name: str) -> int:
        """How many elements are still open when one of that name begins."""
        ended, beyond = _CLOSED_BY.get(name, ((), ("table",)))
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place] in ended or self._open[place] == "p":
                return place
            if self._open[place] in beyond:
                break
        return len(self._open)

    def _until(self, num_open: int) -> Iterator[str]:
        while len(self._open) > num_open:
            yield f"</{self._open.pop()}>"

    def _link(self, *, is_begun: bool) -> Iterator[str]:
        """End the link that is open, and begin another."""
        if self._in_link:
            yield "</a>"
        self._in_link = is_begun
        if is_begun:
            yield '<a href="#">'
