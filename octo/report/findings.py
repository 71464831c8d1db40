"""What a page says that confirms, denies or compares: a claim with its test, and the words for each outcome.

There is no other way to such a sentence: `Claim` has all of them, so that whoever checks a page can go through them.
An outcome follows from a 95 % interval and from what the estimate would be if there were nothing to find: its chance
level.
"""

from collections.abc import Callable
from enum import Enum
from math import isfinite
from typing import NamedTuple

from octo.report.results import Estimate, Finding, Outcome, Section
from octo.report.text import INTERVAL, MINUS, percent, points


class Words(NamedTuple):
    """The sentences of a claim. Each may name what was found, its interval, and the chance level."""

    unit: str
    """points: differences of shares; percent: shares; ratio."""
    above: str
    below: str
    cannot_be_told: str
    not_measured: str


class Claim(Enum):
    """All that a page finds. Of the names in braces, `found`, `size`, `interval` and `chance` are the test's."""

    ORDER = Words(
        "percent",
        above="{of} were written from left to right more than by chance: global AR-ness was {found}, that of shuffled "
        "orders {chance}.",
        below="{of} were written from left to right less than by chance: global AR-ness was {found}, that of shuffled "
        "orders {chance}.",
        cannot_be_told="Whether {of} were written from left to right more than by chance cannot be told: global "
        "AR-ness was {found}, that of shuffled orders {chance}.",
        not_measured="Too few completions tell whether {of} were written from left to right more than by chance.",
    )
    ORDER_BY_STEP = Words(
        "points",
        above="Global AR-ness beyond that of shuffled orders rose over training, unlike in the paper: by {size} points "
        "({interval}, chance {chance}).",
        below="Global AR-ness beyond that of shuffled orders fell over training, as in the paper: by {size} points "
        "({interval}, chance {chance}).",
        cannot_be_told="Whether global AR-ness beyond that of shuffled orders fell over training, as in the paper, "
        "cannot be told: it changed by {found} points, chance {chance}.",
        not_measured="Too few steps tell how AR-ness changed.",
    )


def told(claim: Claim, estimate: Estimate, *, section: Section, chance: float = 0.0, **names: str) -> Finding:
    """What a test says of a claim.

    Args:
        claim: what is claimed.
        estimate: a number with its interval.
        section: of the page, where it is said.
        chance: what it would be if there were nothing to find.
        names: what the claim's sentences ask for besides.
    """
    words = claim.value
    outcome = outcome_of(estimate, chance)
    sentences: dict[Outcome, str] = {
        "above": words.above,
        "below": words.below,
        "cannot be told": words.cannot_be_told,
        "not measured": words.not_measured,
    }
    numbers = {} if outcome == "not measured" else _numbers(words.unit, estimate, chance)
    return Finding(
        claim=claim.name.lower(),
        section=section,
        estimate=estimate,
        chance=chance,
        outcome=outcome,
        sentence=sentences[outcome].format(**names, **numbers),
    )


def outcome_of(estimate: Estimate, chance: float = 0.0) -> Outcome:
    """On which side of the chance level all of an interval lies; it cannot be told of one that holds the level."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None or not all(map(isfinite, (value, low, high))):
        return "not measured"
    if low > chance:
        return "above"
    return "below" if high < chance else "cannot be told"


def _numbers(unit: str, estimate: Estimate, chance: float) -> dict[str, str]:
    """What sentences may name, as text."""
    by_unit: dict[str, Callable[[float | None], str]] = {"points": points, "percent": percent, "ratio": _ratio}
    shown = by_unit[unit]
    interval = f"{INTERVAL} {shown(estimate.low)} to {shown(estimate.high)}"
    return {
        "found": f"{shown(estimate.value)} ({interval})",
        "size": shown(abs((estimate.value or 0.0) - chance)).lstrip("+" + MINUS),
        "interval": interval,
        "chance": shown(chance),
    }


def _ratio(value: float | None) -> str:
    return f"{value or 0.0:.2f}"
