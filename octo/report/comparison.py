"""Before against after on the same problems, branch against control, and the answer that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from octo.pass_at_k import pass_at_k
from octo.randomness import generator
from octo.report.intervals import mean_of, proportion
from octo.report.results import Answer, Branch, Estimate, Measure, PassAtK, Verdict
from octo.report.text import INTERVAL, points, range_of

Kind = Literal["greedy", "sampled"]
SCORES: Mapping[Kind, str] = {"greedy": "Greedy accuracy", "sampled": "The share of sampled answers that is right"}
Scores = Mapping[str, float]
"""A score between 0 and 1 by problem, of the problems with a verdict."""


@dataclass(frozen=True)
class Graded:
    """One model's answers: whether the greedy one is right, and how many of the sampled ones are, by problem."""

    greedy: Scores
    num_correct: Mapping[str, int]
    samples_per_problem: int
    unreached: int
    fewer_verdicts: Mapping[str, int] = field(default_factory=dict)
    """Of the problems with fewer verdicts than samples, how many they have."""

    @property
    def sampled(self) -> Scores:
        """The share of the sampled answers with a verdict that is right."""
        return {problem: count / self.num_verdicts(problem) for problem, count in self.num_correct.items()}

    def num_verdicts(self, problem: str) -> int:
        """How many of a problem's samples have a verdict."""
        return self.fewer_verdicts.get(problem, self.samples_per_problem)


@dataclass(frozen=True)
class Pair:
    """A branch before and after reinforcement learning."""

    branch: str
    before: Graded
    after: Graded


@dataclass(frozen=True)
class Difference:
    """What a comparison comes to."""

    control: Estimate | None
    """The control's gain; None without a control."""
    branches: Estimate
    """The mean gain of the others."""
    tested: Estimate
    """The second minus the first; without a control, the second."""
    problems: int


@dataclass(frozen=True)
class Comparison:
    """Pairs compared by one kind of score.

    The random numbers of an interval depend on what it is of and not on whose it is: equal data give equal intervals.
    """

    kind: Kind
    pairs: Sequence[Pair]
    control: str
    """Name of the pair that the others are compared with; empty for none."""
    seed: int
    resamples: int

    def measure(self, pair: Pair) -> Measure:
        """One branch's scores, its gain, and its gain beyond the control's."""
        gains, control = self._gains(pair), self._control_gains()
        beyond = [gains[problem] - control[problem] for problem in sorted(gains.keys() & control.keys())]
        alone = pair.branch == self.control or not self.control
        return Measure(
            before=self._accuracy(self._scores(pair.before)),
            after=self._accuracy(self._scores(pair.after)),
            gain=self._mean(list(gains.values()), 1.0, "gain"),
            over_control=None if alone else self._mean(beyond, 2.0, "difference"),
            problems=len(gains),
        )

    def difference(self) -> Difference:
        """What the branches gained, and how much more than the control, if there is one.

        Everything is over the problems that every model has a verdict on.
        """
        control = self._control_gains()
        others = [self._gains(pair) for pair in self.pairs if pair.branch != self.control]
        every = [*others, control] if self.control else others
        common = sorted(set(every[0]).intersection(*every[1:])) if others else []
        means = {problem: sum(gains[problem] for gains in others) / len(others) for problem in common}
        branches = self._mean(list(means.values()), 1.0, "gain")
        if not self.control:
            return Difference(None, branches, branches, len(common))
        return Difference(
            self._mean([control[problem] for problem in common], 1.0, "gain"),
            branches,
            self._mean([means[problem] - control[problem] for problem in common], 2.0, "difference"),
            len(common),
        )

    def _control_gains(self) -> Mapping[str, float]:
        """By problem; nothing where there is no control."""
        return next((self._gains(pair) for pair in self.pairs if pair.branch == self.control), {})

    def _gains(self, pair: Pair) -> Mapping[str, float]:
        before, after = self._scores(pair.before), self._scores(pair.after)
        return {problem: after[problem] - before[problem] for problem in sorted(before.keys() & after.keys())}

    def _scores(self, graded: Graded) -> Scores:
        return graded.greedy if self.kind == "greedy" else graded.sampled

    def _accuracy(self, scores: Scores) -> Estimate:
        if self.kind == "greedy":
            return proportion(round(sum(scores.values())), len(scores))
        random = generator(self.seed, "report", self.kind, "accuracy")
        return mean_of(list(scores.values()), bounds=(0.0, 1.0), generator=random, resamples=self.resamples)

    def _mean(self, values: Sequence[float], bound: float, what: str) -> Estimate:
        random = generator(self.seed, "report", self.kind, what)
        return mean_of(values, bounds=(-bound, bound), generator=random, resamples=self.resamples)


