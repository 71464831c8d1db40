import json

import pytest

from octo.data.questions import Question
from octo.errors import SandboxError
from octo.ml.evaluation.accuracy import Answer, found, num_right, ran, trouble_of
from octo.ml.scoring import Score
from octo.sandbox.verdicts import Outcome, TestVerdict, Verdict
from octo.settings.evaluation import EvaluationSettings

QUESTIONS = [Question(name, f"{name}?", "") for name in "abc"]
SETTINGS = EvaluationSettings(num_samples=2, k=(1, 2), num_examples=1)


def answer(*, correct: bool | None, verdict: Verdict | None = None) -> Answer:
    return Answer(
        "text", 3, Score(correct=correct, pass_rate=None if correct is None else float(correct), verdict=verdict)
    )


RIGHT, WRONG, UNKNOWN = (answer(correct=each) for each in (True, False, None))


def test_a_verdict_that_could_not_be_reached_is_told_apart_and_is_never_a_wrong_one() -> None:
    greedy, sampled = [RIGHT, UNKNOWN, WRONG], [[RIGHT, WRONG], [RIGHT, RIGHT], [WRONG, UNKNOWN]]
    told = found(QUESTIONS, greedy, sampled, SETTINGS)
    assert told["greedy"] == {"correct": 1, "total": 2}
    # Of a and b alone.
    assert told["pass_at_k"] == {"1": 0.75, "2": 1.0}
    assert told["verdicts"] == [["a", 1, 1], ["b", None, 2], ["c", 0, None]]
    assert trouble_of(greedy, sampled) == {"greedy": 1, "samples": 1}
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_where_every_verdict_is_there_all_problems_count() -> None:
    told = found(QUESTIONS, [RIGHT, WRONG, WRONG], [[RIGHT, WRONG], [WRONG, WRONG], [WRONG, WRONG]], SETTINGS)
    assert told["greedy"] == {"correct": 1, "total": 3}
    assert told["pass_at_k"] == {"1": 0.5 / 3, "2": 1 / 3}
    assert [num_right(group) for group in ([RIGHT, RIGHT], [WRONG], [UNKNOWN, RIGHT])] == [2, 0, None]


def test_an_evaluation_without_verdicts_fails_and_commits_no_figure() -> None:
    with pytest.raises(SandboxError, match="too few verdicts could be reached on the 3 problems"):
        found(QUESTIONS, [UNKNOWN] * 3, [[RIGHT, RIGHT]] * 3, SETTINGS)
    with pytest.raises(SandboxError, match="too few verdicts"):
        found(QUESTIONS, [RIGHT] * 3, [[RIGHT, UNKNOWN]] * 3, SETTINGS)


def test_every_test_of_a_problem_and_the_layers_are_in_the_output() -> None:
    tests = tuple(map(TestVerdict, (Outcome.PASS, Outcome.TIMEOUT)))
    judged = answer(correct=False, verdict=Verdict(tests, ("rlimits", "seccomp")))
    told = ran(QUESTIONS[:2], [WRONG, judged], [])
    assert told == {"tests": [["a", []], ["b", ["pass", "timeout"]]], "layers": ["rlimits", "seccomp"]}
    assert ran(QUESTIONS[:1], [WRONG], [[WRONG, judged]])["layers"] == ["rlimits", "seccomp"]
    assert ran(QUESTIONS[:1], [WRONG], [[WRONG]])["layers"] == []
