"""Whether two formulas are equal, by their values: of constants to many digits, with variables at points drawn anew.

Two analytic functions that agree at points drawn at random agree everywhere. No formula is simplified, so nothing can
be made to compute for ever: an evaluation is as many operations as a formula has, each on numbers of bounded precision.
"""

import math
import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import TypeAlias

import mpmath

from octo.data.answers.exact import infinite
from octo.data.answers.formulas import (
    EULER,
    IMAGINARY,
    INFINITY,
    PI,
    Formula,
    Number,
    Operation,
    Symbol,
    UnreadableError,
    symbols_of,
)

DIGITS = 30
"""Decimal digits that are left when all that cancels has cancelled."""
LARGEST_MAGNITUDE = 700
"""Decimal digits before or behind the point of whatever a formula is made of."""
NUM_POINTS = 12
ENOUGH = 3
"""Points at which both have values, at least."""
MOST = 6
"""And at most."""

Value: TypeAlias = "mpmath.mpc"
Point = Mapping[str, Fraction]


class Evaluation:
    """Values at a point, and the largest and smallest magnitude that stood on the way."""

    def __init__(self, point: Point, *, log_base: int) -> None:
        self._point = point
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
        if self.magnitude > LARGEST_MAGNITUDE:
            raise UnreadableError(f"a number of more than {LARGEST_MAGNITUDE} digits")

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
        return _OPERATIONS[name](*operands)


def equal(first: Formula, second: Formula, seed: str) -> bool:
    """Whether two formulas are equal; `log` is to the base e or 10, whichever makes them equal.

    Raises:
        UnreadableError: the first has no value.
    """
    return any(_equal(first, second, seed, log_base) for log_base in _log_bases(first, second))


def sign_of(formula: Formula) -> int:
    """Of a real constant.

    Raises:
        UnreadableError: it is no real constant.
    """
    if symbols_of(formula):
        raise UnreadableError("a variable where a constant is expected")
    value, tolerance = _constant(formula, log_base=0)
    if abs(value.imag) > tolerance:
        raise UnreadableError("a complex number where a real one is expected")
    return 0 if abs(value.real) <= tolerance else (1 if value.real > 0 else -1)


def approximates(exact: Formula, decimal: Number) -> bool:
    """Whether a decimal fraction is what a constant is, rounded or cut off at its last place."""
    value, _ = _constant(exact, log_base=0)
    with mpmath.workdps(DIGITS + 2 * LARGEST_MAGNITUDE):
        scaled = value.real * mpmath.mpf(10) ** decimal.places
        shown = int(decimal.value * 10**decimal.places)
        real = abs(value.imag) < mpmath.mpf(10) ** -(DIGITS // 2)
        return bool(real) and shown in (int(mpmath.nint(scaled)), int(scaled))


def proportional(first: Formula, second: Formula, seed: str, *, positive: bool) -> bool:
    """Whether one formula is a constant, that is not zero, times the other; a positive one where that is asked for."""
    ratios = []
    for point in _points(first, second, seed):
        values = _at(point, first, second, log_base=0)
        if values is None:
            continue
        (one, other), tolerance = values
        if abs(other) <= tolerance or abs(one) <= tolerance:
            if abs(other) <= tolerance and abs(one) <= tolerance:
                continue
            return False
        ratios.append(one / other)
        with mpmath.workdps(DIGITS):
            if abs(ratios[-1] - ratios[0]) > abs(ratios[0]) * mpmath.mpf(10) ** -(DIGITS // 2):
                return False
    if len(ratios) < ENOUGH or abs(ratios[0].imag) > abs(ratios[0]) * mpmath.mpf(10) ** -10:
        return False
    return not positive or bool(ratios[0].real > 0)


def _equal(first: Formula, second: Formula, seed: str, log_base: int) -> bool:
    if infinite(first) or infinite(second):
        return infinite(first) == infinite(second)
    if not symbols_of(first) | symbols_of(second):
        difference = Operation("add", (first, Operation("neg", (second,))))
        _constant(first, log_base=log_base)
        try:
            value, tolerance = _constant(difference, log_base=log_base)
        except UnreadableError:
            return False
        return bool(abs(value) <= tolerance)
    real = _counted(first, second, seed, log_base, only_real=True)
    if real is not None:
        return real
    return bool(_counted(first, second, seed, log_base, only_real=False))


def _counted(first: Formula, second: Formula, seed: str, log_base: int, *, only_real: bool) -> bool | None:
    """Whether both are equal at every point where the first has a value; None where too few have one."""
    num = 0
    for point in _points(first, second, seed):
        try:
            (one,), tolerance = _values(point, [first], log_base=log_base)
        except UnreadableError:
            continue
        if only_real and abs(one.imag) > tolerance:
            continue
        both = _at(point, first, second, log_base=log_base)
        if both is None:
            return False
        (one, other), tolerance = both
        if abs(one - other) > tolerance:
            return False
        num += 1
        if num == MOST:
            return True
    return True if num >= ENOUGH else None


def _points(first: Formula, second: Formula, seed: str) -> Iterator[Point]:
    """Points that depend on what is compared: nobody can write a formula that fits them by chance."""
    names = sorted(symbols_of(first) | symbols_of(second))
    drawn = random.Random(seed)  # noqa: S311 - equal questions have equal verdicts
    for index in range(NUM_POINTS):
        # Some within the domains of arcsin and of roots of 1 - x, some beyond, some negative, some whole.
        size = (1, 1, 3, 10, 30, 30)[index % 6]
        low = 0 if index % 2 == 0 else -size
        if index == NUM_POINTS - 1:
            yield {name: Fraction(drawn.randint(2, 12)) for name in names}
        else:
            yield {name: Fraction(drawn.randint(low * 10**9, size * 10**9) * 2 + 1, 2 * 10**9) for name in names}


def _at(point: Point, first: Formula, second: Formula, *, log_base: int) -> tuple[list[Value], mpmath.mpf] | None:
    try:
        return _values(point, [first, second], log_base=log_base)
    except UnreadableError:
        return None


def _constant(formula: Formula, *, log_base: int) -> tuple[Value, mpmath.mpf]:
    (value,), tolerance = _values({}, [formula], log_base=log_base)
    return value, tolerance


def _values(point: Point, formulas: list[Formula], *, log_base: int) -> tuple[list[Value], mpmath.mpf]:
    """The values, and below what size a difference of them is none. What cancels takes digits away: there are more."""
    with mpmath.workdps(DIGITS):
        first = Evaluation(point, log_base=log_base)
        for formula in formulas:
            first.value(formula)
    magnitude = first.magnitude
    with mpmath.workdps(DIGITS + 3 * magnitude):
        evaluation = Evaluation(point, log_base=log_base)
        values = [evaluation.value(formula) for formula in formulas]
    return values, mpmath.mpf(10) ** -(DIGITS // 2 + magnitude)


def _log_bases(first: Formula, second: Formula) -> tuple[int, ...]:
    return (0, 10) if _has_log(first) or _has_log(second) else (0,)


def _has_log(formula: Formula) -> bool:
    return isinstance(formula, Operation) and (formula.name == "log" or any(map(_has_log, formula.operands)))


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
    return near if abs(value - near) < mpmath.mpf(10) ** -(DIGITS // 2) else mpmath.floor(value)


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
