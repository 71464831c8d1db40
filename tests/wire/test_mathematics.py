"""The verifier of final answers, with the real sandbox."""

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from octo.data.mathematics import Verifier
from octo.sandbox.layers import offered
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, Task, Verdict
from tests.unit.data.answer_pairs import ANSWERS, HARMLESS, WITHOUT_END

LIMITS = Limits(cpu_seconds=20, wall_seconds=300.0, memory_mib=1024)
IMPATIENT = dataclasses.replace(LIMITS, cpu_seconds=2)
"""For answers that compute without end."""
pytestmark = pytest.mark.skipif(not offered().sufficient, reason=f"this machine lacks layers: {offered().lacking}")

Pairs = list[tuple[str, str]]
RIGHT = [(gold, right) for gold, right, _ in ANSWERS]
WRONG = [(gold, wrong) for gold, _, wrong in ANSWERS]


@pytest.fixture(scope="module")
def verifier() -> Iterator[Verifier]:
    with Verifier(2, limits=LIMITS) as made:
        yield made


@pytest.fixture(scope="module")
def impatient() -> Iterator[Verifier]:
    with Verifier(2, limits=IMPATIENT) as made:
        yield made


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """What is asked of the sandbox, which answers as ever."""
    tasks: list[Task] = []
    judge_all = Sandbox.judge_all

    def recorded(sandbox: Sandbox, those: Sequence[Task]) -> list[Verdict]:
        tasks.extend(those)
        return judge_all(sandbox, those)

    monkeypatch.setattr(Sandbox, "judge_all", recorded)
    return tasks


def solved(pairs: Sequence[tuple[str, str]]) -> Pairs:
    return [(gold, rf"First \boxed{{0}}, but then $\boxed{{{answer}}}$.") for gold, answer in pairs]


def test_every_right_answer_is_right_and_every_changed_one_wrong(verifier: Verifier) -> None:
    assert verifier.verdicts(solved(RIGHT)) == [True] * len(RIGHT)
    assert verifier.verdicts(solved(WRONG)) == [False] * len(WRONG)


def test_true_answers_are_right_without_a_child(verifier: Verifier, asked: list[Task]) -> None:
    golds = [gold for gold, _, _ in ANSWERS]
    assert verifier.verdicts(solved([(gold, gold) for gold in golds])) == [True] * len(golds)
    assert not asked


def test_what_computes_without_end_is_wrong_and_hinders_nobody_else(impatient: Verifier) -> None:
    easy = RIGHT[: len(WITHOUT_END)]
    endless = [("1.5", answer) for answer in WITHOUT_END]
    pairs = [pair for both in zip(endless, easy, strict=True) for pair in both]
    assert impatient.verdicts(solved(pairs)) == [False, True] * len(easy)


def test_a_true_answer_that_cannot_be_compared_leaves_the_verdict_open(verifier: Verifier) -> None:
    assert verifier.verdicts(solved([(r"\frac{1}{0}", "5")])) == [None]


def test_no_answer_does_harm_or_passes_for_another(verifier: Verifier, tmp_path: Path) -> None:
    written = tmp_path / "written"
    pairs = solved([("5", answer.format(written)) for answer in HARMLESS])
    assert verifier.verdicts(pairs) == [False] * len(HARMLESS)
    assert not written.exists()


def test_an_answer_without_end_in_its_letters_is_wrong_without_a_child(verifier: Verifier, asked: list[Task]) -> None:
    assert verifier.verdicts(solved([("5", "5" * 10**5), ("5", "(" * 10**7)])) == [False, False]
    assert verifier.verdicts([("5", "no box"), ("5", r"\boxed{5"), ("5", "")]) == [False] * 3
    assert not asked


def test_deep_nesting_is_survived(impatient: Verifier) -> None:
    nested = ["(" * 450 + "5" + ")" * 450, r"\sqrt{" * 120 + "2" + "}" * 120, "5" + "!" * 900]
    easy = RIGHT[: len(nested)]
    verdicts = impatient.verdicts(solved([*(("5", answer) for answer in nested), *easy]))
    assert True not in verdicts[: len(nested)]
    assert verdicts[len(nested) :] == [True] * len(easy)


def test_the_same_pair_is_asked_once(verifier: Verifier, asked: list[Task]) -> None:
    pairs = [(r"\sqrt{8}", r"2\sqrt{2}"), (r"\sqrt{8}", r"2\sqrt{3}")]
    assert verifier.verdicts(solved(pairs * 20)) == [True, False] * 20
    assert len(asked) == 2


def test_numbers_words_and_what_is_made_of_them_take_no_child(verifier: Verifier, asked: list[Task]) -> None:
    pairs = [("0.5", r"\frac{1}{2}"), ("(1,2]", "1<x\\le 2"), ("1,2", r"\{2,1\}"), ("yes", "no"), ("5 cm", "5 km")]
    assert verifier.verdicts(solved(pairs)) == [True, True, True, False, False]
    assert not asked


def test_what_costs_much_is_wrong_at_the_limits_that_trainings_have() -> None:
    bombs = [
        "9^{9^{9^{9^{9}}}}",
        "x^{" * 300 + "2" + "}" * 300,
        r"\sqrt{2}" + "+e^{x^{700}}" * 80,
        r"\sin" * 190 + " x",
    ]
    bombs += [r"e^{e^{e^{9}}}", r"(x+\pi)^{600}" * 60, "1,x," * 200, r"\log_{7}" * 100 + "x", r"\int_0^1 x^x dx"]
    with Verifier(2) as verifier:
        assert verifier.verdicts(solved([("x^2+\\sqrt{3}", bomb) for bomb in bombs])) == [False] * len(bombs)


def test_nothing_to_verify_is_no_verdict(verifier: Verifier) -> None:
    assert verifier.verdicts([]) == []


def test_verdicts_are_reached_in_any_thread(verifier: Verifier) -> None:
    with ThreadPoolExecutor(max_workers=3) as threads:
        said = list(threads.map(verifier.verdicts, [solved(RIGHT[:6]), solved(WRONG[:6]), solved(RIGHT[6:12])]))
    assert said == [[True] * 6, [False] * 6, [True] * 6]


def test_verdicts_are_equal_for_any_number_of_workers() -> None:
    pairs = solved([*RIGHT[::4], *WRONG[::4], ("1.5", WITHOUT_END[0])])
    with Verifier(1, limits=IMPATIENT) as one, Verifier(3, limits=IMPATIENT) as three:
        assert one.verdicts(pairs) == three.verdicts(pairs)


def test_nothing_is_said_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with Verifier(1, limits=LIMITS) as verifier:
        assert verifier.verdicts(solved([(r"\sqrt{8}", r"2\sqrt{2}")])) == [True]
    assert capfd.readouterr() == ("", "")
