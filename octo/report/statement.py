"""What a comparison says in words: the answer's first sentence, with every branch that points the other way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from octo.report.results import Answer, Estimate
from octo.report.text import INTERVAL, points, range_of

SCORES: Mapping[str, str] = {"greedy": "Greedy accuracy", "sampled": "The share of sampled answers that is right"}


@dataclass(frozen=True)
class Found:
    """What a comparison comes to."""

    score: str
    """greedy, or sampled."""
    control: str
    """Empty without one."""
    control_gain: Estimate | None
    """None without a control."""
    branches_gain: Estimate
    """The mean gain of the others."""
    tested: Estimate
    """The second minus the first; without a control, the second."""
    by_seed: Sequence[float]
    """The same of each training seed."""
    problems: int
    gains: Mapping[str, Estimate]
    """By branch, the control too."""
    beyond: Mapping[str, Estimate]
    """By branch, its gain less the control's."""


def called(control: str) -> str:
    """A control as a sentence names it."""
    return "the control" if control == "control" else control


def exceptions_of(answer: Answer, found: Found) -> str:
    """What goes into the answer's own sentence: each branch that fell, and each that points the other way."""
    if answer == "not measured":
        return ""
    fell = {branch for branch, gain in found.gains.items() if _sign(gain) < 0}
    said = [_fell(branch, found.gains[branch]) for branch in found.gains if branch in fell]
    wanted = {"yes": -1, "no": 1}.get(answer, 0) if len(found.beyond) > 1 else 0
    for branch, beyond in found.beyond.items():
        if wanted and _sign(beyond) == wanted and branch not in fell:
            more = f"{'more' if wanted > 0 else 'less'} than {called(found.control)}"
            said.append(f"{called(branch)} gained {_size(beyond)} points {more} ({_interval(beyond)})")
    return " and ".join(said)


def statement_of(answer: Answer, found: Found) -> str:
    """The figures that an answer rests on."""
    score = SCORES[found.score]
    if found.control_gain is None:
        return _of_gain(answer, found, score)
    control = called(found.control)
    if answer == "not measured":
        return f"There is no mid-trained branch, or no problem on which every branch and {control} have a verdict."
    gains = (
        f"{score} {_moved(found.branches_gain)} on the mid-trained branches (their mean) and "
        f"{_moved(found.control_gain)} on {control}"
    )
    if answer == "cannot be told":
        return (
            f"{gains}. The difference of {points(found.tested.value)} points has a {_over(found)}, which includes "
            "zero: whether mid-training changed what reinforcement learning gains cannot be told."
        )
    return (
        f"{gains}: the branches gained {_size(found.tested)} points {'more' if answer == 'yes' else 'less'} "
        f"({_over(found)})."
    )


def _of_gain(answer: Answer, found: Found, score: str) -> str:
    if answer == "not measured":
        return "There is no problem on which the models before and after have a verdict."
    gain = f"{score} on {found.problems} held-out problems {_moved(found.branches_gain)} ({_over(found)})"
    if answer == "cannot be told":
        return f"{gain}, which includes zero: whether anything was gained cannot be told."
    return f"{gain}."


def _over(found: Found) -> str:
    """The interval, and over what it is."""
    if len(found.by_seed) < 2:
        return _interval(found.tested)
    each = ", ".join(map(points, found.by_seed))
    return f"{_interval(found.tested)} over {len(found.by_seed)} training seeds, which by themselves give {each}"


def _fell(branch: str, gain: Estimate) -> str:
    return f"{called(branch)} fell by {_size(gain)} points ({_interval(gain)})"


def _moved(gain: Estimate) -> str:
    if not _sign(gain):
        return "did not change"
    return f"{'rose' if _sign(gain) > 0 else 'fell'} by {_size(gain)} points"


def _sign(estimate: Estimate) -> int:
    """Of what is shown: a change of less than half a tenth of a point is none."""
    shown = round(100 * (estimate.value or 0.0), 1)
    return (shown > 0) - (shown < 0)


def _size(estimate: Estimate) -> str:
    return f"{abs(100 * (estimate.value or 0.0)):.1f}"


def _interval(estimate: Estimate) -> str:
    return f"{INTERVAL} {range_of(estimate, signed=True)}"
