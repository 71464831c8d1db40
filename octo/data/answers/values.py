"""The value of a formula at a point, to as many digits as are asked for, within bounds on what it takes."""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

import mpmath

from octo.data.answers.formulas import EULER, IMAGINARY, INFINITY, PI, Formula, Number, Symbol, UnreadableError

LARGEST_MAGNITUDE = 700
"""Decimal digits before or behind the point of whatever a formula is made of."""
WHOLE = 15
"""Decimal places at which a number counts as a whole one."""

Value: TypeAlias = "mpmath.mpc"
Point = Mapping[str, Fraction]


class Evaluation:
    """Values at a point, and the largest and smallest magnitude that stood on the way."""

    def __init__(self, point: Point, *, log_base: int, largest: int = LARGEST_MAGNITUDE) -> None:
        self._point = point
        self._largest = largest
        self._log_base = log_base
        self.magnitude = 0

    def value(self, formula: Formula) -> Value:
        """The value of a formula, at the precision of the moment.

        Raises:
            UnreadableError: it has none there, or one that is too large.
        """
        if isinstance(formula, Number):
            value = _fraction(formula.value)
        elif isinstance(formula, Symbol):
            value = self._symbol(formula)
        else:
            operands = [self.value(each) for each in formula.operands]
            try:
                value = mpmath.mpc(self._operation(formula.name, operands))
            except (ZeroDivisionError, ValueError, OverflowError, mpmath.libmp.ComplexResult) as error:
                raise UnreadableError(f"{formula.name} has no value there") from error
        self._note(value)
        return value

    def _note(self, value: Value) -> None:
        for part in (value.real, value.imag):
            if not mpmath.isfinite(part):
                raise UnreadableError("a value that is not finite")
            if part:
                self.magnitude = max(self.magnitude, int(abs(mpmath.mag(part)) * 0.30103) + 1)
        if self.magnitude > self._largest:
            raise UnreadableError(f"a number of more than {self._largest} digits")

    def _symbol(self, symbol: Symbol) -> Value:
        if symbol == PI:
            return mpmath.mpc(mpmath.pi)
        if symbol == EULER:
            return mpmath.mpc(mpmath.e)
        if symbol == IMAGINARY:
            return mpmath.mpc(0, 1)
        if symbol == INFINITY:
            raise UnreadableError("infinity in a formula")
        return _fraction(self._point[symbol.name])

    def _operation(self, name: str, operands: list[Value]) -> Value:
        if name == "log":
            return mpmath.log(operands[0]) / (mpmath.log(self._log_base) if self._log_base else 1)
        if name == "pow":
            return _power(*operands)
        if name in ("fact", "binom"):
            return _factorial(name, operands)
        if name in _OF_REALS:
            return _OF_REALS[name](*[_real(each) for each in operands])
        if name not in _OPERATIONS:
            raise UnreadableError(f"{name} of what is no answer by itself")
        return _OPERATIONS[name](*operands)


def _fraction(value: Fraction) -> Value:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 4 * LARGEST_MAGNITUDE:
        raise UnreadableError(f"a number of more than {LARGEST_MAGNITUDE} digits")
    return mpmath.mpc(mpmath.mpf(value.numerator) / value.denominator)


def _real(value: Value) -> mpmath.mpf:
    if abs(value.imag) > mpmath.mpf(10) ** -(mpmath.mp.dps // 2):
        raise UnreadableError("a complex number where a real one is expected")
    return value.real


def _power(base: Value, exponent: Value) -> Value:
    if not base:
        if exponent.real > 0:
            return base
        raise UnreadableError("zero to the power of zero, or less")
    if abs(exponent) * abs(mpmath.log(base)) > 2.4 * LARGEST_MAGNITUDE:
        raise UnreadableError(f"a power of more than {LARGEST_MAGNITUDE} digits")
    return mpmath.power(base, exponent)


def _root(value: Value, degree: Value) -> Value:
    whole = degree.real == mpmath.nint(degree.real) and not degree.imag and degree.real
    if not whole:
        return _power(value, 1 / degree)
    # The real root, where there is one.
    if int(degree.real) % 2 and not value.imag and value.real < 0:
        return -_power(-value, 1 / degree)
    return _power(value, 1 / degree) if value else value


def _factorial(name: str, operands: list[Value]) -> Value:
    if any(abs(each) > 150 for each in operands):
        raise UnreadableError("a factorial of more than 150")
    if name == "fact":
        return mpmath.gamma(operands[0] + 1)
    return mpmath.binomial(*operands)


def _floor(value: mpmath.mpf) -> mpmath.mpf:
    near = mpmath.nint(value)
    return near if abs(value - near) < mpmath.mpf(10) ** -WHOLE else mpmath.floor(value)


def _trigonometric(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
    def of_moderate(value: Value) -> Value:
        if abs(value.imag) > 500:
            raise UnreadableError("an exponential of too large a number")
        return function(value)

    return of_moderate


def _hyperbolic(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
    def of_moderate(value: Value) -> Value:
        if abs(value.real) > 500:
            raise UnreadableError("an exponential of too large a number")
        return function(value)

    return of_moderate


def _inverse(function: Callable[[Value], Value]) -> Callable[[Value], Value]:
    return lambda value: 1 / _trigonometric(function)(value)


def _exp(value: Value) -> Value:
    if abs(value) > 2.4 * LARGEST_MAGNITUDE:
        raise UnreadableError("an exponential of too large a number")
    return mpmath.exp(value)


def _ln(value: Value) -> Value:
    if not value:
        raise UnreadableError("the logarithm of zero")
    return mpmath.log(value)


_OPERATIONS: dict[str, Callable[..., Value]] = {
    "add": lambda *terms: sum(terms, mpmath.mpc(0)),
    "mul": lambda *factors: math.prod(factors, start=mpmath.mpc(1)),
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "root": _root,
    "abs": abs,
    "degree": lambda a: a * mpmath.pi / 180,
    "cis": lambda a: mpmath.cos(a) + mpmath.mpc(0, 1) * mpmath.sin(a),
    "exp": _exp,
    "ln": _ln,
    "log10": lambda a: _ln(a) / mpmath.log(10),
    **{name: _trigonometric(getattr(mpmath, name)) for name in ("sin", "cos", "tan", "cot")},
    "sec": _inverse(mpmath.cos),
    "csc": _inverse(mpmath.sin),
    **{name: _hyperbolic(getattr(mpmath, name)) for name in ("sinh", "cosh", "tanh")},
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arccot": mpmath.acot,
    "arg": mpmath.arg,
}
_OF_REALS: dict[str, Callable[..., Value]] = {
    "floor": _floor,
    "ceil": lambda a: -_floor(-a),
    "max": max,
    "min": min,
    "gcd": lambda *values: math.gcd(*map(int, values)),
    "lcm": lambda *values: math.lcm(*map(int, values)),
    "sgn": mpmath.sign,
}
