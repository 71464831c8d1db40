"""Whether two quantities are the same: numbers with their units, percentages, sums of money, times of day, digits."""

from dataclasses import dataclass, replace
from fractions import Fraction

from octo.data.answers.arithmetic import Arithmetic, difference
from octo.data.answers.exact import rational
from octo.data.answers.formulas import (
    Answer,
    Based,
    Formula,
    Number,
    Operation,
    Quantity,
    Ratio,
    Symbol,
    Words,
    symbols_of,
)
from octo.data.answers.units import SINGLE_LETTERS, unit_of

ROUNDED = 6
"""Decimal places, and significant digits, from which on a decimal fraction may be a rounded one."""
_HALVES_OF_A_DAY = {"am", "pm"}


@dataclass(frozen=True)
class Quantities:
    """Of quantities, by an arithmetic."""

    by: Arithmetic

    def same(self, gold: Quantity, answer: Quantity) -> bool:
        """Whether one is the other. A unit may be missing, and so may a sign of per cent; neither may be another."""
        answer = _with_letter(answer) if gold.unit else answer
        if (gold.percent and not answer.percent and answer.unit) or (answer.percent and not gold.percent and gold.unit):
            return False
        true, given = gold.formula, answer.formula
        if gold.unit and answer.unit:
            of_gold, of_answer = unit_of(gold.unit), unit_of(answer.unit)
            if not of_gold.measures_as(of_answer):
                return False
            if of_gold.scale != of_answer.scale:
                given = Operation("mul", (given, Number(of_answer.scale / of_gold.scale)))
        if gold.percent == answer.percent:
            return self.equal(true, given)
        if gold.percent:
            return self.equal(true, given) or self.equal(_hundredth(true), given)
        # 0.5 is 50 %, and not half a per cent.
        return self.equal(true, _hundredth(given)) or (self.equal(true, given) and self._beyond_one(true))

    def equal(self, gold: Formula, answer: Formula) -> bool:
        """Whether two formulas have the same value, or one is a decimal fraction that is the other, finely rounded."""
        if self.by.equal(gold, answer):
            return True
        true, given = _decimal(gold), _decimal(answer)
        if given and not true and not symbols_of(gold):
            return _is_fine(given) and self.by.approximates(gold, given)
        if true and not given and not symbols_of(answer):
            return _is_fine(true) and self.by.approximates(answer, true)
        return False

    def near(self, exact: Formula, about: Number) -> bool:
        """Whether a constant, rounded or cut off at the last place of a number, is that number."""
        half = Fraction(1, 2 * 10**about.places)
        if self._distance(exact, about.value, half) <= 0:
            return True
        return self._distance(exact, about.value + (half if about.value >= 0 else -half), half) < 0

    def times(self, gold: Ratio, answer: Ratio) -> bool:
        """Whether two ratios, or times of day, are the same; nine past five is no ratio of nine to five."""
        true, given = list(gold.terms), list(answer.terms)
        units = [terms.pop() for terms in (true, given) if isinstance(terms[-1], Words)]
        if len(units) == 2 and unit_of(units[0].text) != unit_of(units[1].text):  # type: ignore[union-attr]
            return False
        return (
            gold.clock == answer.clock
            and len(true) == len(given)
            and all(
                isinstance(one, Quantity) and isinstance(other, Quantity) and self.same(one, other)
                for one, other in zip(true, given, strict=True)
            )
        )

    def _distance(self, exact: Formula, middle: Fraction, half: Fraction) -> int:
        """Whether a constant is nearer than that, just as far, or further away: -1, 0 or 1."""
        distance = Operation("abs", (difference(exact, Number(middle)),))
        return self.by.sign(difference(distance, Number(half)))

    def _beyond_one(self, formula: Formula) -> bool:
        return (
            isinstance(formula, Number)
            and self.by.sign(difference(Operation("abs", (formula,)), Number(Fraction(1)))) > 0
        )


def as_time(answer: Answer) -> Answer:
    """An hour of the day as the time that it is: 10 AM is 10:00 AM."""
    if isinstance(answer, Quantity) and answer.unit.casefold() in _HALVES_OF_A_DAY:
        return Ratio((Quantity(answer.formula), Quantity(Number(Fraction(0))), Words(answer.unit)), clock=True)
    return answer


def same_digits(gold: Answer, answer: Answer) -> bool:
    """Whether digits and base are the same. An answer may leave the base out that the true one names."""
    if isinstance(answer, Based):
        if not isinstance(gold, Based):
            return answer.base == 10 and same_digits(answer, gold)
        return gold.digits.lstrip("0") == answer.digits.lstrip("0") and gold.base == answer.base
    written = ""
    if isinstance(answer, Quantity) and not answer.unit:
        value = rational(answer.formula)
        symbol = answer.formula.name if isinstance(answer.formula, Symbol) else ""
        written = symbol if value is None else str(value)
    elif isinstance(answer, Words):
        written = answer.text.upper()
    return isinstance(gold, Based) and gold.digits.lstrip("0") == written != ""


def _with_letter(answer: Quantity) -> Quantity:
    """Of 3h, three hours."""
    match answer:
        case Quantity(Operation("mul", (*factors, Symbol(name))), "", False) if name in SINGLE_LETTERS | {r"\ell"}:
            number = factors[0] if len(factors) == 1 else Operation("mul", tuple(factors))
            return replace(answer, formula=number, unit=name.removeprefix("\\").replace("ell", "L"))
    return answer


def _hundredth(formula: Formula) -> Formula:
    return Operation("div", (formula, Number(Fraction(100))))


def _is_fine(decimal: Number) -> bool:
    return min(decimal.digits or 0, decimal.places) >= ROUNDED


def _decimal(formula: Formula) -> Number | None:
    """The decimal fraction that a formula is, with its sign."""
    if isinstance(formula, Number):
        return formula if formula.digits is not None else None
    if isinstance(formula, Operation) and formula.name == "neg":
        positive = _decimal(formula.operands[0])
        return positive and Number(-positive.value, positive.digits, positive.places)
    return None
