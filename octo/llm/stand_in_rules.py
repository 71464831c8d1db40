"""The rules that the stand-in grades and rewrites by. They are simple, stated in its answers, and no judgement."""

import re
from collections.abc import Callable
from hashlib import sha256
from itertools import groupby

SAYS_WHAT_IT_IS = "This is octo's stand-in, which is no language model: it counts features of the text."
PREFACE = "Here is the rewritten text:"
PREFACED = 8
"""One rewritten text in so many begins with a preface, as models' do."""

_MATHEMATICS = re.compile(
    r"\d\s*[-+*/=^<>]\s*\d|\\[a-z]{3,}|\$[^$]+\$|"
    r"\b(numbers?|integers?|functions?|equations?|sums?|products?|matrix|matrices|arrays?|vectors?|theorems?|float|"
    r"complex|polynomials?|algebra\w*|geometr\w*|statistic\w*|probabilit\w*|logarithm\w*|sine|cosine)\b",
    re.IGNORECASE,
)
_REASONING = re.compile(
    r"\b(because|therefore|hence|thus|since|so that|it follows|implies|if and only if|proof|solution|solve\w*|"
    r"returns?|raises?|given|where)\b",
    re.IGNORECASE,
)
_TEACHING = re.compile(
    r"\b(examples?|exercises?|definitions?|note that|for instance|step|see also)\b|>>>", re.IGNORECASE
)
_NOISE = re.compile(
    r"\b(cookies?|subscribe|sign in|log in|click here|share this|all rights reserved|newsletter|advertisement|"
    r"privacy policy)\b",
    re.IGNORECASE,
)
FEATURES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("mathematical words or formulas", lambda text: len(_MATHEMATICS.findall(text)) >= 1),
    ("several of them", lambda text: len(_MATHEMATICS.findall(text)) >= 4),
    ("words of reasoning", lambda text: len(_REASONING.findall(text)) >= 3),
    ("words of teaching", lambda text: bool(_TEACHING.search(text))),
    ("length without noise", lambda text: len(text.split()) >= 80 and not _NOISE.search(text)),
)
"""A point each."""


def graded(text: str) -> str:
    """A justification, and the score: a point for each feature of the text."""
    found = [name for name, has in FEATURES if has(text)]
    return f"{SAYS_WHAT_IT_IS} Found: {', '.join(found) or 'nothing'}.\nFinal score: {len(found)}"


def rewritten(text: str) -> str:
    """The text without lines of noise, repeated lines and empty ones in a row; some with a preface."""
    lines = [line.rstrip() for line in text.splitlines()]
    kept = [line for line, _ in groupby(line for line in lines if not _NOISE.search(line))]
    answer = "\n".join(kept).strip()
    prefaced = sha256(text.encode()).digest()[0] % PREFACED == 0
    return f"{PREFACE}\n\n{answer}" if prefaced else answer