def accuracy_of(graded: Graded) -> Estimate:
    """The share of greedy answers that is right."""
    return proportion(round(sum(graded.greedy.values())), len(graded.greedy))


def pass_at_k_of(pair: Pair, *, seed: int, resamples: int) -> tuple[PassAtK, ...]:
    """pass@k for k = 1, 2, 4, ... up to the samples of both sides."""
    most = min(pair.before.samples_per_problem, pair.after.samples_per_problem)
    return tuple(
        PassAtK(
            k=k,
            before=_pass_at(pair.before, k, seed=seed, resamples=resamples),
            after=_pass_at(pair.after, k, seed=seed, resamples=resamples),
        )
        for k in powers_of_two(most)
    )


def shortage_of(pair: Pair) -> str:
    """On how many problems fewer samples have a verdict than there are, and what that leaves out; else nothing."""
    said = []
    for name, side in (("before", pair.before), ("after", pair.after)):
        fewer = list(side.fewer_verdicts.values())
        left_out = {k: sum(count < k for count in fewer) for k in powers_of_two(side.samples_per_problem)}
        listed = ", ".join(f"{count} out of pass@{k}" for k, count in left_out.items() if count)
        if fewer:
            said.append(
                f"{name}, fewer than {side.samples_per_problem} samples of {len(fewer)} problems have a verdict, which "
                f"leaves {listed or 'none out'}"
            )
    return f"{pair.branch}: {'; '.join(said)}." if said else ""


def powers_of_two(most: int) -> list[int]:
    """1, 2, 4, ... up to that number."""
    return [2**power for power in range(most.bit_length())]


def conclude(decides: Comparison, checks: Comparison | None) -> Verdict:
    """The answer, and a sentence that says it. Only the first comparison decides."""
    found = decides.difference()
    answer = answer_of(found.tested)
    return Verdict(
        answer=answer,
        statement=_statement(answer, found, decides),
        decided_by=decides.kind,
        control_gain=found.control,
        branches_gain=found.branches,
        difference=found.tested,
        check_difference=checks.difference().tested if checks else None,
        problems=found.problems,
    )


def answer_of(difference: Estimate) -> Answer:
    """What an interval of a difference says about its sign."""
    if difference.low is None or difference.high is None:
        return "not measured"
    if difference.low > 0:
        return "yes"
    return "no" if difference.high < 0 else "not distinguishable"


def has_samples(branches: Sequence[Pair]) -> bool:
    """Whether every model has sampled answers, so that they can be compared."""
    return all(graded.num_correct for pair in branches for graded in (pair.before, pair.after))


def mid_trained(branches: Sequence[Branch]) -> list[Branch]:
    """All branches but the control."""
    return [branch for branch in branches if not branch.control]


def _pass_at(graded: Graded, k: int, *, seed: int, resamples: int) -> Estimate:
    chances = [
        pass_at_k(graded.num_verdicts(problem), count, k)
        for problem, count in graded.num_correct.items()
        if graded.num_verdicts(problem) >= k
    ]
    random = generator(seed, "report", "pass@k", k)
    return mean_of(chances, bounds=(0.0, 1.0), generator=random, resamples=resamples)


def _statement(answer: Answer, found: Difference, decides: Comparison) -> str:
    name, score = decides.control, SCORES[decides.kind]
    size, interval = abs(100 * (found.tested.value or 0.0)), f"{INTERVAL} {range_of(found.tested, signed=True)}"
    if found.control is None:
        return _statement_of_gain(answer, found, score, interval)
    if answer == "not measured":
        return f"There is no mid-trained branch, or no problem on which every branch and {name} have a verdict."
    gains = (
        f"{score} {_moved(found.branches)} on the mid-trained branches (their mean) and "
        f"{_moved(found.control)} on {name}"
    )
    if answer == "not distinguishable":
        return (
            f"{gains}. The difference of {points(found.tested.value)} points has a {interval}, which includes zero: "
            "these problems do not tell whether mid-training changed what reinforcement learning gains."
        )
    return f"{gains}: the branches gained {size:.1f} points {'more' if answer == 'yes' else 'less'} ({interval})."


def _statement_of_gain(answer: Answer, found: Difference, score: str, interval: str) -> str:
    if answer == "not measured":
        return "There is no problem on which the models before and after have a verdict."
    gain = f"{score} on {found.problems} held-out problems {_moved(found.branches)} ({interval})"
    if answer == "not distinguishable":
        return f"{gain}, which includes zero: these problems do not tell whether anything was gained."
    return f"{gain}."


def _moved(gain: Estimate) -> str:
    size = f"{abs(100 * (gain.value or 0.0)):.1f}"
    if float(size) == 0:
        return "did not change"
    return f"{'rose' if (gain.value or 0.0) > 0 else 'fell'} by {size} points"
