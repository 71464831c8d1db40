"""What all tests of a program may use together.

Tests run side by side, so it depends on chance which have run when the budget is used up. What they say does not: they
are charged in their order, and behind the one with which it ends none counts, whether or not it has run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from octo.sandbox.verdicts import Limits, Outcome, TestVerdict


@dataclass
class Budget:
    """How far a program's tests are. Its methods may be called from any thread."""

    limits: Limits
    _costs: dict[int, tuple[float, float]] = field(default_factory=dict)
    """By place, the seconds of processor and of wall clock."""
    _timed_out: set[int] = field(default_factory=set)

    def ended_before(self, place: int) -> bool:
        """Whether a test need not be run any more: those before it that are known have used the budget up."""
        return self._end(place) is not None

    def charge(self, place: int, verdict: TestVerdict, *, cpu_seconds: float, wall_seconds: float) -> None:
        """Write down what a test has used, and whether it timed out."""
        self._costs[place] = (cpu_seconds, wall_seconds)
        (self._timed_out.add if verdict.outcome is Outcome.TIMEOUT else self._timed_out.discard)(place)

    def settle(self, verdicts: Sequence[TestVerdict | None]) -> tuple[TestVerdict, ...]:
        """What each test says in the end; None is one that was not run."""
        said: list[TestVerdict] = []
        end = None
        for place, verdict in enumerate(verdicts):
            end = end or self._end(place)
            said.append(verdict if verdict and not end else TestVerdict(Outcome.TIMEOUT, end or ""))
        return tuple(said)

    def _end(self, place: int) -> str | None:
        """Why no test from that place on counts, by what is known of those before it; None where they count."""
        limits = self.limits
        before = {number: cost for number, cost in self._costs.copy().items() if number < place}
        late = min((number for number in self._timed_out.copy() if number < place), default=None)
        if limits.stop_at_timeout and late is not None:
            return f"not counted: test {late + 1} timed out"
        if sum(cpu for cpu, _ in before.values()) >= limits.all_cpu_seconds:
            return f"the tests before used up the {limits.all_cpu_seconds:g} s of processor time of all"
        if sum(wall for _, wall in before.values()) >= limits.all_wall_seconds:
            return f"the tests before used up the {limits.all_wall_seconds:g} s of all"
        return None
