"""Texts without what others have put between their words: tags, links, commands, quotation, numbers of lines, escapes.

For looking for copies alone. Every pattern stops at what it cannot go beyond, so that the time is linear in the text.
"""

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

_TAG = re.compile(r"<[!/?]?[a-zA-Z][^<>]*>|<!--|-->")
_APART = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|td|th|tr|table|h[1-6]|sup|sub|section|article|blockquote|pre)\b", re.IGNORECASE
)
_BRACKETED = re.compile(r"\[/?[a-zA-Z]{1,12}(?:=[^\[\]]*)?\]|\[\^?\d{1,4}\]")
_LINK_TARGET = re.compile(r"\]\([^()]*\)|\]\[[^\[\]]*\]")
_COMMAND = re.compile(r"\\[a-zA-Z]{2,}+\*?")
_QUOTATION = re.compile(r"^[ \t]*+(?:[>#*/|;%+-]++[ \t]*+)++", re.MULTILINE)
_NUMBERED = re.compile(r"^[ \t]*+[(\[]?\d{1,6}+[.:)|\]]?+[ \t|:]++", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*+|__+|~~+|``+|(?<![\w*)\]])\*(?=[\w(])|(?<=[\w.?!)])\*(?![\w*(])")
_NO_CHARACTER = re.compile(r"&#[xX]?[0-9a-fA-F]{8,}+;?")
_ESCAPED = re.compile(r"""\\["/]|\\u[0-9a-fA-F]{4}|\\[nrt](?![a-z])|(?<=[a-z.,:;?!])\\[nrt](?=[a-z])|%[0-9A-F]{2}""")
_ESCAPE = re.compile(r"""\\+(?:u([0-9a-fA-F]{4})|([nrt])|(["'/]))""")
_BETWEEN = re.compile(
    r"<[!/?]?[a-zA-Z]|&[#a-zA-Z]|\]\(|\]\[|\[[/^]?\w+[\]=]|\\[a-zA-Z]{2}|^[ \t]*+[(\[]?\d", re.MULTILINE
)
_WITHIN = re.compile(r"<[!/?]?[a-zA-Z]|&#?\w+;|%[0-9A-F]{2}|\\u[0-9a-fA-F]{4}")
_BEFORE = re.compile(r"[\w;>][<&%\\]")
_MARK = re.compile(r"[<>&\[\\*_~`#|%;]|^[ \t]*+(?:[-+/]|[(\[]?\d++[ .:)\]])", re.MULTILINE)
_SURROGATES = range(0xD800, 0xE000)


def has_marks(text: str) -> bool:
    """Whether there may be marks or escapes at all."""
    return bool(_MARK.search(text))


def has_marks_within(text: str) -> bool:
    """Whether there may be marks or escapes within words or numbers, which are others without."""
    return bool(_WITHIN.search(text) and _BEFORE.search(text))


def has_words_between(text: str) -> bool:
    """Whether there may be marks or escapes that have letters or digits, and so stand between words as words."""
    return bool(_BETWEEN.search(text) or _ESCAPED.search(text))


def unmarked(text: str) -> Iterator[str]:
    """The text without its marks, and what its escapes stand for without marks; nothing where there are none."""
    plain = _without_marks(text)
    if plain != text:
        yield plain
    if _ESCAPED.search(text):
        yield _without_marks(_ESCAPE.sub(_of_escape, unquote(text)))


def _without_marks(text: str) -> str:
    if "&" in text:
        # Twice, as a page that shows a page's source has them.
        text = html.unescape(html.unescape(_NO_CHARACTER.sub("", text)))
    if "<" in text or "-->" in text:
        text = _TAG.sub(_of_tag, text)
    if "[" in text:
        text = _BRACKETED.sub("", _LINK_TARGET.sub("", text))
    if "\\" in text:
        text = _COMMAND.sub(" ", text)
    text = _EMPHASIS.sub("", _QUOTATION.sub("", text))
    # A line may begin with a number of the text's own.
    if len(_NUMBERED.findall(text)) > max(1, text.count("\n") // 2):
        text = _NUMBERED.sub("", text)
    return text


def _of_tag(tag: re.Match[str]) -> str:
    # Within a word there may be any tag but those that end a line or a cell.
    return " " if _APART.match(tag[0]) else ""


def _of_escape(found: re.Match[str]) -> str:
    """What stands for a character in a string of a program, or of JSON."""
    code, space, quote = found.groups()
    if space:
        return "\n"
    number = int(code, 16) if code else ord(quote)
    return "" if number in _SURROGATES else chr(number)
