"""Whether two answers are equal as mathematics.

For the sandbox's workers alone: what a model wrote may make it compute for ever.
"""

import logging
from decimal import Decimal

import sympy.core.random
from math_verify import LatexExtractionConfig, parse, verify

from octo.data.final_answers import plain, settled

# Half an expression is not an answer: it is read as a whole or not at all.
READING = {"extraction_config": [LatexExtractionConfig()], "parsing_timeout": None}
DIGITS = 6
"""Decimal places at which a decimal fraction counts as equal to what it approximates."""
PRECISION = 15
"""Decimal places to which constants are computed before they are compared."""
COMMON = (
    ("2", "3.0"),
    (r"\frac{3}{4}", "0.75"),
    (r"50\%", "0.5"),
    (r"\sqrt{8}+1", r"2\sqrt{2}+1"),
    (r"\{1,2\}", r"\{2,1\}"),
    (r"(1,2)\cup[3,\infty)", "[3,4]"),
    ("x^2+2x+1", "(x+1)^2"),
    ("y=2x", "2x"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1\\2\end{bmatrix}"),
)
"""What answers look like."""


def equivalent(gold: str, answer: str) -> bool:
    r"""Whether an answer equals the true one: the same text, or the same mathematics by Math-Verify.

    Units may be missing, and per cent signs: 50, 50\% and 0.5 all are what 50\% is. Intervals differ by their brackets,
    but (1,2) may be written 1,2. What cannot be read as mathematics is equal to its own text alone.

    Raises:
        Exception: whatever the comparison raises, which says nothing of the answer.
    """
    known = settled(gold, answer)
    if known is not None:
        return known
    # The libraries test by chance what they cannot prove.
    sympy.core.random.seed(0)
    true, given = (parse(f"${plain(text)}$", raise_on_error=True, **READING) for text in (gold, answer))
    zeros = _leading_zeros(true[0]) if true else 0
    return bool(
        verify(
            true,
            given,
            float_rounding=DIGITS + zeros,
            numeric_precision=PRECISION + zeros,
            timeout_seconds=None,
            raise_on_error=True,
        )
    )


def _leading_zeros(value: object) -> int:
    """How many zeros a number has behind the decimal point; without them, all small numbers would be equal."""
    if not getattr(value, "is_number", False):
        return 0
    size = abs(sympy.N(value, DIGITS))
    return max(0, -1 - Decimal(str(size)).adjusted()) if size.is_Float and size.is_finite else 0


def _warm() -> None:
    """Have the libraries build what they build on first use, once for all children of a worker."""
    # They say once in each process that no timeout is set: the sandbox's limits are.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    for gold, answer in COMMON:
        equivalent(gold, answer)


_warm()
