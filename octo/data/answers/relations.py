"""What is said of what: names before an equals sign, and lists of such."""

from collections.abc import Sequence
from dataclasses import replace

from octo.data.answers.formulas import (
    Answer,
    Formula,
    Named,
    Number,
    Operation,
    Quantity,
    Relation,
    Several,
    Symbol,
    Words,
    symbols_of,
)


def claim(items: Sequence[Answer]) -> Answer:
    """What answers that stand together say: one, several without order, or the values of names."""
    if len(items) > 1:
        conditions = any(isinstance(each, Relation) and each.operators[0] != r"\in" for each in items)
        whole = [each.sides[0] for each in items if isinstance(each, Relation) and _is_whole(each)]
        items = [each for each in items if not _is_domain(each, conditions=conditions)] or items
        items = [_with_name(each, whole[0], "k") for each in items] if len(whole) == 1 else items
    said = [_named(each) for each in items]
    said = [each for one in said for each in _both_signs(one)]
    if len(said) == 1:
        return said[0]
    names = {each.name for each in said if isinstance(each, Named)}
    first = said[0]
    if isinstance(first, Named) and len(names) == 1 and not any(isinstance(each, Relation) for each in said):
        # n = 1, 2, 3, and x = 1 or x = 2.
        return Named(first.name, Several(tuple(map(value_of, said)), "", ""))
    return Several(tuple(said), "", "")


def value_of(answer: Answer) -> Answer:
    """An answer without the name of what it is the value of."""
    return answer.value if isinstance(answer, Named) else answer


def _is_domain(answer: Answer, *, conditions: bool) -> bool:
    """Whether it only says what kind of number a name is: k is an integer; x is real, beside conditions on it."""
    return (
        isinstance(answer, Relation)
        and answer.operators == (r"\in",)
        and isinstance(answer.sides[1], Quantity)
        and isinstance(answer.sides[1].formula, Symbol)
        and answer.sides[1].formula.name.startswith(r"\mathbb{")
        and (conditions or answer.sides[1].formula.name != r"\mathbb{R}")
    )


def _is_whole(relation: Relation) -> bool:
    """Whether it says that a name is a whole number, whichever name that is."""
    return relation.operators == (r"\in",) and relation.sides[1] == Quantity(Symbol(r"\mathbb{Z}"))


def _with_name(answer: Answer, old: Answer, new: str) -> Answer:
    """An answer in which a variable has another name, if the new one is free."""
    match answer, old:
        case Quantity(formula), Quantity(Symbol(name)) if new not in symbols_of(formula):
            return replace(answer, formula=_renamed(formula, name, new))
        case Relation(operators, sides), _:
            return Relation(operators, tuple(_with_name(each, old, new) for each in sides))
    return answer


def _renamed(formula: Formula, old: str, new: str) -> Formula:
    if isinstance(formula, Operation):
        return Operation(formula.name, tuple(_renamed(each, old, new) for each in formula.operands))
    return Symbol(new) if formula == Symbol(old) else formula


def _named(answer: Answer) -> Answer:
    """A name and its value, of x = 5, and its value, and so 5 = x and x in [0, 1); other relations as they are."""
    if not isinstance(answer, Relation):
        return answer
    first, last = answer.sides[0], answer.sides[-1]
    if answer.operators == (r"\in",) and is_name(first):
        return Named(first, last)
    if set(answer.operators) != {"="} or len(answer.sides) != 2:
        return answer
    if is_name(first) and not (isinstance(last, Words) and not isinstance(first, Words)):
        return Named(first, last)
    if is_name(last) and not is_name(first):
        return Named(last, first)
    return answer


def is_name(answer: Answer) -> bool:
    """Whether it names something: x, f(x), area, a+b, (x, y)."""
    if isinstance(answer, Words):
        return True
    if isinstance(answer, Several):
        return bool(answer.items) and all(
            isinstance(each, Quantity) and isinstance(each.formula, Symbol) for each in answer.items
        )
    return isinstance(answer, Quantity) and bool(symbols_of(answer.formula)) and not _has_factor(answer.formula)


def _has_factor(formula: Formula) -> bool:
    """Whether a number stands in it that is no exponent."""
    if isinstance(formula, Operation):
        operands = formula.operands[:1] if formula.name in ("pow", "root") else formula.operands
        return any(map(_has_factor, operands))
    return isinstance(formula, Number)


def _both_signs(answer: Answer) -> list[Answer]:
    """An answer with plus or minus in it as the two that it is."""
    if isinstance(answer, Named):
        values = _both_signs(answer.value)
        return [Named(answer.name, value) for value in values]
    upper = {"pm": "pos", "mp": "neg"}
    lower = {"pm": "neg", "mp": "pos"}
    if isinstance(answer, Relation):
        sides = [_both_signs(each) for each in answer.sides]
        places = (0, -1) if max(map(len, sides)) > 1 else (0,)
        return [Relation(answer.operators, tuple(each[place] for each in sides)) for place in places]
    if not isinstance(answer, Quantity) or not _signs_of(answer.formula):
        return [answer]
    return [Quantity(_signed(answer.formula, signs), answer.unit, answer.percent) for signs in (upper, lower)]


def _signs_of(formula: Formula) -> bool:
    if not isinstance(formula, Operation):
        return False
    return formula.name in ("pm", "mp") or any(map(_signs_of, formula.operands))


def _signed(formula: Formula, signs: dict[str, str]) -> Formula:
    if not isinstance(formula, Operation):
        return formula
    operands = tuple(_signed(each, signs) for each in formula.operands)
    name = signs.get(formula.name, formula.name)
    return operands[0] if name == "pos" else Operation(name, operands)
