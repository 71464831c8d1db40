"""Whether two formulas are equal, by their values: of constants to many digits, with variables at points drawn anew.

Two analytic functions that agree at points drawn at random agree everywhere. No formula is simplified, so nothing can
be made to compute for ever: an evaluation is as many operations as a formula has, each on numbers of bounded precision.
"""

import random
from collections.abc import Iterator
from fractions import Fraction

import mpmath

from octo.data.answers.arithmetic import difference
from octo.data.answers.exact import infinite
from octo.data.answers.formulas import Formula, Number, Operation, UnreadableError, symbols_of
from octo.data.answers.values import LARGEST_MAGNITUDE, Evaluation, Point, Value

DIGITS = 30
"""Decimal digits that are left when all that cancels has cancelled."""
NUM_POINTS = 12
ENOUGH = 3
"""Points at which both have values, at least."""
MOST = 6
"""And at most."""


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
        _constant(first, log_base=log_base)
        try:
            value, tolerance = _constant(difference(first, second), log_base=log_base)
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
