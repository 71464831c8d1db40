"""Generated programming tasks: write a small function of a number, of a list of numbers, or of a text.

The toy counterpart of instruction data for code. A question is a function's header and what it shall do, in words; its
tests call it. Tasks are steps after each other, so that a model which has learnt the steps can write functions that it
has never seen. A stated share of the solutions has a mistake: it raises what it should return.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np

from octo.data.code_problems import CodeProblem
from octo.data.documents import Document, new_document
from octo.data.problems import EVALUATION_SHARE, VALIDATION_SHARE, Partition
from octo.errors import UsageError
from octo.randomness import generator, keyed_fraction, permutation
from octo.settings.source_options import FunctionOptions

KINDS: Mapping[str, Partition] = {
    "solutions": "training",
    "prompts": "training",
    "validation": "validation",
    "evaluation": "evaluation",
}
"""What `functions:KIND` generates: the part of the tasks that it draws from. Solutions alone repeat tasks."""
NUM_TESTS = 4
MOST_ARGUMENTS = 100
"""Tried until a task's result is another one."""
CONSTANTS = tuple(range(2, 7))
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Step(NamedTuple):
    """Something to do: in words, as an expression, and done. In all three, n is a constant."""

    words: str
    code: str
    """Of a value {e}."""
    done: Callable[[Any, int], Any]


class Placed(NamedTuple):
    """A step with its constant; 0 for one that has none."""

    step: Step
    n: int

    @property
    def words(self) -> str:
        """In words."""
        return self.step.words.format(n=self.n)

    def code(self, value: str) -> str:
        """As an expression of a value."""
        return self.step.code.format(e=value, n=self.n)

    def done(self, value: Any) -> Any:
        """What becomes of a value."""
        return self.step.done(value, self.n)


NUMBER_STEPS = (
    Step("add {n}", "{e} + {n}", lambda x, n: x + n),
    Step("subtract {n}", "{e} - {n}", lambda x, n: x - n),
    Step("multiply by {n}", "{e} * {n}", lambda x, n: x * n),
    Step("take the remainder by {n}", "{e} % {n}", lambda x, n: x % n),
    Step("square it", "{e} ** 2", lambda x, _: x**2),
    Step("negate it", "-{e}", lambda x, _: -x),
)
TEXT_STEPS = (
    Step("repeat it {n} times", "{e} * {n}", lambda s, n: s * n),
    Step("keep the first {n}", "{e}[:{n}]", lambda s, n: s[:n]),
    Step("drop the first {n}", "{e}[{n}:]", lambda s, n: s[n:]),
    Step("drop the last {n}", "{e}[:-{n}]", lambda s, n: s[:-n]),
    Step("reverse it", "{e}[::-1]", lambda s, _: s[::-1]),
    Step("make it upper case", "{e}.upper()", lambda s, _: s.upper()),
)
EACH_STEPS = (
    Step("add {n} to each", "{e} + {n}", lambda x, n: x + n),
    Step("subtract {n} from each", "{e} - {n}", lambda x, n: x - n),
    Step("multiply each by {n}", "{e} * {n}", lambda x, n: x * n),
    Step("square each", "{e} ** 2", lambda x, _: x**2),
)
CHOICES = (
    Step("keep those above {n}", "{e} > {n}", lambda x, n: x > n),
    Step("keep those below {n}", "{e} < {n}", lambda x, n: x < n),
    Step("keep multiples of {n}", "{e} % {n} == 0", lambda x, n: x % n == 0),
)


@dataclass(frozen=True)
class Function:
    """A task on a number or a text: one step, or two after each other."""

    argument: Literal["x", "s"]
    steps: tuple[Placed, ...]

    @property
    def words(self) -> str:
        """What the function shall do."""
        return ", then ".join(step.words for step in self.steps)

    def bodies(self) -> tuple[str, ...]:
        """The ways to write it: as one expression, and step by step."""
        whole: str = self.argument
        for step in self.steps:
            whole = step.code(whole if whole == self.argument else f"({whole})")
        *before, last = (step.code(self.argument) for step in self.steps)
        lines = "".join(f"    {self.argument} = {code}\n" for code in before)
        return f"    return {whole}\n", f"{lines}    return {last}\n"

    def done(self, value: Any) -> Any:
        """What it gives for an argument."""
        for step in self.steps:
            value = step.done(value)
        return value

    def argument_of(self, random: np.random.Generator) -> Any:
        """An argument to test it with."""
        if self.argument == "x":
            return int(random.integers(-9, 30))
        return "".join(random.choice(list(LETTERS), size=int(random.integers(6, 15))))


