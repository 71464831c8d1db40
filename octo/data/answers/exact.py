"""The value of a formula that is a rational number, exactly, and within bounds on what it takes."""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import reduce

from octo.data.answers.formulas import INFINITY, Formula, Number, Operation, UnreadableError

LARGEST_BITS = 10_000
"""Of a numerator or a denominator: 3,000 digits, microseconds for each operation."""
LARGEST_FACTORIAL = 1_000


def rational(formula: Formula) -> Fraction | None:
    """The value, where whole numbers and the four operations (powers, factorials, roots that come out) make it.

    Raises:
        UnreadableError: it has none, as 1/0 has, or one that is too large to be written down.
    """
    if isinstance(formula, Number):
        return formula.value
    if not isinstance(formula, Operation) or formula.name not in _OPERATIONS:
        return None
    operands = [rational(each) for each in formula.operands]
    known = [each for each in operands if each is not None]
    if len(known) < len(operands):
        return None
    value = _OPERATIONS[formula.name](*known)
    return None if value is None else _bounded(value)


def infinite(formula: Formula) -> int:
    """1 for infinity, -1 for minus infinity, 0 for whatever else."""
    if isinstance(formula, Operation) and formula.name == "neg":
        return -infinite(formula.operands[0])
    return int(formula == INFINITY)


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > LARGEST_BITS:
        raise UnreadableError(f"a number of more than {LARGEST_BITS} bits")
    return value


def _sum(*terms: Fraction) -> Fraction:
    return reduce(lambda total, term: _bounded(total + term), terms)


def _product(*factors: Fraction) -> Fraction:
    return reduce(lambda product, factor: _bounded(product * factor), factors)


def _divided(value: Fraction, by: Fraction) -> Fraction:
    if not by:
        raise UnreadableError("a division by zero")
    return value / by


def _raised(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        root = _root(base, Fraction(exponent.denominator)) if base >= 0 else None
        return None if root is None else _raised(root, Fraction(exponent.numerator))
    if not base and exponent <= 0:
        raise UnreadableError("zero to the power of zero, or less")
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if base not in (0, 1, -1) and size * abs(exponent) > LARGEST_BITS:
        raise UnreadableError(f"a power of more than {LARGEST_BITS} bits")
    return base ** (int(exponent) % 2 if base == -1 else int(exponent) if base not in (0, 1) else 1)


def _root(value: Fraction, degree: Fraction) -> Fraction | None:
    if degree.denominator != 1 or not 0 < degree < 100:
        return None
    if value < 0:
        # The real root, where there is one.
        root = _root(-value, degree) if degree % 2 else None
        return None if root is None else -root
    top, bottom = _whole_root(value.numerator, int(degree)), _whole_root(value.denominator, int(degree))
    return None if top is None or bottom is None else Fraction(top, bottom)


def _whole_root(value: int, degree: int) -> int | None:
    if degree == 2:
        root = math.isqrt(value)
        return root if root * root == value else None
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**degree < value else (low, middle)
    return low if low**degree == value else None


def _factorial(value: Fraction) -> Fraction | None:
    if value.denominator != 1 or value < 0:
        raise UnreadableError("a factorial of what is no natural number")
    if value > LARGEST_FACTORIAL:
        raise UnreadableError(f"a factorial of more than {LARGEST_FACTORIAL}")
    return Fraction(math.factorial(int(value)))


def _binomial(of: Fraction, chosen: Fraction) -> Fraction | None:
    if of.denominator != 1 or chosen.denominator != 1 or of < 0:
        return None
    if of > 10**9 or min(chosen, of - chosen) > LARGEST_FACTORIAL:
        raise UnreadableError(f"a binomial coefficient of more than {LARGEST_FACTORIAL}")
    return Fraction(math.comb(int(of), int(chosen)) if chosen >= 0 else 0)


def _whole(function: Callable[..., int]) -> Callable[..., Fraction | None]:
    def of_whole(*values: Fraction) -> Fraction | None:
        if any(value.denominator != 1 for value in values):
            raise UnreadableError("a divisor of what is no whole number")
        return Fraction(function(*map(int, values)))

    return of_whole


def _sign(value: Fraction) -> Fraction:
    return Fraction((value > 0) - (value < 0))


_OPERATIONS: dict[str, Callable[..., Fraction | None]] = {
    "add": _sum,
    "mul": _product,
    "div": _divided,
    "neg": lambda a: -a,
    "pow": _raised,
    "root": _root,
    "fact": _factorial,
    "binom": _binomial,
    "abs": abs,
    "floor": lambda a: Fraction(math.floor(a)),
    "ceil": lambda a: Fraction(math.ceil(a)),
    "max": max,
    "min": min,
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "sgn": _sign,
}
