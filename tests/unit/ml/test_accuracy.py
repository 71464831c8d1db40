import json
from dataclasses import replace

import pytest

from octo.data.questions import Question
from octo.errors import SandboxError
from octo.ml.evaluation.accuracy import Answer, found, ran, trouble_of
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
    # Of c one sample is known to be wrong: it counts at 1, and cannot at 2.
    assert told["pass_at_k"] == {"1": (0.5 + 1 + 0) / 3, "2": 1.0}
    assert told["fewer_verdicts"] == {"problems": {"c": 1}, "left_out_at_k": {"1": 0, "2": 1}}
    assert told["verdicts"] == [["a", 1, 1], ["b", None, 2], ["c", 0, 0]]
    assert trouble_of(greedy, sampled) == {"greedy": 1, "samples": 1}
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_where_every_verdict_is_there_all_problems_count() -> None:
    told = found(QUESTIONS, [RIGHT, WRONG, WRONG], [[RIGHT, WRONG], [WRONG, WRONG], [WRONG, WRONG]], SETTINGS)
    assert told["greedy"] == {"correct": 1, "total": 3}
    assert told["pass_at_k"] == {"1": 0.5 / 3, "2": 1 / 3}
    assert told["fewer_verdicts"] == {"problems": {}, "left_out_at_k": {"1": 0, "2": 0}}


def test_a_k_that_no_problem_has_the_verdicts_for_has_no_figure_and_says_what_it_left_out() -> None:
    told = found(QUESTIONS, [RIGHT] * 3, [[RIGHT, UNKNOWN], [WRONG, UNKNOWN], [UNKNOWN, UNKNOWN]], SETTINGS)
    assert told["pass_at_k"] == {"1": 0.5, "2": None}
    assert told["fewer_verdicts"] == {"problems": {"a": 1, "b": 1, "c": 0}, "left_out_at_k": {"1": 1, "2": 3}}
    assert told["verdicts"] == [["a", 1, 1], ["b", 1, 0], ["c", 1, None]]


def test_the_mean_length_is_that_of_the_completions_with_a_verdict() -> None:
    greedy = [RIGHT, replace(UNKNOWN, length=99), replace(WRONG, length=5)]
    assert found(QUESTIONS, greedy, [[RIGHT, RIGHT]] * 3, SETTINGS)["mean_length"] == 4


def test_an_evaluation_without_verdicts_fails_and_commits_no_figure() -> None:
    with pytest.raises(SandboxError, match="too few verdicts could be reached on the 3 problems"):
        found(QUESTIONS, [UNKNOWN] * 3, [[RIGHT, RIGHT]] * 3, SETTINGS)
    with pytest.raises(SandboxError, match="too few verdicts"):
        found(QUESTIONS, [RIGHT] * 3, [[UNKNOWN, UNKNOWN]] * 3, SETTINGS)


def test_every_test_of_a_problem_and_the_layers_are_in_the_output() -> None:
    tests = tuple(map(TestVerdict, (Outcome.PASS, Outcome.TIMEOUT)))
    judged = answer(correct=False, verdict=Verdict(tests, ("rlimits", "seccomp")))
    told = ran(QUESTIONS[:2], [WRONG, judged], [])
    assert told == {
        "tests": [["a", []], ["b", ["pass", "timeout"]]],
        "on_its_word": {"greedy": 0, "samples": 0},
        "layers": ["rlimits", "seccomp"],
    }
    assert ran(QUESTIONS[:1], [WRONG], [[WRONG, judged]])["layers"] == ["rlimits", "seccomp"]
    assert ran(QUESTIONS[:1], [WRONG], [[WRONG]])["layers"] == []
    weaker = answer(correct=True, verdict=Verdict((TestVerdict(Outcome.PASS, word=("P.__eq__",)),), ("rlimits",)))
    assert ran(QUESTIONS[:1], [weaker], [[weaker, judged]])["on_its_word"] == {"greedy": 1, "samples": 1}
