"""Where sentences and lines end, by the marks that end them."""

import re

END_MARKS = frozenset(
    ".!?\N{HORIZONTAL ELLIPSIS}\N{DOUBLE EXCLAMATION MARK}\N{DOUBLE QUESTION MARK}\N{INTERROBANG}"
    "\N{IDEOGRAPHIC FULL STOP}\N{HALFWIDTH IDEOGRAPHIC FULL STOP}\N{FULLWIDTH FULL STOP}"
    "\N{FULLWIDTH EXCLAMATION MARK}\N{FULLWIDTH QUESTION MARK}\N{DEVANAGARI DANDA}\N{DEVANAGARI DOUBLE DANDA}"
    "\N{ARABIC QUESTION MARK}\N{ARABIC FULL STOP}\N{ARMENIAN FULL STOP}\N{ETHIOPIC FULL STOP}"
    "\N{ETHIOPIC QUESTION MARK}\N{KHMER SIGN KHAN}\N{MYANMAR SIGN SECTION}\N{TIBETAN MARK SHAD}"
)
"""Characters that end a sentence in the writing systems that most pages are in."""
_UNSPACED = "\N{IDEOGRAPHIC FULL STOP}\N{HALFWIDTH IDEOGRAPHIC FULL STOP}\N{FULLWIDTH EXCLAMATION MARK}"
_UNSPACED += "\N{FULLWIDTH QUESTION MARK}"
_CLOSING = "\"')\\]\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
# At most so many of what closes: to the end of a line of quotation marks from each of them would be quadratic.
_ENDS = re.compile(rf"[{_UNSPACED}]|[{re.escape(''.join(sorted(END_MARKS)))}][{_CLOSING}]{{0,4}}(?:\s|$)")


def count_sentences(line: str) -> int:
    """How many sentences a line has: marks that end one, before white space; one at least."""
    return max(1, len(_ENDS.findall(line)))
