"""What says whether formulas are equal: whole numbers and fractions here, all else in `octo.data.answers.numeric`."""

from fractions import Fraction
from typing import Protocol

from octo.data.answers.exact import infinite, rational
from octo.data.answers.formulas import CONSTANTS, Formula, Number, Operation, Symbol

FULL = 12
"""Decimal places that somebody writes who means them all."""


class NeedsAlgebraError(Exception):
    """Exact arithmetic does not tell."""


class Arithmetic(Protocol):
    """What a comparison asks. Each raises UnreadableError where its first formula has no value."""

    def equal(self, gold: Formula, answer: Formula) -> bool:
        """Whether two formulas have the same value, wherever the first has one."""

    def sign(self, formula: Formula) -> int:
        """Of a real constant: 1, 0 or -1."""

    def approximates(self, exact: Formula, decimal: Number) -> bool:
        """Whether a decimal fraction is what a constant is, rounded or cut off at its last place."""

    def proportional(self, gold: Formula, answer: Formula, *, positive: bool) -> bool:
        """Whether one formula is a constant times the other; a positive one where that is asked for."""


class Exact:
    """Rational numbers alone. What they do not tell raises NeedsAlgebraError."""

    def equal(self, gold: Formula, answer: Formula) -> bool:
        """Whether both are the same number, or the same formula letter by letter."""
        true, given = rational(gold), rational(answer)
        if true is not None and given is not None:
            return true == given
        if infinite(gold) or infinite(answer):
            return infinite(gold) == infinite(answer)
        if gold == answer:
            return True
        if _is_variable(gold) and (_is_variable(answer) or given is not None):
            return False
        if true is not None and _is_variable(answer):
            return False
        raise NeedsAlgebraError

    def sign(self, formula: Formula) -> int:
        """Of a rational number."""
        value = rational(formula)
        if value is None:
            raise NeedsAlgebraError
        return (value > 0) - (value < 0)

    def approximates(self, exact: Formula, decimal: Number) -> bool:
        """Of a rational number."""
        value = rational(exact)
        if value is None:
            raise NeedsAlgebraError
        return is_rounded(value, decimal)

    def proportional(self, gold: Formula, answer: Formula, *, positive: bool) -> bool:  # noqa: ARG002 - one is positive
        """Of equal formulas."""
        if gold == answer:
            return True
        raise NeedsAlgebraError


def is_rounded(value: Fraction, decimal: Number) -> bool:
    """Whether a decimal fraction is a number rounded, or cut off, at its last place.

    A number that somebody could have written in full is not.
    """
    if (value * 10**FULL).denominator == 1:
        return value == decimal.value
    scaled = abs(value) * 10**decimal.places
    shown = abs(decimal.value) * 10**decimal.places
    half = scaled + Fraction(1, 2)
    whole = {scaled.numerator // scaled.denominator, half.numerator // half.denominator}
    return (value < 0) == (decimal.value < 0) and shown in whole


def difference(one: Formula, other: Formula) -> Formula:
    """One formula less another."""
    return Operation("add", (one, Operation("neg", (other,))))


def _is_variable(formula: Formula) -> bool:
    return isinstance(formula, Symbol) and formula not in CONSTANTS
