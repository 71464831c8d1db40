"""Sets of real numbers: intervals, unions, and what inequalities say, in one form."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import NamedTuple

from octo.data.answers.arithmetic import Arithmetic, difference
from octo.data.answers.exact import infinite
from octo.data.answers.formulas import (
    INFINITY,
    REALS,
    Answer,
    Formula,
    Joined,
    Named,
    Operation,
    Quantity,
    Relation,
    Several,
    Symbol,
    UnreadableError,
    symbols_of,
)

MOST_PIECES = 40
MOST_CONDITIONS = 12
_MINUS_INFINITY = Operation("neg", (INFINITY,))
_TURNED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}


class Piece(NamedTuple):
    """An interval, and whether its ends belong to it; a point where they are the same."""

    low: Formula
    low_closed: bool
    high: Formula
    high_closed: bool


class RealSet(NamedTuple):
    """Intervals, the lowest first and none that touches the next, and the variable that is said to be in them."""

    pieces: tuple[Piece, ...]
    variable: str = ""


EVERYTHING = Piece(_MINUS_INFINITY, low_closed=False, high=INFINITY, high_closed=False)


@dataclass(frozen=True)
class Sets:
    """Sets of real numbers, whose ends are compared by an arithmetic."""

    by: Arithmetic

    def read(self, answer: Answer) -> RealSet | None:
        """The set that an answer is; None where it is none, or ends at what is no real constant."""
        found = None
        match answer:
            case Named(Quantity(Symbol(name)), value):
                named = self.read(value)
                found = named and named._replace(variable=name)
            case Quantity(formula) if formula == REALS:
                found = RealSet((EVERYTHING,))
            case Several((Quantity(low), Quantity(high)), "(" | "[", ")" | "]"):
                found = self._made([Piece(low, answer.opening == "[", high, answer.closing == "]")])
            case Several(items, "{", "}") if all(isinstance(each, Quantity) for each in items):
                found = self._made([_point(each.formula) for each in items if isinstance(each, Quantity)])
            case Several(items, "", "") if _are_intervals(items):
                found = self._apart_from_each_other(items)
            case Several(items, "", "") if 0 < len(items) <= MOST_CONDITIONS:
                found = self._conditions(items)
            case Joined() if len(answer.sets) <= MOST_CONDITIONS:
                found = self._joined(answer)
            case Relation():
                found = self._relation(answer)
        return found

    def equal(self, gold: RealSet, answer: RealSet) -> bool:
        """Whether both are the same set, of the same variable where both name one."""
        if gold.variable and answer.variable and gold.variable != answer.variable:
            return False
        return len(gold.pieces) == len(answer.pieces) and all(
            (one.low_closed, one.high_closed) == (other.low_closed, other.high_closed)
            and self._order(one.low, other.low) == 0
            and self._order(one.high, other.high) == 0
            for one, other in zip(gold.pieces, answer.pieces, strict=True)
        )

    def _conditions(self, items: Iterable[Answer]) -> RealSet | None:
        """Of several: both hold, or, where that is impossible, one of them."""
        sets = [self._condition(each) for each in items if not isinstance(each, Several)]
        known = [each for each in sets if each is not None]
        if not known or len(known) < len(sets) or len({each.variable for each in known}) > 1:
            return None
        both = known[0]
        for each in known[1:]:
            both = RealSet(self._common(both.pieces, each.pieces), both.variable)
        if both.pieces:
            return both
        return self._made([piece for each in known for piece in each.pieces], known[0].variable)

    def _condition(self, answer: Answer) -> RealSet | None:
        """What is left to a variable; one number where it is said to be that."""
        match answer:
            case Named(Quantity(Symbol(name)), Quantity(formula)) if formula != REALS:
                return self._made([_point(formula)], name)
        return self.read(answer)

    def _apart_from_each_other(self, items: tuple[Answer, ...]) -> RealSet | None:
        """Intervals side by side are their union; what overlaps is not written so."""
        sets = [self.read(each) for each in items]
        pieces = [piece for each in sets if each for piece in each.pieces]
        made = self._made(pieces)
        return made if made and len(made.pieces) == len(pieces) == len(items) else None

    def _joined(self, joined: Joined) -> RealSet | None:
        sets = [self.read(each) for each in joined.sets]
        found = sets[0]
        for operator, other in zip(joined.operators, sets[1:], strict=True):
            if found is None or other is None:
                return None
            if operator == r"\cup":
                found = self._made([*found.pieces, *other.pieces])
            elif operator == r"\cap":
                found = RealSet(self._common(found.pieces, other.pieces))
            else:
                found = RealSet(self._common(found.pieces, self._beside(other.pieces)))
        return found

    def _relation(self, relation: Relation) -> RealSet | None:
        r"""Of x < 5, 1 < x \le 2, x \ne 3, |x| < 4 and x \notin [0, 4]."""
        match relation:
            case Relation((r"\notin",), (Quantity(Symbol(name)), excluded)):
                beside = self.read(excluded)
                return beside and RealSet(self._beside(beside.pieces), name)
        formulas = [side.formula for side in relation.sides if isinstance(side, Quantity)]
        if len(formulas) < len(relation.sides) or len(formulas) > 3:
            return None
        if apart := _absolute(relation.operators[0], *formulas[:2]):
            return self._apart(*apart)
        variables = [each for each in formulas if isinstance(each, Symbol) and symbols_of(each)]
        if len(variables) != 1:
            return None
        [variable] = variables
        at = formulas.index(variable)
        if relation.operators == (r"\ne",):
            made = self._made([_point(formulas[1 - at])])
            return made and RealSet(self._beside(made.pieces), variable.name)
        piece = _between(relation.operators, formulas, at)
        made = self._made([piece]) if piece else None
        return made and made._replace(variable=variable.name)

    def _apart(self, operator: str, variable: Symbol, distance: Formula) -> RealSet | None:
        """The numbers that are so far from zero."""
        closed = operator in (r"\le", r"\ge")
        within = operator in ("<", r"\le")
        lower: Formula = Operation("neg", (distance,))
        made = self._made([Piece(lower, closed == within, distance, closed == within)])
        if made is None or within:
            return made and made._replace(variable=variable.name)
        return RealSet(self._beside(made.pieces), variable.name)

    def _made(self, pieces: list[Piece], variable: str = "") -> RealSet | None:
        """Sorted, and joined where they touch."""
        if any(symbols_of(end) for piece in pieces for end in (piece.low, piece.high)):
            return None
        if len(pieces) > MOST_PIECES:
            raise UnreadableError(f"a set of more than {MOST_PIECES} pieces")
        pieces = [piece for piece in pieces if self._has_any(piece)]
        pieces.sort(key=cmp_to_key(self._lower))
        merged: list[Piece] = []
        for piece in pieces:
            if merged and self._touch(merged[-1], piece):
                merged[-1] = self._together(merged[-1], piece)
            else:
                merged.append(piece)
        return RealSet(tuple(merged), variable)

    def _has_any(self, piece: Piece) -> bool:
        order = self._order(piece.low, piece.high)
        return order < 0 or (order == 0 and piece.low_closed and piece.high_closed)

    def _lower(self, one: Piece, other: Piece) -> int:
        return self._order(one.low, other.low) or other.low_closed - one.low_closed

    def _touch(self, lower: Piece, upper: Piece) -> bool:
        order = self._order(lower.high, upper.low)
        return order > 0 or (order == 0 and (lower.high_closed or upper.low_closed))

    def _together(self, lower: Piece, upper: Piece) -> Piece:
        order = self._order(lower.high, upper.high)
        if order > 0:
            return lower
        closed = upper.high_closed or (order == 0 and lower.high_closed)
        return lower._replace(high=upper.high, high_closed=closed)

    def _common(self, ones: tuple[Piece, ...], others: tuple[Piece, ...]) -> tuple[Piece, ...]:
        """What is in both."""
        pieces = []
        for one in ones:
            for other in others:
                low, high = self._order(one.low, other.low), self._order(one.high, other.high)
                pieces.append(
                    Piece(
                        one.low if low >= 0 else other.low,
                        (one.low_closed or low < 0) and (other.low_closed or low > 0),
                        one.high if high <= 0 else other.high,
                        (one.high_closed or high > 0) and (other.high_closed or high < 0),
                    )
                )
        made = self._made(pieces)
        return made.pieces if made else ()

    def _beside(self, pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        """The real numbers that are in none of them."""
        left: tuple[Piece, ...] = (EVERYTHING,)
        for piece in pieces:
            below = EVERYTHING._replace(high=piece.low, high_closed=not piece.low_closed)
            above = EVERYTHING._replace(low=piece.high, low_closed=not piece.high_closed)
            left = self._common(left, (below, above))
        return left

    def _order(self, one: Formula, other: Formula) -> int:
        if infinite(one) or infinite(other):
            return (infinite(one) > infinite(other)) - (infinite(one) < infinite(other))
        return self.by.sign(difference(one, other))


def _are_intervals(items: tuple[Answer, ...]) -> bool:
    """Whether all are intervals: one of them by its brackets, or because it has no end, and the others in its wake."""
    pairs = [
        each for each in items if isinstance(each, Several) and len(each.items) == 2 and each.opening in ("(", "[")
    ]
    certain = any(
        each.opening + each.closing in ("[)", "(]")
        or any(isinstance(end, Quantity) and infinite(end.formula) for end in each.items)
        for each in pairs
    )
    return 1 < len(items) <= MOST_CONDITIONS and len(pairs) == len(items) and certain


def _point(at: Formula) -> Piece:
    return Piece(at, low_closed=True, high=at, high_closed=True)


def _between(operators: tuple[str, ...], formulas: list[Formula], at: int) -> Piece | None:
    """What relations leave to the formula at one place; None where they do not stand around it in one direction."""
    directions = {operator in ("<", r"\le") for operator in operators}
    if not set(operators) <= _TURNED.keys() or (len(formulas) == 3 and (at != 1 or len(directions) > 1)):
        return None
    piece = EVERYTHING
    for index, operator in enumerate(operators):
        bound, sign = (formulas[index], _TURNED[operator]) if index < at else (formulas[index + 1], operator)
        closed = sign in (r"\le", r"\ge")
        if sign in ("<", r"\le"):
            piece = piece._replace(high=bound, high_closed=closed)
        else:
            piece = piece._replace(low=bound, low_closed=closed)
    return piece


def _absolute(operator: str, left: Formula, right: Formula) -> tuple[str, Symbol, Formula] | None:
    """Of |x| < 3: the relation, x and 3."""
    for sign, one, other in ((operator, left, right), (_TURNED.get(operator, ""), right, left)):
        match one:
            case Operation("abs", (Symbol() as variable,)) if sign in _TURNED and not symbols_of(other):
                return sign, variable, other
    return None
