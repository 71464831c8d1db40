"""C4's rules (arXiv 1910.10683, section 2.2): lines that are no sentences go, and pages of which little is left.

With what its code does beyond the paper: marks of citations are taken out, lines on cookies and terms of use, and lines
with a word of over a thousand characters. Its list of bad words is not part of it.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from octo.data.sentences import count_sentences
from octo.settings.rules import C4Settings

_CITATION = re.compile(r"\[(?:\d*|edit|citation needed)\]")
_ENDS = (".", "!", "?", '"', "'", "\N{RIGHT DOUBLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}")
_PLACEHOLDER = "lorem ipsum"
_SCRIPT = "javascript"
_POLICY = re.compile("terms of use|privacy policy|cookie policy|uses? (?:of )?cookies")


class Trimmed(NamedTuple):
    """What is left of a text, or why nothing is."""

    text: str
    reason: str | None
    lines: Mapping[str, int]
    """Lines that were taken out, by reason."""


def c4(text: str, settings: C4Settings) -> Trimmed:
    """The text without lines that are no sentences."""
    lower = text.lower()
    if _PLACEHOLDER in lower:
        return Trimmed(text, "c4_placeholder", {})
    if settings.without_braces and "{" in text:
        return Trimmed(text, "c4_braces", {})
    # What the whole has not, no line has.
    suspects = _SCRIPT in lower or _POLICY.search(lower) is not None
    kept, removed = [], Counter[str]()
    num_sentences = 0
    for raw in text.splitlines():
        line, words = raw.strip(), raw.split()
        if not words:
            continue
        if "[" in line:
            line = _CITATION.sub("", line).strip()
        if reason := _wrong(line, words, settings) or (_suspect(line.lower()) if suspects else None):
            removed[reason] += 1
            continue
        num_sentences += count_sentences(line)
        kept.append(line)
    reason = "c4_few_sentences" if num_sentences < settings.min_sentences else None
    return Trimmed(text if reason else "\n".join(kept), reason, removed)


def _wrong(line: str, words: list[str], settings: C4Settings) -> str | None:
    if len(line) > settings.max_word_length and max(map(len, words)) > settings.max_word_length:
        return "long_word"
    if settings.end_marks and (not line.endswith(_ENDS) or line.endswith("...")):
        return "no_end_mark"
    return "few_words" if len(words) < settings.min_line_words else None


def _suspect(lower: str) -> str | None:
    if _SCRIPT in lower:
        return "javascript"
    return "policy" if _POLICY.search(lower) else None
