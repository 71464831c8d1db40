import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import torch

from octo.data.code_problems import CodeProblem, checked
from octo.data.questions import Question
from octo.errors import InputError, SandboxError, UsageError
from octo.ml.rl.rewards import Rewards, reward, rewards_of
from octo.ml.scoring import Attempt, Score, code_scores, number_scores, scoring
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Outcome, Task, TestVerdict, Verdict
from octo.settings.scoring import RewardSettings, ScoringSettings
from tests.ranks import run_ranks

CODE = RewardSettings(kind="code")
TESTS = ("assert f(0) == 0", "assert f(1) == 2", "assert f(2) == 4", "assert f(3) == 6")
DOUBLE = Question("a", "Double.", "", CodeProblem(style="fenced", tests=TESTS))
SUM = Question("b", "1+1=", "2")
RIGHT = "def f(x): return 2 * x"


def losing(task: Task) -> list[Outcome]:
    """Tests that could not run where the program says so."""
    return [Outcome.COULD_NOT_RUN if f"lose{number}" in task.program else Outcome.PASS for number in range(4)]


class Told:
    """A sandbox that says what it is told to say of programs, and the truth of whether they parse."""

    def __init__(self, outcomes: Callable[[Task], list[Outcome]] = losing) -> None:
        self.asked: list[Task] = []
        self._outcomes = outcomes

    def judge_all(self, tasks: Iterable[Task]) -> list[Verdict]:
        tasks = list(tasks)
        self.asked += [task for task in tasks if task.program is not None]
        return [Verdict(tuple(map(TestVerdict, self._said(task))), ("rlimits",)) for task in tasks]

    def _said(self, task: Task) -> list[Outcome]:
        if task.program is not None:
            return self._outcomes(task)
        try:
            exec(f"{task.setup}\n{task.tests[0]}", {})
        except SyntaxError:
            return [Outcome.ERROR]
        return [Outcome.PASS]


def attempt(code: str, question: Question = DOUBLE, *, finished: bool = True) -> Attempt:
    return Attempt(question, f"```python\n{code}\n```", finished)


def rewarded(attempts: list[Attempt], sandbox: object, settings: RewardSettings = CODE) -> Rewards:
    return rewards_of(
        attempts,
        score=lambda each: code_scores(each, sandbox=sandbox),  # type: ignore[arg-type] # one that is told, or a real one
        settings=settings,
        device=torch.device("cpu"),
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, limits=Limits(cpu_seconds=1, wall_seconds=300)) as sandbox:
        yield sandbox


def test_a_program_is_worth_twice_its_pass_rate_and_half_its_format(sandbox: Sandbox) -> None:
    attempts = [
        attempt(RIGHT),
        attempt("def f(x): return x"),
        attempt("def f(x): return 0 if x == 0 else 2 * x if x < 3 else None"),
        attempt("def f(x) return 2 * x"),
        Attempt(DOUBLE, RIGHT, finished=True),
    ]
    given = rewarded(attempts, sandbox)
    assert given.rewards_C.tolist() == [2.5, 1.0, 2.0, 0.25, 0.0]
    assert given.figures == pytest.approx({"unscorable": 0, "pass_rate": 2 / 5, "format": (3 + 0.5) / 5})
    weighted = RewardSettings(kind="code", pass_weight=1.0, format_weight=0.0)
    assert rewarded(attempts, sandbox, weighted).rewards_C.tolist() == [1.0, 0.25, 0.75, 0.0, 0.0]


def test_trap_15_a_program_need_not_end_its_text_to_be_worth_all() -> None:
    texts = [f"```python\n{RIGHT}\n```", f"Sure:\n```python\n{RIGHT}\n```\nand\n```python\nx\n```\nThat is it."]
    assert rewarded([Attempt(DOUBLE, text, finished=True) for text in texts], Told()).rewards_C.tolist() == [2.5, 2.5]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param("def f(x):\n    while x == 1: pass\n    return 2 * x", 2.0 * 3 / 4 + 0.5, id="one endless test"),
        pytest.param("def f(x):\n    while True: pass", 0.5, id="all endless"),
        pytest.param("def f(x): exit(0)", 0.5, id="exit"),
        pytest.param("import os\ndef f(x): os._exit(0)", 0.5, id="exit at once"),
        pytest.param("import sys\nsys.exit(0)", 0.5, id="exit before there is anything"),
        pytest.param("class A:\n    __eq__ = lambda *_: True\ndef f(x): return A()", 0.5, id="equal to everything"),
    ],
)
def test_trap_16_no_end_and_no_exit_earns_a_test_nor_voids_another(
    sandbox: Sandbox, program: str, expected: float
) -> None:
    given = rewarded([attempt(program), attempt(RIGHT)], sandbox)
    assert given.rewards_C.tolist() == [expected, 2.5]


def test_trap_17_a_verdict_that_could_not_be_reached_is_no_wrong_one() -> None:
    given = rewarded([attempt(f"{RIGHT} # lose3"), attempt(RIGHT), attempt("def f(")], Told())
    assert given.rewards_C[0].isnan()
    assert given.rewards_C[1:].tolist() == [2.5, 0.25]
    assert given.figures == pytest.approx({"unscorable": 1 / 3, "pass_rate": 1 / 2, "format": 1.5 / 2})


def test_trap_17_where_no_verdict_can_be_reached_nothing_is_learnt_and_somebody_is_told() -> None:
    with pytest.raises(SandboxError, match=r"none of the 2 completions of a step could be scored.*see octo doctor"):
        rewarded([attempt(f"{RIGHT} # lose0"), attempt(f"{RIGHT} # lose1")], Told())


