"""Texts without what others have put between their words: tags, links, commands, quotation, numbers of lines, escapes.

For looking for copies alone. Every pattern stops at what it cannot go beyond, so that the time is linear in the text.
"""

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

# Each begins with a character of its own, to which the search leaps.
_TAG = re.compile(
    r"<(?:(/?(?i:p|div|br|hr|li|ul|ol|td|th|tr|table|h[1-6]|sup|sub|section|article|blockquote|pre)\b[^<>]*>)"
    r"|[!/?]?[a-zA-Z][^<>]*>|!--)|-->"
)
"""Its group is of those that end a line or a cell: within a word there may be any but those."""
_BRACKETED = re.compile(r"\[(?:/?[a-zA-Z]{1,12}(?:=[^\[\]]*)?\]|\^?\d{1,4}\])")
_LINK_TARGET = re.compile(r"\](?:\([^()]*\)|\[[^\[\]]*\])")
_COMMAND = re.compile(r"\\[a-zA-Z]{2,}+\*?")
_FRACTION = re.compile(r"\\(?i:[cdt]?frac)(?:\s*+\{([^{}]*)\}\s*+\{([^{}]*)\}|\s*+(\d)\s*+(\d))")
_OPERATOR = re.compile(r"\\(?i:(cdot|times|ast)|(div)|(leq?|lt)|(geq?|gt))(?![a-zA-Z])")
_OPERATORS = "*/<>"
_DEPTH_OF_FRACTIONS = 2
_HYPHENATED = re.compile(r"-\n(?<=[^\W\d_]-\n)[ \t]*+(?=[^\W\d_])")
_QUOTATION = re.compile(r"\n[ \t]*+(?:[>#*/|;%+-]++[ \t]*+)++")
_NUMBERED = re.compile(r"\n[ \t]*+[(\[]?\d{1,6}+[.:)|\]]?+[ \t|:]++")
_EMPHASIS = re.compile(r"\*(?:\*+|(?<![\w*)\]]\*)(?=[\w(])|(?<=[\w.?!)]\*)(?![\w*(]))|__+|~~+|``+")
_NO_CHARACTER = re.compile(r"&#[xX]?[0-9a-fA-F]{8,}+;?")
_ESCAPED = re.compile(r"""\\(?:["/]|u[0-9a-fA-F]{4}|[nrt](?![a-z])|(?<=[a-z.,:;?!]\\)[nrt](?=[a-z]))|%[0-9A-F]{2}""")
_ESCAPE = re.compile(r"""\\+(?:u([0-9a-fA-F]{4})|([nrt])|(["'/]))""")
_SURROGATES = range(0xD800, 0xE000)


def unmarked(text: str) -> Iterator[str]:
    """The text without its marks, and what its escapes stand for without marks; nothing where there are none."""
    plain = _without_marks(text)
    if plain != text:
        yield plain
    if ("\\" in text or "%" in text) and _ESCAPED.search(text):
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
        text = _COMMAND.sub(" ", _OPERATOR.sub(_of_operator, _without_fractions(text)))
    # Every line begins with an end of one, the first too.
    lines = _QUOTATION.sub("\n", f"\n{text}")
    if any(mark in text for mark in ("*", "__", "~~", "``")):
        lines = _EMPHASIS.sub("", lines)
    # A line may begin with a number of the text's own.
    if len(_NUMBERED.findall(lines)) > max(1, (lines.count("\n") - 1) // 2):
        lines = _NUMBERED.sub("\n", lines)
    return _HYPHENATED.sub("", lines)[1:]


def _without_fractions(text: str) -> str:
    """With a stroke, those within others too."""
    for _ in range(_DEPTH_OF_FRACTIONS):
        text = _FRACTION.sub(r" \1\3/\2\4 ", text)
    return text


def _of_operator(command: re.Match[str]) -> str:
    return f" {_OPERATORS[(command.lastindex or 1) - 1]} "


def _of_tag(tag: re.Match[str]) -> str:
    return " " if tag.lastindex else ""


def _of_escape(found: re.Match[str]) -> str:
    """What stands for a character in a string of a program, or of JSON."""
    code, space, quote = found.groups()
    if space:
        return "\n"
    number = int(code, 16) if code else ord(quote)
    return "" if number in _SURROGATES else chr(number)
