"""Code problems that prove themselves at ingestion, and those that do not, with what gives them away."""

import logging
import re
from collections.abc import Sequence
from typing import Any

import pytest

from octo.data.code_problems import CodeProblem
from octo.data.documents import Document, Rejected, new_document
from octo.data.proving import Prover, Tally
from octo.data.trials import trial_of
from octo.errors import InputError
from octo.sandbox.layers import offered
from octo.settings.proof import ProofSettings

SETTINGS = ProofSettings(cpu_seconds=20, memory_mib=256)
pytestmark = pytest.mark.skipif(not offered().sufficient, reason=f"this machine lacks layers: {offered().lacking}")


def problem(name: str, answer: str, *tests: str, **fields: object) -> Document:
    known = {"style": "fenced", "tests": tests, "entry_points": ["f"], "question": name, "answer": answer, **fields}
    if known["style"] == "fenced" and answer:
        known["answer"] = f"```python\n{answer}\n```"
    return new_document(name, source="problems", url=name, metadata=known)


DOUBLE = ("assert f(1) == 2", "assert f(3) == 6", "assert f('a') == 'aa'")
GOOD = problem("double", "def f(x): return 2 * x", *DOUBLE)
CASES = {
    "solves nothing": (
        problem("wrong", "def f(x): return x", *DOUBLE),
        "reference_fails",
        "test 1 .*: fail, AssertionError",
    ),
    "no Python": (problem("broken", "def f(x) return", *DOUBLE), "reference_fails", "error, .*SyntaxError"),
    "does not fit its tests": (problem("other", "def g(x): return 2 * x", *DOUBLE), "reference_fails", "NameError"),
    "without a solution": (problem("none", "", *DOUBLE), "no_reference", "no reference solution"),
    "by chance": (
        problem(
            "chance",
            "import os\ndef f(x): return 2 * x * (os.urandom(1)[0] % 2)",
            *(f"assert f({x}) == {2 * x}" for x in range(1, 13)),
        ),
        None,
        "test . of its reference solution",
    ),
    "constant": (
        problem("constant", "def f(x): return [4, 5]", "assert f(1) == [4, 5]", "assert f(2) == [4, 5]"),
        "passed_by_nothing",
        r"a program that always says \[4, 5\] passes its 2 tests",
    ),
    "nothing is looked at": (
        problem("called", "def f(x): return x", "f(1)", "f(2)"),
        "passed_by_nothing",
        "a program that always says None passes its 2 tests",
    ),
    "errors are swallowed": (
        problem(
            "caught",
            "def f(x): return x",
            "try:\n    f(1)\nexcept RuntimeError:\n    pass\nelse:\n    assert f(1) == 1",
        ),
        "passed_by_nothing",
        "a program that raises passes its 1 tests",
    ),
    "the header is enough": (
        problem(
            "header",
            "    return None\n",
            "assert f(1) is None",
            style="continuation",
            prefix="def f(x):\n    '''Do nothing.'''\n",
        ),
        "passed_by_nothing",
        "an empty program passes",
    ),
    "a class of constants": (
        problem("class", "class C:\n    def get(self): return 7", "assert C().get() == 7", entry_points=["C"]),
        "passed_by_nothing",
        "always says 7",
    ),
}


def proven(
    records: Sequence[Document | Rejected], settings: ProofSettings = SETTINGS
) -> tuple[list[Document | Rejected], Tally]:
    with Prover(settings) as prover:
        return list(prover.proven(records)), prover.tally


def test_what_proves_itself_is_taken_and_what_does_not_is_set_aside_with_the_reason() -> None:
    plain = new_document("text", source="web", url="web", metadata={"title": "no problem"})
    before = Rejected("earlier", "malformed_problem", "no tests")
    records = [plain, GOOD, before, *(document for document, _, _ in CASES.values()), plain]
    found, tally = proven(records)
    assert found[:3] == [plain, GOOD, before]
    assert found[-1] == plain
    for rejected, (name, (document, reason, detail)) in zip(found[3:-1], CASES.items(), strict=True):
        assert isinstance(rejected, Rejected), name
        assert rejected.url == document.url
        # One that goes by chance fails, or does so now and then.
        assert rejected.reason == reason or (
            reason is None and rejected.reason in ("reference_fails", "changing_verdict")
        )
        assert re.search(detail, rejected.detail), rejected
    assert tally.proven == 1
    assert tally.counters()["problems.in"] == 1 + len(CASES)
    assert tally.counters()["problems.set_aside.passed_by_nothing"] == 5


