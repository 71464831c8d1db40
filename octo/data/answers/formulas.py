"""What an answer can be: formulas, and what is made of them."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

HIGHEST = 100
"""Operations within operations."""


class UnreadableError(Exception):
    """What stands there is no mathematics, has no value, or has one that is too large to be written down."""


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    value: Fraction
    digits: int | None = None
    """Of a decimal fraction: how many significant digits it has. Six or more may be rounded ones."""
    places: int = 0
    """Of a decimal fraction: how many digits stand behind its point."""


@dataclass(frozen=True)
class Symbol:
    """A variable, or a constant: pi, e, i and infinity."""

    name: str


@dataclass(frozen=True)
class Operation:
    """A function of formulas: `add`, `pow`, `sin`."""

    name: str
    operands: tuple["Formula", ...]
    height: int = field(init=False, compare=False, default=0)

    def __post_init__(self) -> None:
        height = 1 + max((each.height for each in self.operands if isinstance(each, Operation)), default=0)
        if height > HIGHEST:
            raise UnreadableError(f"more than {HIGHEST} operations within operations")
        object.__setattr__(self, "height", height)


Formula = Number | Symbol | Operation


@dataclass(frozen=True)
class Quantity:
    """A formula, with its unit where it has one."""

    formula: Formula
    unit: str = ""
    percent: bool = False


@dataclass(frozen=True)
class Words:
    """What is no mathematics: yes, even, Tuesday."""

    text: str


@dataclass(frozen=True)
class Choice:
    """One of the answers that a question offers, and perhaps what it says: (B), or (B) 12."""

    letter: str
    value: "Answer | None" = None


@dataclass(frozen=True)
class Based:
    """A number that names the base of its digits."""

    digits: str
    base: int


@dataclass(frozen=True)
class Several:
    """Answers that stand together: `(` `]` are what they stand between, in `{` and nothing they have no order."""

    items: tuple["Answer", ...]
    opening: Literal["(", "[", "{", "<", ""]
    closing: Literal[")", "]", "}", ">", ""]


@dataclass(frozen=True)
class Ratio:
    """Numbers with colons between them: a ratio, or the time of day."""

    terms: tuple["Answer", ...]
    clock: bool = False
    """Whether a later term begins with a zero, as minutes do and no number of a ratio."""


@dataclass(frozen=True)
class Matrix:
    """Rows of formulas."""

    rows: tuple[tuple["Answer", ...], ...]


@dataclass(frozen=True)
class Joined:
    r"""Sets with `\cup`, `\cap` or `\setminus` between them."""

    operators: tuple[str, ...]
    sets: tuple["Answer", ...]


@dataclass(frozen=True)
class Relation:
    """Sides with `=`, `<` and their kind between them."""

    operators: tuple[str, ...]
    sides: tuple["Answer", ...]


@dataclass(frozen=True)
class Named:
    """What something is said to be: x = 5."""

    name: "Answer"
    value: "Answer"


Answer = Quantity | Words | Choice | Based | Several | Ratio | Matrix | Joined | Relation | Named

PI, EULER, IMAGINARY, INFINITY = Symbol(r"\pi"), Symbol("e"), Symbol("i"), Symbol(r"\infty")
REALS = Symbol(r"\mathbb{R}")
CONSTANTS = {PI, EULER, IMAGINARY, INFINITY}


def symbols_of(formula: Formula) -> set[str]:
    """The variables of a formula."""
    if isinstance(formula, Operation):
        return set().union(*map(symbols_of, formula.operands))
    return {formula.name} if isinstance(formula, Symbol) and formula not in CONSTANTS else set()
