"""What octo says that confirms, denies or compares: a claim with its test, and the words for each outcome.

There is no other way to such a sentence: `Claim` has all of them, so that whoever checks them can go through them. An
outcome follows from a 95 % interval and from what the estimate would be if there were nothing to find, its chance
level.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from math import fsum, isfinite, sqrt
from statistics import NormalDist
from typing import Literal, NamedTuple

NUMBERS = frozenset({"found", "value", "size", "interval", "chance", "level"})
"""What a test gives to a claim's sentences: an estimate with its interval, without, and how far it is from chance; the
interval; the chance level, as a number and in words."""
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
LEAST = 5
"""Numbers that an interval of a mean or of a line may rest on."""
MINUS = "\N{MINUS SIGN}"
INTERVAL = "95\N{NO-BREAK SPACE}% interval"

Outcome = Literal["above", "below", "cannot be told", "not measured"]
"""Where an estimate's interval lies, seen from its chance level."""


class Interval(NamedTuple):
    """An estimate and the ends of its interval; None where there is nothing to estimate it from."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


DRAFTS_MEASURED = "octo.decoding.drafts"
"""The span of a decoding within which drafts are measured, with what is found: a time is no part of an artifact."""
ESTIMATE_ATTRIBUTES = ("octo.estimate.value", "octo.estimate.low", "octo.estimate.high")
"""Of a span in which something is estimated."""


class Words(NamedTuple):
    """The sentences of a claim. Each may name what was found, its interval, and the chance level."""

    unit: Literal["points", "percent", "ratio"]
    """Differences of shares, shares, or ratios."""
    above: str
    below: str
    cannot_be_told: str
    not_measured: str


class Claim(Enum):
    """All there are. Of the names in braces, those of NUMBERS are the test's."""

    DIFFERENCE = Words(
        "points",
        above="{moved}: the branches gained {size} points more ({interval}{over}, chance {chance}).",
        below="{moved}: the branches gained {size} points less ({interval}{over}, chance {chance}).",
        cannot_be_told="{moved}. The difference of {value} points has a {interval}{over}, which includes {level}: "
        "whether mid-training changed what reinforcement learning gains cannot be told.",
        not_measured="There is no mid-trained branch, or no problem on which every branch and {control} have a "
        "verdict.",
    )
    GAIN = Words(
        "points",
        above="{score} rose by {size} points ({interval}{over}, chance {chance}).",
        below="{score} fell by {size} points ({interval}{over}, chance {chance}).",
        cannot_be_told="{score} changed by {value} points ({interval}{over}), which includes {level}: whether anything "
        "was gained cannot be told.",
        not_measured="There is no problem on which the models before and after have a verdict.",
    )
    MOVED = Words(
        "points",
        above="{of} rose by {size} points{on} ({interval})",
        below="{of} fell by {size} points{on} ({interval})",
        cannot_be_told="{of} changed by {value} points{on} ({interval}, cannot be told from {level})",
        not_measured="{of} has no verdict{on}",
    )
    BEYOND_CONTROL = Words(
        "points",
        above="{of} gained {size} points more than {control} ({interval})",
        below="{of} gained {size} points less than {control} ({interval})",
        cannot_be_told="{of} gained {value} points beyond {control} ({interval}, cannot be told from {level})",
        not_measured="{of} and {control} have no verdict on the same problem",
    )
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
    ORDER_OF_TWO = Words(
        "points",
        above="{second} was written from left to right more than {first}: global AR-ness beyond that of shuffled "
        "orders is higher by {size} points ({interval}, chance {chance}).",
        below="{second} was written from left to right less than {first}: global AR-ness beyond that of shuffled "
        "orders is lower by {size} points ({interval}, chance {chance}).",
        cannot_be_told="Whether {second} was written from left to right less than {first} cannot be told: global "
        "AR-ness beyond that of shuffled orders differs by {found} points, chance {chance}.",
        not_measured="Too few completions tell whether {second} was written from left to right less than {first}.",
    )
    SINK = Words(
        "points",
        above="Before {of} was written, what is next to the prompt was surer than the rest, as in the paper (entropy "
        "sink): by {size} points of the likeliest token's probability ({interval}, chance {chance}).",
        below="Before {of} was written, what is next to the prompt was less sure than the rest, unlike in the paper "
        "(entropy sink): by {size} points of the likeliest token's probability ({interval}, chance {chance}).",
        cannot_be_told="Whether what is next to the prompt was surer than the rest before {of} was written, as in the "
        "paper (entropy sink), cannot be told: the likeliest token's probability differs by {found} points, chance "
        "{chance}.",
        not_measured="Too few prompts tell whether what is next to the prompt was surer than the rest before {of} was "
        "written.",
    )
    VARIANCE = Words(
        "ratio",
        above="Coupled masks left a token's score more variance than as many decoupled ones, unlike in the paper: "
        "{found} times, chance {chance}.",
        below="Coupled masks left a token's score less variance than as many decoupled ones, as in the paper: {found} "
        "times, chance {chance}.",
        cannot_be_told="Whether coupled masks left a token's score less variance than as many decoupled ones, as in "
        "the paper, cannot be told: {found} times, chance {chance}.",
        not_measured="Too few steps tell whether coupled masks left a token's score less variance than decoupled ones.",
    )
    MASKS = Words(
        "points",
        above="On equal terms {of} solves more problems trained by coupled masks than by decoupled ones, as in the "
        "paper: by {size} points ({interval} over problems and {over}, chance {chance}).",
        below="On equal terms {of} solves fewer problems trained by coupled masks than by decoupled ones, unlike in "
        "the paper: by {size} points ({interval} over problems and {over}, chance {chance}).",
        cannot_be_told="Whether {of} solves more problems trained by coupled masks than by decoupled ones on equal "
        "terms, as in the paper, cannot be told: they differ by {value} points ({interval} over problems and {over}, "
        "chance {chance}).",
        not_measured="Whether {of} solves more problems trained by coupled masks than by decoupled ones was not "
        "measured on equal terms: {why}.",
    )
    STEPS = Words(
        "points",
        above="In {few} steps ({of}) more problems were solved than in {many}: by {size} points ({interval}, chance "
        "{chance}).",
        below="In {few} steps ({of}) fewer problems were solved than in {many}: by {size} points ({interval}, chance "
        "{chance}).",
        cannot_be_told="Whether in {few} steps ({of}) fewer problems were solved than in {many} cannot be told: they "
        "differ by {found} points, chance {chance}.",
        not_measured="No problem tells whether in {few} steps ({of}) fewer were solved than in {many}.",
    )
    DRAFTS = Words(
        "ratio",
        above="Drafts of {length} steps are slower than plain decoding on {machine}: they take {found} times as long, "
        "chance {chance}. Leave --draft-length out.",
        below="Drafts of {length} steps are faster than plain decoding on {machine}: they take {found} times as long, "
        "chance {chance}.",
        cannot_be_told="Whether drafts of {length} steps are faster than plain decoding on {machine} cannot be told: "
        "they take {found} times as long, chance {chance}.",
        not_measured="Whether drafts of {length} steps are faster than plain decoding on {machine} was not measured.",
    )