def test_without_a_reference_a_problem_is_taken_where_settings_say_so_if_nothing_passes_it() -> None:
    constant = problem("constant", "", "assert f(1) == 4", "assert f(2) == 4")
    found, tally = proven([problem("none", "", *DOUBLE), constant], SETTINGS.model_copy(update={"kind": "partial"}))
    assert [type(each) for each in found] == [Document, Rejected]
    assert tally.counters() == {
        "problems.in": 2,
        "problems.proven": 0,
        "problems.set_aside.passed_by_nothing": 1,
        "problems.without_reference": 1,
    }


def test_where_no_proof_is_asked_for_nothing_runs_and_the_counters_say_so() -> None:
    found, tally = proven([GOOD, CASES["constant"][0]], SETTINGS.model_copy(update={"kind": "none"}))
    assert [type(each) for each in found] == [Document] * 2
    assert tally.counters() == {"problems.in": 2, "problems.not_tried": 2, "problems.proven": 0}


def test_too_many_that_are_set_aside_fail_the_source_and_some_are_said(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally(proven=9)
    tally.put_aside(Rejected("file:a#3", "reference_fails", "test 1 of its reference solution: timeout"))
    tally.check("a=tests:a", most=0.1)
    with pytest.raises(
        InputError, match=r"1 of 10 problems do not prove themselves: 1 reference_fails \(first file:a#3: test 1 "
    ):
        tally.check("a=tests:a", most=0.09)
    with caplog.at_level(logging.WARNING):
        tally.say("a=tests:a")
    assert "1 of 10 problems do not prove themselves" in caplog.text
    assert Tally().counters() == {}


def test_constants_are_what_the_first_test_compares_with_and_the_usual() -> None:
    tests = ("assert f(1) == [1, -2] and 'x' == f(2)", "assert f(3) == 9")
    trial = trial_of(CodeProblem(style="fenced", tests=tests, entry_points=("f",)), answer="")
    said = [name.removeprefix("a program that always says ") for name in trial.nothings if "always" in name]
    assert said == ["[1, -2]", "'x'", "None", "True", "False", "0", "''", "[]"]


def test_a_program_that_is_run_as_it_is_could_print_what_its_first_test_expects() -> None:
    tests = ("from judges import check\ncheck('1 2', '3\\n')", "from judges import check\ncheck('2 2', '4\\n')")
    trial = trial_of(
        CodeProblem(style="fenced", tests=tests), answer="```python\nprint(sum(map(int, input().split())))\n```"
    )
    assert trial.reference == "print(sum(map(int, input().split())))\n"
    assert trial.nothings["a program that always prints '3\\n'"] == "\nprint('3\\n', end='')\n"
    assert "RuntimeError" in trial.nothings["a program that raises"]


def test_a_program_may_give_objects_that_agree_with_everything() -> None:
    trial = trial_of(CodeProblem(style="fenced", tests=("assert f(1) == 2",), entry_points=("f",)), answer="")
    names: dict[str, Any] = {}
    exec(trial.nothings["a program whose objects equal everything"], names)
    said = names["f"](1)
    assert said == 2
    assert said == "x"
    assert 3 in said
    assert said.size(4)[0] + 1 > 7
    assert not said != 5  # noqa: SIM202 - it is what a test may ask
    with said as entered:
        assert -entered * 2 == {}


def test_a_problem_that_rests_on_the_program_s_word_is_set_aside_where_settings_refuse_that() -> None:
    written = "class P:\n    def __init__(self, x): self.x = x\n    def __eq__(self, other): return self.x == other.x"
    test = "assert P(1) == P(1) and P(1) != P(2)"
    on_its_word = problem("word", written, test, "assert P(4).x == 4", "assert P(5).x == 5", entry_points=["P"])
    [taken], _ = proven([on_its_word])
    assert taken == on_its_word
    [refused], _ = proven([on_its_word], SETTINGS.model_copy(update={"weaker_verdicts": "refuse"}))
    assert isinstance(refused, Rejected)
    assert "passes on the program's word alone" in refused.detail
    bought = problem("bought", written, "assert P(1) == P(1)", entry_points=["P"])
    [pretended], _ = proven([bought])
    assert isinstance(pretended, Rejected)
    assert pretended.reason == "passed_by_nothing"
