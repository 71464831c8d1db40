"""Findings of a page: sentences of claims, with the tests that they come from."""

from octo.findings import Claim, Interval, outcome_of, sentence_of
from octo.report.results import Estimate, Finding, Section


def told(claim: Claim, estimate: Estimate, *, section: Section, chance: float = 0.0, **names: str) -> Finding:
    """What a test says of a claim.

    Args:
        claim: what is claimed.
        estimate: a number with its interval.
        section: of the page, where it is said.
        chance: what it would be if there were nothing to find.
        names: what the claim's sentences ask for besides.
    """
    found = Interval(estimate.value, estimate.low, estimate.high)
    return Finding(
        claim=claim.name.lower(),
        section=section,
        estimate=estimate,
        chance=chance,
        outcome=outcome_of(found, chance),
        sentence=sentence_of(claim, found, chance=chance, **names),
    )