def outcome_of(estimate: Interval, chance: float = 0.0) -> Outcome:
    """On which side of the chance level all of an interval lies; it cannot be told of one that holds the level."""
    value, low, high = estimate
    if value is None or low is None or high is None or not all(map(isfinite, (value, low, high))):
        return "not measured"
    if low > chance:
        return "above"
    return "below" if high < chance else "cannot be told"


def sentence_of(claim: Claim, estimate: Interval, *, chance: float = 0.0, **names: str) -> str:
    """What a test says of a claim.

    Args:
        claim: what is claimed.
        estimate: a number with its interval.
        chance: what it would be if there were nothing to find.
        names: what the claim's sentences ask for besides.
    """
    words = claim.value
    outcome = outcome_of(estimate, chance)
    if outcome == "not measured":
        return words.not_measured.format(**names)
    sentences = {"above": words.above, "below": words.below, "cannot be told": words.cannot_be_told}
    return sentences[outcome].format(**names, **_numbers(words.unit, estimate, chance))


def mean_of_numbers(count: int, total: float, squares: float) -> Interval:
    """A mean with Student's interval, of numbers of which their sums are known; nothing of fewer than five.

    Args:
        count: how many numbers.
        total: their sum.
        squares: the sum of their squares.
    """
    if count < LEAST:
        return Interval()
    mean = total / count
    deviation = sqrt(max(0.0, squares - total * mean) / (count - 1))
    half = student(count - 1) * deviation / sqrt(count)
    return Interval(mean, mean - half, mean + half)


def mean_of_all(numbers: Sequence[float]) -> Interval:
    """The same of numbers that are at hand."""
    return mean_of_numbers(len(numbers), fsum(numbers), fsum(each * each for each in numbers))


def student(freedom: int) -> float:
    """Student's quantile for a 95 % interval: Fisher's expansion, within 1 % from three degrees of freedom on."""
    powers = [pow(Z, power) for power in range(8)]
    terms = (
        (powers[3] + powers[1]) / 4,
        (5 * powers[5] + 16 * powers[3] + 3 * powers[1]) / 96,
        (3 * powers[7] + 19 * powers[5] + 17 * powers[3] - 15 * powers[1]) / 384,
    )
    return Z + terms[0] / freedom + terms[1] / freedom**2 + terms[2] / freedom**3


def points(share: float | None, digits: int = 1) -> str:
    """A difference of shares in percentage points, with its sign: `+12.3`."""
    if share is None:
        return "\N{EN DASH}"
    shown = f"{abs(100 * share):.{digits}f}"
    if float(shown) == 0:
        return shown
    return f"{'+' if share > 0 else MINUS}{shown}"


def _numbers(unit: str, estimate: Interval, chance: float) -> dict[str, str]:
    """What sentences may name, as text."""
    value, low, high = (each or 0.0 for each in estimate)
    by_unit: dict[str, Callable[[float], str]] = {
        "points": points,
        "percent": "{0:.1f}\N{NARROW NO-BREAK SPACE}%".format,
        "ratio": "{:.2f}".format,
    }
    shown = by_unit[unit]
    if unit == "percent":
        value, low, high, chance = (100 * each for each in (value, low, high, chance))
    interval = f"{INTERVAL} {shown(low)} to {shown(high)}"
    return {
        "found": f"{shown(value)} ({interval})",
        "value": shown(value),
        "size": shown(abs(value - chance)).lstrip("+"),
        "interval": interval,
        "chance": shown(chance),
        "level": shown(chance) if chance else "zero",
    }
