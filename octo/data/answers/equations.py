"""Whether equations and inequalities say the same, and whether they say it as directly."""

from collections.abc import Callable

from octo.data.answers.arithmetic import Arithmetic, difference
from octo.data.answers.formulas import Answer, Named, Operation, Quantity, Relation, Symbol, Words, symbols_of
from octo.data.answers.kinds import is_words

_COMPARING = {"=", "<", r"\le", r"\ne"}
_TURNED = {">": "<", r"\ge": r"\le"}
_COORDINATES = {"x", "y", "z"}


def same_equation(gold: Answer, answer: Answer, *, by: Arithmetic, same: Callable[[Answer, Answer], bool]) -> bool:
    """Whether two equations, or inequalities, say the same.

    What is solved for a variable is not what leaves that to do: 2x + 3 = 11 is the problem, whose answer is x = 4. Of
    a line or a curve, in x and y, every equation is one.
    """
    true, given = _turned(gold), _turned(answer)
    if true is None or given is None or true.operators != given.operators:
        return False
    if not _solved_for(true) <= _solved_for(given):
        return False
    sides = [(one, other) for one, other in zip(true.sides, given.sides, strict=True)]
    if len(sides) == 2:
        formulas = [each.formula for pair in sides for each in pair if isinstance(each, Quantity)]
        if len(formulas) < 4 or true.operators[0] not in _COMPARING:
            return all(same(one, other) for one, other in sides)
        true_left, given_left, true_right, given_right = formulas
        inequality = true.operators[0] not in ("=", r"\ne")
        one, other = difference(true_left, true_right), difference(given_left, given_right)
        return bool(symbols_of(one)) and by.proportional(one, other, positive=inequality)
    return all(same(one, other) for one, other in sides)


def is_curve(answer: Answer) -> bool:
    """Whether it is the equation of a line or a curve, and no value with a name: x^2 + y^2 = 25."""
    match answer:
        case Named(Quantity(Operation() as formula)):
            return len(symbols_of(formula)) > 1 and symbols_of(formula) <= _COORDINATES
    return False


def same_name(gold: Named, answer: Named) -> bool:
    """Whether both say of the same what it is, as far as names tell: P(A) is not P(B), but an area may be called A."""
    one, other = (_applied(each.name) for each in (gold, answer))
    if one and other:
        return one == other
    return gold.name == answer.name or is_words(gold.name) or is_words(answer.name)


def same_graph(gold: Named, answer: Named) -> bool:
    """Whether one says of y what the other says of f(x)."""
    y = Quantity(Symbol("y"))
    other = gold.name if answer.name == y else answer.name
    function = isinstance(other, Quantity) and bool(symbols_of(other.formula) & {"f", "g", "h"})
    return function and y in (gold.name, answer.name)


def _solved_for(relation: Relation) -> set[str]:
    """The variable that stands alone on a side, and nowhere else."""
    formulas = [side.formula for side in relation.sides if isinstance(side, Quantity)]
    names = set().union(*map(symbols_of, formulas))
    if len(formulas) < len(relation.sides) or (len(names) > 1 and names <= _COORDINATES):
        return set()
    alone = {formula.name for formula in formulas if isinstance(formula, Symbol)} & names
    return {name for name in alone if sum(name in symbols_of(formula) for formula in formulas) == 1}


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


def _applied(name: Answer) -> str:
    """A name that says what it is of, as P(A) and f(2) do."""
    return name.text if isinstance(name, Words) and "(" in name.text else ""
