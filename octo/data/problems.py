"""Generated arithmetic: questions with a known answer, and solutions of several kinds.

The toy counterpart of question-answer corpora: `long` solutions write every column out with its carry, `short` ones the
columns' sums, `noisy` ones nothing but a number, like much of the web. In all of them a stated share forgets the
carry. Every solution ends with its answer, so the last number of a text is what it claims.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np

from octo.data.documents import Document, new_document
from octo.errors import InputError
from octo.randomness import generator, keyed_fraction
from octo.settings.source_options import DISTINCT, ArithmeticOptions

Style = Literal["noisy", "short", "long"]
Partition = Literal["evaluation", "validation", "training"]

KINDS: Mapping[str, tuple[Style, Partition]] = {
    "noisy": ("noisy", "training"),
    "short": ("short", "training"),
    "long": ("long", "training"),
    "prompts": ("noisy", "training"),
    "validation": ("noisy", "validation"),
    "evaluation": ("noisy", "evaluation"),
}
"""What `arithmetic:KIND` generates: the style of the solutions, and the part of the pairs that they are drawn from."""

EVALUATION_SHARE = 0.10
VALIDATION_SHARE = 0.05
MAX_DRAWS = 10_000
"""A part of the pairs that is not hit by so many draws is empty."""


class Problem(NamedTuple):
    """An addition and its true answer."""

    a: int
    b: int
    question: str
    """The text up to where a solution starts."""
    answer: str


def problem(a: int, b: int) -> Problem:
    """The problem of adding a and b."""
    return Problem(a, b, question=f"{a}+{b}=", answer=str(a + b))


def solution(given: Problem, style: Style, *, forgets: bool = False) -> str:
    """The text that follows the question: its last number is the answer.

    Sums of two digits are written with two places, so that every digit has its own place in a solution.
    """
    steps = _columns(given, forgets=forgets)
    answer = _answer(steps)
    if style == "noisy":
        return answer
    written = (f"{step.total:02d}" if style == "short" else _explained(step) for step in steps)
    return f"{','.join(written)}:{answer}"


def partition_of(a: int, b: int, *, seed: int) -> Partition:
    """To which part a pair belongs; a+b and b+a belong to the same one."""
    fraction = keyed_fraction(seed, "arithmetic", "partition", min(a, b), max(a, b))
    if fraction < EVALUATION_SHARE:
        return "evaluation"
    return "validation" if fraction < EVALUATION_SHARE + VALIDATION_SHARE else "training"


def generate(what: str, options: ArithmeticOptions, *, label: str, seed: int) -> Iterator[Document]:
    """The documents of an arithmetic source. The i-th depends on the seed, the kind and i, not on the count."""
    style, partition = KINDS[what]
    drawn = _distinct(what, options, seed) if what in DISTINCT else _repeating(what, options, seed)
    for index, (given, random) in enumerate(itertools.islice(drawn, options.count)):
        forgets = what not in DISTINCT and random.random() < options.forget
        text = given.question + solution(given, style, forgets=forgets)
        yield new_document(
            text,
            source=label,
            url=f"arithmetic:{what}?digits={_digits(options)}#{index}",
            metadata={
                "question": given.question,
                "answer": given.answer,
                "partition": partition,
                "forgets_carry": forgets,
            },
        )


class _Column(NamedTuple):
    a: int
    b: int
    carry_in: int
    total: int


def _columns(given: Problem, *, forgets: bool) -> list[_Column]:
    """The columns of the addition by hand, ones first; who forgets takes no carry along."""
    a_digits, b_digits = str(given.a)[::-1], str(given.b)[::-1]
    columns: list[_Column] = []
    carry = 0
    for a, b in itertools.zip_longest(map(int, a_digits), map(int, b_digits), fillvalue=0):
        columns.append(_Column(a, b, carry, a + b + carry))
        carry = 0 if forgets else columns[-1].total // 10
    return columns


def _answer(columns: list[_Column]) -> str:
    """What the columns add up to: without carries, 47+85 is 122."""
    return str(columns[-1].total) + "".join(str(column.total % 10) for column in reversed(columns[:-1]))


def _explained(step: _Column) -> str:
    return f"{step.a}+{step.b}+{step.carry_in}={step.total:02d}"


def _repeating(what: str, options: ArithmeticOptions, seed: int) -> Iterator[tuple[Problem, np.random.Generator]]:
    for index in itertools.count():
        random = generator(seed, "arithmetic", what, _digits(options), index)
        yield _draw(KINDS[what][1], options, seed, random), random


def _distinct(what: str, options: ArithmeticOptions, seed: int) -> Iterator[tuple[Problem, np.random.Generator]]:
    seen: set[tuple[int, int]] = set()
    misses = 0
    for given, random in _repeating(what, options, seed):
        pair = min(given.a, given.b), max(given.a, given.b)
        if pair not in seen:
            seen.add(pair)
            misses = 0
            yield given, random
        # A draw misses a pair that is left with probability (1 - 1/n); 20 n misses in a row mean that none is left.
        misses += 1
        if misses > 20 * len(seen) + 100:
            raise InputError(
                f"arithmetic:{what} has only {len(seen)} different problems with {_digits(options)}-digit operands, "
                f"asked for {options.count}: ask for fewer, or for more digits"
            )


def _draw(partition: Partition, options: ArithmeticOptions, seed: int, random: np.random.Generator) -> Problem:
    for _ in range(MAX_DRAWS):
        a, b = _operands(options, random)
        if partition_of(a, b, seed=seed) == partition:
            return problem(a, b)
    raise InputError(f"no pair of {_digits(options)} digits is for {partition}: ask for more digits")


def _operands(options: ArithmeticOptions, random: np.random.Generator) -> tuple[int, int]:
    if isinstance(_digits(options), int):
        least = 10 ** (options.digits - 1) if options.digits > 1 else 0
        a, b = random.integers(least, 10**options.digits, 2)
        return int(a), int(b)
    a, b = (
        int("".join(map(str, _written(length, options, random))))
        for length in (options.digits, options.second or options.digits)
    )
    return a, b


def _written(length: int, options: ArithmeticOptions, random: np.random.Generator) -> list[int]:
    """The digits of a number; of several the first is no zero."""
    first = max(1, options.lowest) if length > 1 else options.lowest
    return [int(random.integers(lowest, options.highest + 1)) for lowest in (first, *[options.lowest] * (length - 1))]


def _digits(options: ArithmeticOptions) -> int | str:
    """How many, of both operands or of one and the other, and which where not all of them."""
    which = f" of {options.lowest} to {options.highest}" if (options.lowest, options.highest) != (0, 9) else ""
    if options.second or which:
        return f"{options.digits}+{options.second or options.digits}{which}"
    return options.digits
