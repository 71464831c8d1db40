"""A text as fastText learns and scores it: one line of lower-case words. There is no other way to it."""

import re
import string
import unicodedata

NUMBER = "<NUM>"
_DIGITS = re.compile(r"\d+")
_STRAY = re.compile(r"[^\w\s]|_")
_SPACED = str.maketrans(dict.fromkeys(map(chr, (*range(32), 127)), " ") | dict.fromkeys(string.punctuation, " "))


def normalized(text: str, *, max_token_characters: int) -> str:
    """The words of a text in one line.

    Compatible forms are one (NFKC), letters are lower-case, and what is neither a letter nor a digit parts words, line
    breaks among them. A run of digits is <NUM>; a word longer than so many characters is left out. Nothing that a text
    holds can be read as a label, for those begin with underscores.
    """
    if text.isascii():
        # The same by one table, for most texts: ten times as fast.
        plain = text.lower().translate(_SPACED)
    else:
        plain = _STRAY.sub(" ", unicodedata.normalize("NFKC", text).lower())
    words = _DIGITS.sub(f" {NUMBER} ", plain).split()
    if max(map(len, words), default=0) > max_token_characters:
        words = [word for word in words if len(word) <= max_token_characters]
    return " ".join(words)