@dataclass(frozen=True)
class ListFunction:
    """A task on a list of numbers: which are chosen, what each becomes, and whether they are summed up."""

    steps: tuple[Placed, ...]
    """A choice, or a change of each, or both."""
    summed: bool
    argument: Literal["xs"] = "xs"

    @property
    def words(self) -> str:
        """What the function shall do."""
        return ", then ".join([*(step.words for step in self.steps), *(["sum up"] if self.summed else [])])

    def bodies(self) -> tuple[str, ...]:
        """The way to write it: with a comprehension."""
        each = next((step.code("x") for step in self.steps if step.step in EACH_STEPS), "x")
        choice = next((f" if {step.code('x')}" for step in self.steps if step.step in CHOICES), "")
        every = f"{each} for x in xs{choice}"
        return (f"    return sum({every})\n" if self.summed else f"    return [{every}]\n",)

    def done(self, values: list[int]) -> Any:
        """What it gives for an argument."""
        for step in self.steps:
            chosen = step.step in CHOICES
            values = [x for x in values if step.done(x)] if chosen else [step.done(x) for x in values]
        return sum(values) if self.summed else values

    def argument_of(self, random: np.random.Generator) -> list[int]:
        """An argument to test it with."""
        return [int(x) for x in random.integers(0, 20, size=int(random.integers(4, 8)))]


Task = Function | ListFunction


def question(task: Task) -> str:
    """The text up to where a solution starts."""
    words = task.words[0].upper() + task.words[1:]
    return f'def f({task.argument}):\n    """{words}."""\n'


@cache
def tasks() -> tuple[Task, ...]:
    """All whose result is not always the same, in an order that never changes."""
    numbers, texts, each, choices = map(_placed, (NUMBER_STEPS, TEXT_STEPS, EACH_STEPS, CHOICES))
    every: tuple[Task, ...] = (
        *(Function("x", steps) for steps in _one_or_two(numbers)),
        *(Function("s", steps) for steps in _one_or_two(texts)),
        *(
            ListFunction(steps, summed)
            for steps in [*((one,) for one in (*choices, *each)), *itertools.product(choices, each)]
            for summed in (False, True)
        ),
    )
    return tuple(filter(_says_more_than_one_thing, every))


def partition_of(task: Task, *, seed: int) -> Partition:
    """To which part a task belongs."""
    fraction = keyed_fraction(seed, "functions", "partition", question(task))
    if fraction < EVALUATION_SHARE:
        return "evaluation"
    return "validation" if fraction < EVALUATION_SHARE + VALIDATION_SHARE else "training"


def generate_functions(what: str, options: FunctionOptions, *, label: str, seed: int) -> Iterator[Document]:
    """The documents of a source of functions. The i-th depends on the seed, the kind and i, not on the count.

    Raises:
        UsageError: more different tasks are asked for than there are.
    """
    own = [task for task in tasks() if partition_of(task, seed=seed) == KINDS[what]]
    repeats = what == "solutions"
    if not repeats and options.count > len(own):
        raise UsageError(f"functions:{what} has {len(own)} different tasks, asked for {options.count}: ask for fewer")
    order = permutation([question(task) for task in own], seed, "functions", what)
    for index in range(options.count):
        random = generator(seed, "functions", what, index)
        task = own[int(random.integers(len(own)))] if repeats else own[order[index]]
        bodies = task.bodies()
        body = bodies[int(random.integers(len(bodies)))]
        mistaken = repeats and random.random() < options.mistakes
        if mistaken:
            body = body.replace("return", "raise")
        problem = CodeProblem(
            style="continuation", tests=_tests(task, seed=seed), prefix=question(task), entry_points=("f",)
        )
        yield new_document(
            question(task) + body,
            source=label,
            url=f"functions:{what}#{index}",
            metadata={
                "question": question(task),
                "answer": body,
                "partition": KINDS[what],
                "mistaken": mistaken,
                **problem.model_dump(),
            },
        )


def _tests(task: Task, *, seed: int) -> tuple[str, ...]:
    """Calls with different arguments, and what they give."""
    random = generator(seed, "functions", "tests", question(task))
    tests: dict[str, str] = {}
    while len(tests) < NUM_TESTS:
        argument = task.argument_of(random)
        result = repr(task.done(argument))
        # Not all with the same result: a function that always gives it would pass.
        if len(tests) < NUM_TESTS - 1 or set(tests.values()) != {result}:
            tests[f"assert f({argument!r}) == {result}"] = result
    return tuple(tests)


def _says_more_than_one_thing(task: Task) -> bool:
    """Whether its result depends on its argument."""
    random = generator(0, "functions", "results", question(task))
    first = task.done(task.argument_of(random))
    return any(task.done(task.argument_of(random)) != first for _ in range(MOST_ARGUMENTS))


def _placed(steps: tuple[Step, ...]) -> list[Placed]:
    return [Placed(step, n) for step in steps for n in (CONSTANTS if "{n}" in step.code else (0,))]


def _one_or_two(placed: list[Placed]) -> list[tuple[Placed, ...]]:
    return [*((one,) for one in placed), *itertools.product(placed, repeat=2)]
