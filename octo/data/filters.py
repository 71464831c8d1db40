"""Quality rules: each a pure function from a text to whether it breaks the rule.

The rules are Gopher's (Rae et al. 2021, arXiv 2112.11446, appendix A), which FineWeb (arXiv 2406.17557) kept; their
thresholds are the defaults, but for the share of words with a letter: 60 % instead of 80 %, since formulas and worked
examples are what documentation is read for here. A word is what whitespace separates.
"""

import re
from collections.abc import Callable, Mapping

from octo.settings.curation import CurationSettings

Rule = Callable[[str], bool]

# From a word's first letter on: what stands before it is passed over once, whatever it is.
_WORD_WITH_LETTER = re.compile(r"[^\W\d_]\S*")


def quality_rules(settings: CurationSettings) -> Mapping[str, Rule]:
    """The rules by the reason that they give, in the order in which they are asked."""
    return {
        "too_short": lambda text: too_short(text, min_words=settings.min_words),
        "low_alphabetic": lambda text: low_alphabetic(text, min_share=settings.min_alphabetic_share),
        "repetitive": lambda text: repetitive(text, max_share=settings.max_repeated_share),
    }


def too_short(text: str, *, min_words: int) -> bool:
    """Whether the text has fewer words. Gopher asks for 50, C4 for three sentences."""
    return len(text.split(maxsplit=min_words)) < min_words


def low_alphabetic(text: str, *, min_share: float) -> bool:
    """Whether too few words hold a letter: tables, number dumps, markup. Gopher asks for 80 %."""
    words = text.split()
    least = min_share * len(words)
    # Most words of most texts are letters alone, and soon counted.
    return sum(map(str.isalpha, words)) < least and len(_WORD_WITH_LETTER.findall(text)) < least


def repetitive(text: str, *, max_share: float) -> bool:
    """Whether too many characters are in lines that came before: menus, logs, templates. Gopher allows 20 %.

    The first occurrence of a line counts as new; blank lines and the space around a line do not count.
    """
    num_repeated, num_characters = repeated_characters(text)
    return num_repeated > max_share * num_characters


def repeated_characters(text: str) -> tuple[int, int]:
    """How many characters are in lines that came before, and how many in all lines; 0 and 0 where none is repeated."""
    raw = text.splitlines()
    if len(raw) < 2:
        return 0, 0
    lines = [stripped for line in raw if (stripped := line.strip())]
    distinct = set(lines)
    if len(distinct) == len(lines):
        return 0, 0
    num_characters = sum(map(len, lines))
    return num_characters - sum(map(len, distinct)), num_characters


def first_broken(text: str, rules: Mapping[str, Rule]) -> str | None:
    """The reason of the first rule that the text breaks."""
    return next((reason for reason, breaks in rules.items() if breaks(text)), None)
