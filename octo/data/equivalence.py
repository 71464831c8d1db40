"""Whether two answers are equal as mathematics, by the values of their formulas.

For the sandbox's workers alone: what a model wrote is computed with.
"""

from octo.data.answers import numeric
from octo.data.answers.arithmetic import Exact, NeedsAlgebraError, is_rounded
from octo.data.answers.equality import Comparison
from octo.data.answers.exact import rational
from octo.data.answers.formulas import Formula, Number, UnreadableError
from octo.data.answers.reading import read
from octo.data.final_answers import settled

COMMON = (
    (r"2\sqrt{2}+1", r"\sqrt{8}+1"),
    ("x^2+2x+1", "(x+1)^2"),
    (r"\sin^2 x", r"1-\cos^2 x"),
    (r"\log_2 8", "3"),
    (r"\binom{n}{2}", r"\frac{n^2-n}{2}"),
)
"""What answers look like."""


def equivalent(gold: str, answer: str) -> bool:
    r"""Whether an answer equals the true one: the same text, or the same mathematics.

    Units may be missing, and per cent signs: 50, 50\% and 0.5 all are what 50\% is. Intervals differ by their brackets,
    but (1,2) may be written 1,2. A decimal fraction of six digits or more may be rounded.

    Raises:
        UnreadableError: the true answer is no mathematics and no words, or has no value.
    """
    known = settled(gold, answer)
    if known is not None:
        return known
    true = read(gold)
    try:
        return Comparison(Values(f"{gold}\0{answer}")).same(true, read(answer))
    except UnreadableError:
        # Whichever it is that has no value: a true answer without one does not equal itself either.
        Comparison(Values(gold)).same(true, true)
        return False


class Values:
    """Arithmetic by values: exact where rational numbers are all there is."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def equal(self, gold: Formula, answer: Formula) -> bool:
        """Whether two formulas have the same value, wherever the first has one."""
        try:
            return Exact().equal(gold, answer)
        except NeedsAlgebraError:
            return numeric.equal(gold, answer, self._seed)

    def sign(self, formula: Formula) -> int:
        """Of a real constant."""
        value = rational(formula)
        return numeric.sign_of(formula) if value is None else (value > 0) - (value < 0)

    def approximates(self, exact: Formula, decimal: Number) -> bool:
        """Whether a decimal fraction is what a constant is, rounded or cut off at its last place."""
        value = rational(exact)
        return numeric.approximates(exact, decimal) if value is None else is_rounded(value, decimal)

    def proportional(self, gold: Formula, answer: Formula, *, positive: bool) -> bool:
        """Whether one formula is a constant times the other."""
        return gold == answer or numeric.proportional(gold, answer, self._seed, positive=positive)


def _warm() -> None:
    """Have the library build what it builds on first use, once for all children of a worker."""
    for gold, answer in COMMON:
        equivalent(gold, answer)


_warm()