def test_trap_17_without_a_sandbox_there_is_no_batch_of_zeros() -> None:
    def break_down(_task: Task) -> list[Outcome]:
        raise SandboxError("no worker starts")

    with pytest.raises(SandboxError, match="no worker starts"):
        rewarded([attempt(RIGHT)], Told(break_down))


def test_a_test_that_failed_decides_though_another_could_not_run() -> None:
    half = Told(lambda _: [Outcome.FAIL, Outcome.COULD_NOT_RUN, Outcome.PASS, Outcome.PASS])
    [score] = code_scores([attempt(RIGHT)], sandbox=half)  # type: ignore[arg-type]
    assert score.correct is False
    assert score.pass_rate is None
    assert reward(score, CODE) is None


def test_a_pass_on_the_program_s_word_counts_unless_settings_refuse_it() -> None:
    class OnItsWord(Told):
        def judge_all(self, tasks: Iterable[Task]) -> list[Verdict]:
            tests = (TestVerdict(Outcome.PASS, word=("P.__eq__",)), *[TestVerdict(Outcome.PASS)] * 3)
            return [Verdict(tests, ("rlimits",)) for _ in tasks]

    for strict, correct, pass_rate in ((False, True, 1.0), (True, False, 0.75)):
        [score] = code_scores([attempt(RIGHT)], sandbox=OnItsWord(), strict=strict)  # type: ignore[arg-type]
        assert (score.correct, score.pass_rate) == (correct, pass_rate)


def test_trap_19_a_shown_test_that_is_known_by_heart_is_worth_nothing(sandbox: Sandbox) -> None:
    text = f"Double.\nTest cases: {TESTS[1]}"
    problem = checked(CodeProblem(style="fenced", tests=TESTS, shown_tests=TESTS[1:2]), question=text)
    by_heart = attempt("def f(x): return {1: 2}.get(x)", Question("a", text, "", problem))
    assert rewarded([by_heart], sandbox).rewards_C.tolist() == [0.5]


def test_the_same_program_runs_once_however_often_it_was_written() -> None:
    told = Told()
    other = Question("c", "Double it.", "", DOUBLE.code)
    assert rewarded([attempt(RIGHT), attempt(RIGHT, other), attempt(RIGHT)], told).rewards_C.tolist() == [2.5] * 3
    assert len(told.asked) == 1


def test_a_program_that_is_there_counts_though_the_completion_was_cut() -> None:
    assert rewarded([attempt(RIGHT, finished=False)], Told()).rewards_C.tolist() == [2.5]


def test_a_number_is_worth_one_or_nothing_and_nothing_more_is_said_of_it() -> None:
    attempts = [Attempt(SUM, text, finished) for text, finished in (("2", True), ("2", False), ("1", True), ("", True))]
    given = rewards_of(attempts, score=number_scores, settings=RewardSettings(), device=torch.device("cpu"))
    assert given.rewards_C.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert given.rewards_C.dtype == torch.float32
    assert given.figures == {}


def test_an_undecided_formula_is_worth_nothing_known() -> None:
    scores = [
        Score(correct=True, pass_rate=1.0),
        Score(correct=None, pass_rate=None),
        Score(correct=False, pass_rate=0),
    ]
    given = rewards_of(
        [Attempt(SUM, "", finished=True)] * 3,
        score=lambda _: scores,
        settings=RewardSettings(kind="mathematics"),
        device=torch.device("cpu"),
    )
    assert str(given.rewards_C.tolist()) == "[1.0, nan, 0.0]"
    assert given.figures == pytest.approx({"unscorable": 1 / 3})


@pytest.mark.parametrize(
    ("kind", "question", "said"),
    [
        ("number", DOUBLE, "problem a asks for a program, got kind=number: expected code"),
        ("code", SUM, "problem b asks for an answer, got kind=code: expected number or mathematics"),
    ],
)
def test_problems_of_another_kind_are_refused_before_anything_is_sampled(
    kind: str, question: Question, said: str
) -> None:
    with pytest.raises(UsageError, match=said), scoring(ScoringSettings(kind=kind), [question]):
        pass


@pytest.mark.parametrize(
    ("kind", "answers", "said"),
    [
        (
            "number",
            ["4", "x+1", "7", "yes"],
            r"2 of 4 answers cannot be read with kind=number, first 'x\+1' of problem 1 ",
        ),
        ("number", ["1/0"], r"1 of 1 .*write them as numbers, take these problems out, or set kind=mathematics"),
        ("mathematics", [r"\frac{1}{", "5", "8=7"], r"2 of 3 .*kind=mathematics, first '\\\\frac.1..' of problem 0"),
    ],
)
def test_answers_that_nothing_can_be_compared_with_are_refused_with_their_number(
    kind: str, answers: list[str], said: str
) -> None:
    questions = [Question(str(index), "?", answer) for index, answer in enumerate(answers)]
    with pytest.raises(InputError, match=said), scoring(ScoringSettings(kind=kind), questions):
        pass


def test_a_completion_has_a_number_with_its_sign_and_its_fraction() -> None:
    said = {"-5": "minus 5: -5", "5": "x = -5", "0.5": "1/2", "1,234": "1234.", "3/4": "it is 3/4", "234": "1,234"}
    attempts = [Attempt(Question("c", "?", answer), text, finished=True) for answer, text in said.items()]
    assert [score.correct for score in number_scores(attempts)] == [True, False, True, True, True, False]


def test_every_rank_scores_its_share_and_has_all_rewards(tmp_path: Path) -> None:
    ended = run_ranks(2, "tests.unit.ml.rewards_run", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert (first["scored"], second["scored"]) == (["0", "2", "4"], ["1", "3"])
    assert first["rewards"] == second["rewards"] == "[0.0, nan, 2.0, 3.0, 4.0]"
    assert first["figures"] == second["figures"] == {"unscorable": 1 / 5}
