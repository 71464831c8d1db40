"""Before against after on the same problems, branch against control, seed by seed, and the answer that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from octo.findings import Interval, outcome_of
from octo.pass_at_k import pass_at_k
from octo.randomness import generator
from octo.report.intervals import mean_over_seeds, proportion
from octo.report.results import Answer, Branch, Estimate, Measure, PassAtK, Verdict
from octo.report.statement import ANSWERS, Found, said_of

Kind = Literal["greedy", "sampled"]
Scores = Mapping[str, float]
"""By problem, of the problems with a verdict: a score between 0 and 1, or a difference of such."""


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
    """A branch before and after reinforcement learning, as it was trained with each seed."""

    branch: str
    before: tuple[Graded, ...]
    after: tuple[Graded, ...]
    """Of as many seeds, in the same order."""


@dataclass(frozen=True)
class Comparison:
    """Pairs compared by one kind of score. Everything in it is by training seed, in the order of the seeds.

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
        return Measure(
            before=self._accuracy(pair.before),
            after=self._accuracy(pair.after),
            gain=self._mean(gains, 1.0, "gain"),
            over_control=self._mean(_less(gains, control), 2.0, "difference")
            if control and pair.branch != self.control
            else None,
            problems=len(_common(gains)),
        )

    def difference(self) -> Found:
        """What the branches gained, and how much more than the control, if there is one.

        Everything is over the problems that every model has a verdict on.
        """
        control = self._control_gains()
        others = [self._gains(pair) for pair in self.pairs if pair.branch != self.control]
        common = _common([scores for gains in (*others, control) for scores in gains]) if others else []
        means = [
            {problem: sum(gains[problem] for gains in of_seed) / len(others) for problem in common}
            for of_seed in zip(*others, strict=True)
        ]
        tested = _less(means, control) if control and means else means
        measures = {pair.branch: self.measure(pair) for pair in self.pairs}
        return Found(
            score=self.kind,
            control=self.control,
            control_gain=self._mean(_on(common, control), 1.0, "gain") if self.control else None,
            branches_gain=self._mean(means, 1.0, "gain"),
            tested=self._mean(tested, 2.0, "difference") if self.control else self._mean(means, 1.0, "gain"),
            by_seed=tuple(round(sum(scores.values()) / len(scores), 6) for scores in tested if scores),
            problems=len(common),
            gains={branch: measure.gain for branch, measure in measures.items()},
            beyond={branch: each.over_control for branch, each in measures.items() if each.over_control},
        )

    def _control_gains(self) -> Sequence[Scores]:
        """Nothing where there is no control."""
        return next((self._gains(pair) for pair in self.pairs if pair.branch == self.control), [])

    def _gains(self, pair: Pair) -> Sequence[Scores]:
        return _less(list(map(self._scores, pair.after)), list(map(self._scores, pair.before)))

    def _scores(self, graded: Graded) -> Scores:
        return graded.greedy if self.kind == "greedy" else graded.sampled

    def _accuracy(self, models: Sequence[Graded]) -> Estimate:
        if self.kind == "greedy":
            return accuracy_of(models, seed=self.seed, resamples=self.resamples)
        return self._mean(list(map(self._scores, models)), 1.0, "accuracy", lowest=0.0)

    def _mean(self, scores: Sequence[Scores], bound: float, what: str, *, lowest: float | None = None) -> Estimate:
        return mean_over_seeds(
            _table(scores),
            bounds=(-bound if lowest is None else lowest, bound),
            generator=generator(self.seed, "report", self.kind, what),
            resamples=self.resamples,
        )


def accuracy_of(models: Sequence[Graded], *, seed: int, resamples: int) -> Estimate:
    """The share of greedy answers that is right: of one model, or of those of several seeds."""
    if len(models) == 1:
        return proportion(round(sum(models[0].greedy.values())), len(models[0].greedy))
    return mean_over_seeds(
        _table([each.greedy for each in models]),
        bounds=(0.0, 1.0),
        generator=generator(seed, "report", "greedy", "accuracy"),
        resamples=resamples,
    )


def pass_at_k_of(pair: Pair, *, seed: int, resamples: int) -> tuple[PassAtK, ...]:
    """pass@k for k = 1, 2, 4, ... up to the samples of both sides."""
    most = min(each.samples_per_problem for each in (*pair.before, *pair.after))
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
        # Of several seeds, each problem as often as it lacks verdicts.
        fewer = [count for each in side for count in each.fewer_verdicts.values()]
        most = side[0].samples_per_problem
        left_out = {k: sum(count < k for count in fewer) for k in powers_of_two(most)}
        listed = ", ".join(f"{count} out of pass@{k}" for k, count in left_out.items() if count)
        if fewer:
            said.append(
                f"{name}, fewer than {most} samples of {len(fewer)} problems have a verdict, which leaves "
                f"{listed or 'none out'}"
            )
    return f"{pair.branch}: {'; '.join(said)}." if said else ""


def powers_of_two(most: int) -> list[int]:
    """1, 2, 4, ... up to that number."""
    return [2**power for power in range(most.bit_length())]


def conclude(decides: Comparison, checks: Comparison | None) -> Verdict:
    """The answer, and a sentence that says it. Only the first comparison decides."""
    found = decides.difference()
    said = said_of(found)
    return Verdict(
        answer=said.answer,
        exceptions=said.exceptions,
        statement=said.statement,
        findings=said.findings,
        decided_by=decides.kind,
        control_gain=found.control_gain,
        branches_gain=found.branches_gain,
        difference=found.tested,
        by_seed=found.by_seed,
        check_difference=checks.difference().tested if checks else None,
        problems=found.problems,
    )


def answer_of(difference: Estimate) -> Answer:
    """What an interval of a difference says about its sign."""
    return ANSWERS[outcome_of(Interval(difference.value, difference.low, difference.high))]


def has_samples(branches: Sequence[Pair]) -> bool:
    """Whether every model has sampled answers, so that they can be compared."""
    return all(graded.num_correct for pair in branches for graded in (*pair.before, *pair.after))


def mid_trained(branches: Sequence[Branch]) -> list[Branch]:
    """All branches but the control."""
    return [branch for branch in branches if not branch.control]


def _pass_at(models: Sequence[Graded], k: int, *, seed: int, resamples: int) -> Estimate:
    chances = [
        {
            problem: pass_at_k(each.num_verdicts(problem), count, k)
            for problem, count in each.num_correct.items()
            if each.num_verdicts(problem) >= k
        }
        for each in models
    ]
    random = generator(seed, "report", "pass@k", k)
    return mean_over_seeds(_table(chances), bounds=(0.0, 1.0), generator=random, resamples=resamples)


def _less(scores: Sequence[Scores], other: Sequence[Scores]) -> list[Scores]:
    """Differences on the problems that both have, seed by seed."""
    return [
        {problem: first[problem] - second[problem] for problem in _common((first, second))}
        for first, second in zip(scores, other, strict=True)
    ]


def _on(problems: Sequence[str], scores: Sequence[Scores]) -> list[Scores]:
    return [{problem: each[problem] for problem in problems} for each in scores]


def _table(scores: Sequence[Scores]) -> list[list[float]]:
    """A row for each seed, of the problems that all of them have."""
    common = _common(scores)
    return [[each[problem] for problem in common] for each in scores]


def _common(scores: Sequence[Scores]) -> list[str]:
    return sorted(set(scores[0]).intersection(*scores[1:])) if scores else []
