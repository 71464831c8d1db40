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
FAR_OUT = (-10000, -10, 10, 10000)
"""Hundreds at which functions with branches are compared as well."""
SURE = 1000
"""Further digits to which what is equal to the first ones is equal again: cos 10^{-40} is not 1."""
SURE_OF_FACTORIALS = 60
"""And these where the gamma function stands, of which the first value to 1,000 digits takes two seconds."""
_STEPS = {"floor", "ceil"}
_BRANCHES = {*_STEPS, "abs", "max", "min", "sgn", "arg", "root", "ln", "log", "log10", "arcsin", "arccos", "arctan"}
"""What may be one function here and another there."""


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
    (value,), _ = _values({}, [exact], log_base=0, further=decimal.places)
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
            return _is_zero({}, difference(first, second), log_base=log_base)
        except UnreadableError:
            return False
    if not symbols_of(first) and _has(second, _BRANCHES):
        # A number is not what is equal to it as long as x is less than a million.
        return False
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
        if not num and not _is_zero(point, difference(first, second), log_base=log_base):
            return False
        num += 1
        if num == MOST:
            break
    return _equal_far_out(first, second, seed, log_base) if num >= ENOUGH else None


def _equal_far_out(first: Formula, second: Formula, seed: str, log_base: int) -> bool:
    """Whether functions with branches are equal at large points too, and at whole ones where they have steps."""
    if not _has(first, _BRANCHES) and not _has(second, _BRANCHES):
        return True
    names = sorted(symbols_of(first) | symbols_of(second))
    between = Fraction(0) if _has(first, _STEPS) or _has(second, _STEPS) else Fraction(1, 3)
    drawn = random.Random(seed)  # noqa: S311 - equal questions have equal verdicts
    for size in FAR_OUT:
        point = {name: size * drawn.randint(100, 200) + between for name in names}
        both = _at(point, first, second, log_base=log_base)
        if both is not None and abs(both[0][0] - both[0][1]) > both[1]:
            return False
    return True


def _is_zero(point: Point, formula: Formula, *, log_base: int) -> bool:
    """Whether a formula is zero there, and is no less so when more digits are looked at."""
    (value,), tolerance = _values(point, [formula], log_base=log_base)
    if abs(value) > tolerance:
        return False
    further = SURE_OF_FACTORIALS if _has(formula, {"fact", "binom"}) else SURE
    (value,), tolerance = _values(point, [formula], log_base=log_base, further=further)
    return bool(abs(value) <= tolerance)


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


def _values(
    point: Point, formulas: list[Formula], *, log_base: int, further: int = 0
) -> tuple[list[Value], mpmath.mpf]:
    """The values, and below what size a difference of them is none. What cancels takes digits away: there are more."""
    with mpmath.workdps(DIGITS):
        first = Evaluation(point, log_base=log_base)
        for formula in formulas:
            first.value(formula)
    magnitude = first.magnitude
    with mpmath.workdps(DIGITS + further + 3 * magnitude):
        # What cancels leaves the smaller a rest, the more digits there are.
        evaluation = Evaluation(point, log_base=log_base, largest=LARGEST_MAGNITUDE + further)
        values = [evaluation.value(formula) for formula in formulas]
        tolerance = mpmath.mpf(10) ** -(DIGITS // 2 + further + magnitude)
    return values, tolerance


def _log_bases(first: Formula, second: Formula) -> tuple[int, ...]:
    return (0, 10) if _has(first, {"log"}) or _has(second, {"log"}) else (0,)


def _has(formula: Formula, names: set[str]) -> bool:
    """Whether one of these operations is made in a formula."""
    return isinstance(formula, Operation) and (
        formula.name in names or any(_has(each, names) for each in formula.operands)
    )
