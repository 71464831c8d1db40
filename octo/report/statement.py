"""What a comparison says in words: the answer's first sentence, with every branch that points the other way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from octo.findings import Claim, Outcome
from octo.report.findings import told
from octo.report.results import Answer, Estimate, Finding
from octo.report.text import points

SCORES: Mapping[str, str] = {"greedy": "Greedy accuracy", "sampled": "The share of sampled answers that is right"}
ANSWERS: Mapping[Outcome, Answer] = {
    "above": "yes",
    "below": "no",
    "cannot be told": "cannot be told",
    "not measured": "not measured",
}


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


@dataclass(frozen=True)
class Said:
    """An answer in words."""

    answer: Answer
    statement: str
    """The figures that it rests on."""
    exceptions: str
    """What goes into the answer's own sentence: each branch that fell, and each that points the other way."""
    findings: tuple[Finding, ...]
    """All that was tested, the answer's own first."""


def called(control: str) -> str:
    """A control as a sentence names it."""
    return "the control" if control == "control" else control


def said_of(found: Found) -> Said:
    """The answer that a comparison gives."""
    over = _over(found.by_seed)
    if found.control_gain is None:
        score = f"{SCORES[found.score]} on {found.problems} held-out problems"
        of_both, decides = [], _told(Claim.GAIN, found.tested, score=score, over=over)
    else:
        control = called(found.control)
        of_both = [
            _told(
                Claim.MOVED,
                found.branches_gain,
                of=SCORES[found.score],
                on=" on the mid-trained branches in their mean",
            ),
            _told(Claim.MOVED, found.control_gain, of="it", on=f" on {control}"),
        ]
        moved = " and ".join(each.sentence for each in of_both)
        decides = _told(Claim.DIFFERENCE, found.tested, moved=moved, over=over, control=control)
    answer = ANSWERS[decides.outcome]
    moves = {branch: _told(Claim.MOVED, gain, of=called(branch), on="") for branch, gain in found.gains.items()}
    beyond = {
        branch: _told(Claim.BEYOND_CONTROL, gain, of=called(branch), control=called(found.control))
        for branch, gain in found.beyond.items()
    }
    return Said(
        answer=answer,
        statement=decides.sentence,
        exceptions=" and ".join(each.sentence for each in _exceptions(answer, moves, beyond)),
        findings=(decides, *of_both, *moves.values(), *beyond.values()),
    )


def _exceptions(answer: Answer, moves: Mapping[str, Finding], beyond: Mapping[str, Finding]) -> list[Finding]:
    if answer == "not measured":
        return []
    fell = {branch: move for branch, move in moves.items() if _sign(move) < 0}
    wanted = {"yes": -1, "no": 1}.get(answer, 0) if len(beyond) > 1 else 0
    others = [each for branch, each in beyond.items() if wanted and _sign(each) == wanted and branch not in fell]
    return [*fell.values(), *others]


def _over(by_seed: Sequence[float]) -> str:
    """What an interval covers beside problems."""
    if len(by_seed) < 2:
        return ""
    return f" over {len(by_seed)} training seeds, which by themselves give {', '.join(map(points, by_seed))}"


def _told(claim: Claim, estimate: Estimate, **names: str) -> Finding:
    return told(claim, estimate, section="answer", chance=0.0, **names)


def _sign(finding: Finding) -> int:
    """Of what is shown: a change of less than half a tenth of a point is none."""
    shown = round(100 * (finding.estimate.value or 0.0), 1)
    return (shown > 0) - (shown < 0)
