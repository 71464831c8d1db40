"""Whether an answer is the true one: which kinds of answers can be equal, and when they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from octo.data.answers.arithmetic import Arithmetic, difference
from octo.data.answers.exact import rational
from octo.data.answers.formulas import (
    Answer,
    Based,
    Choice,
    Formula,
    Joined,
    Matrix,
    Named,
    Number,
    Operation,
    Quantity,
    Ratio,
    Relation,
    Several,
    Symbol,
    UnreadableError,
    Words,
    symbols_of,
)
from octo.data.answers.reading import CHOICES, Reading
from octo.data.answers.relations import is_name, value_of
from octo.data.answers.sets import Sets
from octo.data.answers.units import unit_of
from octo.data.answers.words import words_of

ROUNDED = 6
"""Decimal places, and significant digits, from which on a decimal fraction may be a rounded one."""
_COMPARING = {"=", "<", r"\le", r"\ne"}
_POINTS = {"()", "<>"}
_TURNED = {">": "<", r"\ge": r"\le"}


@dataclass(frozen=True)
class Comparison:
    """Of answers, by an arithmetic."""

    by: Arithmetic

    def same(self, gold: Reading, answer: Reading) -> bool:
        """Whether an answer is the true one.

        Raises:
            UnreadableError: the true one has no value, or says what is not so, as 8 = 7 does.
        """
        true, given = self._settled(gold.answer), self._settled(answer.answer)
        if not true:
            raise UnreadableError(f"{gold.text} is not so")
        if any(isinstance(each, Words) for each in (gold.answer, answer.answer)):
            return self._words(gold, answer)
        return any(self._same(one, other) for one in true for other in given)

    def _words(self, gold: Reading, answer: Reading) -> bool:
        if _letter(gold.answer) and _letter(answer.answer):
            return self._same(gold.answer, answer.answer)
        if isinstance(answer.answer, Choice) and answer.answer.value is not None:
            return (
                self.same(gold, Reading(answer.answer.value, answer.text)) if _is_words(answer.answer.value) else False
            )
        true, given = (each.answer if _is_words(each.answer) else words_of(each.text) for each in (gold, answer))
        return true is not None and true == given

    def _settled(self, answer: Answer) -> list[Answer]:
        """What an answer claims: a chain of equations is its value, or nothing where it does not hold."""
        if not isinstance(answer, Relation) or not set(answer.operators) <= {"=", r"\approx"}:
            return [answer]
        sides = list(answer.sides)
        names = [side for side in sides if is_name(side)]
        values = [side for side in sides if not is_name(side)]
        if not values or any(_variables(each) for each in values):
            return [answer]
        about = answer.operators[-1] == r"\approx"
        rest = values[:-1] if about and len(values) > 1 else values
        holds = all(self._same(rest[0], each) for each in rest[1:])
        if about and len(values) > 1:
            holds = holds and self._near(rest[0], values[-1])
        if not holds:
            return []
        claimed = [rest[0], *([values[-1]] if about and len(values) > 1 else [])]
        return [Named(names[0], each) for each in claimed] if names else claimed

    def _near(self, exact: Answer, about: Answer) -> bool:
        """Whether two constants differ by less than a unit of the last place of the second."""
        match exact, about:
            case Quantity(one), Quantity(Number() as other):
                unit = Number(Fraction(1, 10**other.places))
                distance = Operation("abs", (difference(one, other),))
                return self.by.sign(difference(distance, unit)) < 0
        return self._same(exact, about)

    def _same(self, gold: Answer, answer: Answer) -> bool:
        if chosen := self._choices(gold, answer):
            return chosen > 0
        if isinstance(gold, Choice) or isinstance(answer, Choice):
            return self._offered(gold, answer)
        if isinstance(gold, Words) or isinstance(answer, Words):
            return _word_of(gold) == _word_of(answer) != ""
        if isinstance(gold, Named) or isinstance(answer, Named):
            return self._named(gold, answer)
        return self._same_kind(gold, answer)

    def _same_kind(self, gold: Answer, answer: Answer) -> bool:
        match gold, answer:
            case Quantity(), Quantity():
                same = self._quantities(gold, answer)
            case (Based(), _) | (_, Based()):
                same = _based(gold, answer)
            case Several(), Several():
                same = self._several(gold, answer)
            case Ratio(), Ratio():
                same = self._ratios(gold, answer)
            case Matrix(), Matrix():
                same = [len(row) for row in gold.rows] == [len(row) for row in answer.rows] and all(
                    self._in_order(one, other) for one, other in zip(gold.rows, answer.rows, strict=True)
                )
            case (Relation() | Joined() | Several(), _) | (_, Relation() | Joined() | Several()):
                same = self._sets(gold, answer)
            case _:
                same = False
        return same

    def _offered(self, gold: Answer, answer: Answer) -> bool:
        """Whether the value of a choice is the true answer, or what the true choice says is the answer."""
        if isinstance(answer, Choice) and not isinstance(gold, Choice):
            return answer.value is not None and self._same(gold, answer.value)
        return isinstance(gold, Choice) and gold.value is not None and self._same(gold.value, answer)

    def _choices(self, gold: Answer, answer: Answer) -> int:
        """1 for the right letter, -1 for a wrong one, 0 where no letter is asked for or none is given."""
        true, given = _letter(gold), _letter(answer)
        if not true or not given or not (isinstance(gold, Choice) or true in CHOICES or isinstance(answer, Choice)):
            return 0
        if true != given.upper():
            return -1
        if isinstance(gold, Choice) and isinstance(answer, Choice) and gold.value and answer.value:
            return 1 if self._same(gold.value, answer.value) else -1
        return 1

    def _named(self, gold: Answer, answer: Answer) -> bool:
        gold, answer = _assigned(gold), _assigned(answer)
        match gold, answer:
            case Several(), Several():
                same = self._several(gold, answer)
            case (Several(), _) | (_, Several()):
                same = not (isinstance(gold, Several) and _assigns(gold)) and self._same(
                    value_of(gold), value_of(answer)
                )
            case Named(), Named():
                alike = gold.name == answer.name or _is_words(gold.name) or _is_words(answer.name)
                same = (alike or _graphs(gold, answer)) and self._same(gold.value, answer.value)
                same = same or self._equations(gold, answer)
            case (Relation(), _) | (_, Relation()):
                same = self._equations(gold, answer) or self._sets(gold, answer)
            case _:
                same = self._same(value_of(gold), value_of(answer))
        return same

    def _quantities(self, gold: Quantity, answer: Quantity) -> bool:
        true, given = gold.formula, answer.formula
        if gold.unit and answer.unit:
            of_gold, of_answer = unit_of(gold.unit), unit_of(answer.unit)
            if not of_gold.measures_as(of_answer):
                return False
            if of_gold.scale != of_answer.scale:
                given = Operation("mul", (given, Number(of_answer.scale / of_gold.scale)))
        if gold.percent == answer.percent:
            return self._equal(true, given)
        if gold.percent:
            return self._equal(true, given) or self._equal(_hundredth(true), given)
        # 0.5 is 50 %, and not half a per cent.
        return self._equal(true, _hundredth(given)) or (self._equal(true, given) and self._beyond_one(true))

    def _beyond_one(self, formula: Formula) -> bool:
        return (
            isinstance(formula, Number)
            and self.by.sign(difference(Operation("abs", (formula,)), Number(Fraction(1)))) > 0
        )

    def _equal(self, gold: Formula, answer: Formula) -> bool:
        if self.by.equal(gold, answer):
            return True
        true, given = _decimal(gold), _decimal(answer)
        if given and not true and not symbols_of(gold):
            return _is_fine(given) and self.by.approximates(gold, given)
        if true and not given and not symbols_of(answer):
            return _is_fine(true) and self.by.approximates(answer, true)
        return False

    def _several(self, gold: Several, answer: Several) -> bool:
        kinds = gold.opening + gold.closing, answer.opening + answer.closing
        if gold.items and answer.items and _assigns(gold) and _assigns(answer):
            return self._assignments(gold.items, answer.items)
        if set(kinds) & _POINTS and (_assigns(gold) or _assigns(answer)):
            return self._in_order(_by_name(gold).items, _by_name(answer).items)
        if kinds == ("", ""):
            return self._sets(gold, answer) or self._in_any_order(gold.items, answer.items)
        if set(kinds) <= {"", "{}"}:
            return self._contains(gold.items, answer.items) and self._contains(answer.items, gold.items)
        if any(isinstance(each, Relation) for each in (*gold.items, *answer.items)):
            return self._sets(gold, answer)
        # (1, 2) may be written 1, 2; but two answers are no point.
        point = kinds[0] in _POINTS and kinds[1] in {*_POINTS, ""}
        vectors = len(gold.items) > 2 and set(kinds) <= {*_POINTS, "[]"}
        return (kinds[0] == kinds[1] or point or vectors) and self._in_order(gold.items, answer.items)

    def _assignments(self, gold: Sequence[Answer], answer: Sequence[Answer]) -> bool:
        true = {each.name: each.value for each in gold if isinstance(each, Named)}
        given = {each.name: each.value for each in answer if isinstance(each, Named)}
        if len(gold) != len(answer) or len(true) != len(gold) or true.keys() != given.keys():
            return len(gold) == len(answer) and self._in_any_order(gold, answer)
        return all(self._same(value, given[name]) for name, value in true.items())

    def _in_order(self, gold: Sequence[Answer], answer: Sequence[Answer]) -> bool:
        return len(gold) == len(answer) and all(self._same(one, other) for one, other in zip(gold, answer, strict=True))

    def _in_any_order(self, gold: Sequence[Answer], answer: Sequence[Answer]) -> bool:
        if len(gold) != len(answer) or Words("...") in gold:
            return self._in_order(gold, answer)
        left = list(answer)
        for one in gold:
            found = next((index for index, other in enumerate(left) if self._same(one, other)), None)
            if found is None:
                return False
            left.pop(found)
        return True

    def _contains(self, items: Sequence[Answer], others: Sequence[Answer]) -> bool:
        return all(any(self._same(item, other) for item in items) for other in others)

    def _sets(self, gold: Answer, answer: Answer) -> bool:
        sets = Sets(self.by)
        true, given = sets.read(gold), sets.read(answer)
        if true is not None and given is not None and not (_is_tuple(gold) and _is_tuple(answer)):
            return sets.equal(true, given)
        if isinstance(gold, Joined) and isinstance(answer, Joined):
            return gold.operators == answer.operators and self._in_order(gold.sets, answer.sets)
        if isinstance(gold, Relation) and isinstance(answer, Relation):
            return self._equations(gold, answer)
        one, other = _only(gold), _only(answer)
        if (one, other) != (gold, answer) and not isinstance(one, Several) and not isinstance(other, Several):
            return self._same(one, other)
        return False

    def _equations(self, gold: Answer, answer: Answer) -> bool:
        """Whether two equations, or inequalities, say the same."""
        true, given = _turned(gold), _turned(answer)
        if true is None or given is None or true.operators != given.operators:
            return False
        sides = [(one, other) for one, other in zip(true.sides, given.sides, strict=True)]
        if len(sides) == 2:
            formulas = [each.formula for pair in sides for each in pair if isinstance(each, Quantity)]
            if len(formulas) < 4 or true.operators[0] not in _COMPARING:
                return all(self._same(one, other) for one, other in sides)
            true_left, given_left, true_right, given_right = formulas
            inequality = true.operators[0] not in ("=", r"\ne")
            one, other = difference(true_left, true_right), difference(given_left, given_right)
            return bool(symbols_of(one)) and self.by.proportional(one, other, positive=inequality)
        return all(self._same(one, other) for one, other in sides)

    def _ratios(self, gold: Ratio, answer: Ratio) -> bool:
        true, given = list(gold.terms), list(answer.terms)
        units = [terms.pop() for terms in (true, given) if isinstance(terms[-1], Words)]
        if len(units) == 2 and unit_of(units[0].text) != unit_of(units[1].text):  # type: ignore[union-attr]
            return False
        return self._in_order(true, given)


def _letter(answer: Answer) -> str:
    """The letter that an answer is, in its own case unless it is said to be a choice; nothing where it is none."""
    if isinstance(answer, Choice):
        return answer.letter
    if isinstance(answer, Quantity) and isinstance(answer.formula, Symbol) and not answer.unit:
        name = answer.formula.name
        return name if len(name) == 1 and name.upper() in CHOICES else ""
    return ""


def _word_of(answer: Answer) -> str:
    """A word, or the letters of a name: the second and the third of II and III."""
    match answer:
        case Words(text):
            return text
        case Quantity(Symbol(name)) if len(name) > 1:
            return name.casefold()
    return ""


def _is_words(answer: Answer) -> bool:
    return isinstance(answer, Words)


def _graphs(gold: Named, answer: Named) -> bool:
    """Whether one says of y what the other says of f(x)."""
    y = Quantity(Symbol("y"))
    other = gold.name if answer.name == y else answer.name
    function = isinstance(other, Quantity) and bool(symbols_of(other.formula) & {"f", "g", "h"})
    return function and y in (gold.name, answer.name)


def _variables(answer: Answer) -> bool:
    """Whether a side of an equation is no constant."""
    return not isinstance(answer, Quantity) or bool(symbols_of(answer.formula))


def _based(gold: Answer, answer: Answer) -> bool:
    """Whether the digits are the same, in the same base where both name one; the base may be left out."""
    if isinstance(gold, Based) and isinstance(answer, Based):
        return gold.digits.lstrip("0") == answer.digits.lstrip("0") and gold.base == answer.base
    based, other = (gold, answer) if isinstance(gold, Based) else (answer, gold)
    if not isinstance(based, Based) or not isinstance(other, Quantity):
        return False
    value = rational(other.formula)
    return value is not None and based.digits.lstrip("0") == str(value)


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


def _assigned(answer: Answer) -> Answer:
    """(x, y) = (1, 2) as what it says of x and of y."""
    match answer:
        case Named(Several(names), Several(values)) if len(names) == len(values):
            return Several(tuple(map(Named, names, values)), "", "")
    return answer


def _assigns(answer: Several) -> bool:
    return bool(answer.items) and all(isinstance(each, Named) for each in answer.items)


def _by_name(answer: Several) -> Several:
    """What is assigned, in the order of the names."""
    if not _assigns(answer):
        return answer
    return Several(tuple(map(value_of, sorted(answer.items, key=_name_of))), "(", ")")


def _name_of(answer: Answer) -> str:
    return str(answer.name) if isinstance(answer, Named) else ""


def _is_tuple(answer: Answer) -> bool:
    return isinstance(answer, Several) and bool(answer.opening)


def _only(answer: Answer) -> Answer:
    """The one member of a set that has one."""
    if isinstance(answer, Several) and answer.opening in ("", "{") and len(answer.items) == 1:
        return answer.items[0]
    return answer


def _turned(answer: Answer) -> Relation | None:
    """An equation or an inequality, the smaller side first."""
    if isinstance(answer, Named):
        return Relation(("=",), (answer.name, answer.value))
    if not isinstance(answer, Relation):
        return None
    if all(operator in _TURNED for operator in answer.operators):
        turned = tuple(_TURNED[operator] for operator in reversed(answer.operators))
        return Relation(turned, tuple(reversed(answer.sides)))
    return answer
