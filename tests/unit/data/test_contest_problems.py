"""Problems in the layout of APPS and TACO: read, proved in the sandbox, and scored."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octo.data.code_answers import program_of
from octo.data.code_benchmarks import read_problems
from octo.data.code_problems import problem_of
from octo.data.documents import Document, Rejected
from octo.data.proving import Prover
from octo.data.questions import Question
from octo.ml.scoring import Attempt, code_scores
from octo.sandbox.layers import offered
from octo.sandbox.pool import Sandbox
from octo.sandbox.verdicts import Limits, prints
from octo.settings.ingestion import parse_source
from octo.settings.proof import ProofSettings

confined = pytest.mark.skipif(not offered().sufficient, reason=f"this machine lacks layers: {offered().lacking}")
SUM: dict[str, Any] = {
    "question": "Given n and then n numbers, print their sum.\n\nInput\n\n1\n8\n\nOutput\n\n8\n",
    "input_output": {"inputs": ["1\n8\n", "2\n3 4\n", ["3", "1 1 1"]], "outputs": ["8\n", "7\n", ["3"]]},
    "solutions": ["print raw_input()", "input()\nprint(sum(map(int, input().split())))\n"],
}
ADDS = "def add(a, b):\n    return a + b"


def called(inputs: list[object], outputs: list[object], solution: str, name: str = "add") -> dict[str, Any]:
    tests = {"fn_name": name, "inputs": inputs, "outputs": outputs}
    return {"question": "Add up.", "input_output": json.dumps(tests), "solutions": json.dumps([solution])}


CALLED = {
    "arguments in a list": called([[1, 2], ["a", "b"]], [[3], ["ab"]], ADDS),
    "arguments on lines": called(["1\n2", '"a"\n"b"'], ["3", '"ab"'], ADDS),
    "arguments in the text of a list": called(["[1, 2]", '["a", "b"]'], ["3", '"ab"'], ADDS),
    "a list on a line": called(["[1, 2]", "[]"], ["3", "0"], "def add(numbers): return sum(numbers)"),
    "a list over lines": called(["[\n1,\n2]", "[\n]"], ["3", "0"], "def add(numbers): return sum(numbers)"),
    "tuples for lists": called([[1, 2], [3, 4]], [[[1, 2]], [[3, 4]]], "def add(a, b): return a, b"),
    "a method": called(
        [[[1, 2]], [[]]],
        [3, 0],
        "class Solution:\n    def add(self, each: List[int]) -> int:\n"
        "        return reduce(lambda a, b: a + b, each, 0)",
    ),
    "named like one of Python's": called([[1, 2], [3, 4]], [[3], [7]], "def sum(a, b): return a + b", name="sum"),
}


def read(tmp_path: Path, *records: object) -> list[Document | Rejected]:
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return list(read_problems(parse_source(f"a=tests:{path}"), max_record_bytes=1 << 20, skip_bad_files=False))


def fields(document: Document | Rejected) -> dict[str, Any]:
    assert isinstance(document, Document), document
    held: dict[str, Any] = json.loads(document.metadata)
    return held


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, limits=Limits(cpu_seconds=20, wall_seconds=300)) as sandbox:
        yield sandbox


def test_a_program_that_reads_and_prints_needs_no_entry_point(tmp_path: Path) -> None:
    [document] = read(tmp_path, SUM)
    held = fields(document)
    assert held["entry_points"] == []
    assert held["question"].endswith("Read from standard input, and write to standard output.\n")
    problem = problem_of(held)
    assert problem
    # The first is an example in the question, and the last is given and printed by lines.
    assert problem.tests == (prints("2\n3 4\n", "7\n"), prints("3\n1 1 1", "3"))
    assert program_of(held["answer"], problem) == SUM["solutions"][1]


def test_text_of_json_and_a_field_of_its_own_kind_say_the_same(tmp_path: Path) -> None:
    text = {**SUM, "input_output": json.dumps(SUM["input_output"]), "solutions": json.dumps(SUM["solutions"])}
    one, other = read(tmp_path, SUM, text)
    assert fields(one) == fields(other)


def test_what_a_starter_says_is_in_the_question_and_tells_a_method_from_a_function(tmp_path: Path) -> None:
    starter = "class Solution:\n    def add(self, each: List[int]) -> int:"
    record = called(["[1, 2]"], ["3"], "") | {"starter_code": starter, "solutions": ""}
    held = fields(read(tmp_path, record)[0])
    assert held["question"] == f"Add up.\n\n```python\n{starter}\n```\n"
    assert held["answer"] == ""
    assert held["tests"] == ["assert listed(Solution().add([1, 2])) == 3"]


@confined
def test_a_reference_proves_them_and_what_solves_nothing_does_not(tmp_path: Path, sandbox: Sandbox) -> None:
    wrong = {**SUM, "solutions": ["print(input())"]}
    silent = {**SUM, "input_output": {"inputs": ["1\n0"], "outputs": [""]}, "solutions": ["input()"]}
    constant = {**SUM, "input_output": {"inputs": ["1\n0", "2\n0 0"], "outputs": ["0", "0"]}}
    documents = read(tmp_path, SUM, *CALLED.values(), wrong, silent, constant)
    with Prover(ProofSettings(cpu_seconds=20)) as prover:
        proven = list(prover.proven(documents))
    good, bad = proven[:-3], proven[-3:]
    assert [each for each in good if not isinstance(each, Document)] == []
    assert [(each.reason, each.detail[:30]) for each in bad if isinstance(each, Rejected)] == [
        ("reference_fails", "test 1 of its reference soluti"),
        ("passed_by_nothing", "an empty program passes its 1 "),
        ("passed_by_nothing", "a program that always prints '"),
    ]


@confined
def test_a_completion_is_scored_by_what_it_prints_and_returns(tmp_path: Path, sandbox: Sandbox) -> None:
    printing, calling = map(fields, read(tmp_path, SUM, CALLED["a method"]))
    method = "class Solution:\n    def add(self, each): return {}"
    said = [
        (printing, "n = int(input())\nprint(sum(map(int, input().split())))", 1.0),
        (printing, "n = int(input())\nprint(3)", 0.5),
        (printing, "def solve(): return 7", 0.0),
        (calling, method.format("sum(each)"), 1.0),
        (calling, method.format("0"), 0.5),
    ]
    attempts = [
        Attempt(
            Question("q", held["question"], held["answer"], problem_of(held)), f"```python\n{code}\n```", finished=True
        )
        for held, code, _ in said
    ]
    assert [each.pass_rate for each in code_scores(attempts, sandbox=sandbox)] == [rate for _, _, rate in said]


@pytest.mark.parametrize(
    ("tests", "detail"),
    [
        ("", "its input_output is empty"),
        ("{", "its input_output '{' cannot be read as JSON"),
        ({"inputs": ["1"], "outputs": []}, "has 1 inputs and 0 outputs"),
        ({"inputs": [], "outputs": []}, "has no inputs"),
        ({"inputs": [3], "outputs": ["3"]}, "'3' is neither text nor lines of it"),
        ({"inputs": ["1\n8"], "outputs": ["8"]}, "none of its 1 tests can score: the question shows them"),
        ({"fn_name": "f(", "inputs": [[1]], "outputs": [[1]]}, "its fn_name 'f(' is no name of a function"),
        ({"fn_name": "f", "inputs": [1], "outputs": [[1]]}, "its input '1' has no arguments"),
        ({"fn_name": "f", "inputs": ["1 2"], "outputs": ["1"]}, "its input '1 2' cannot be read as JSON"),
        ({"fn_name": "f", "inputs": ["1"], "outputs": ["NaN"]}, "NaN is no number of JSON's"),
        ({"fn_name": "f", "inputs": ["[" * 150 + "]" * 150], "outputs": ["1"]}, None),
        ({"fn_name": "f", "inputs": ["[" * 900 + "]" * 900], "outputs": ["1"]}, "is no Python: "),
    ],
)
def test_a_record_without_usable_tests_is_set_aside_with_one_sentence(
    tmp_path: Path, tests: object, detail: str | None
) -> None:
    found, after = read(tmp_path, {**SUM, "input_output": tests, "solutions": []}, SUM)
    assert isinstance(after, Document)
    if detail is None:
        assert isinstance(found, Document)
    else:
        assert isinstance(found, Rejected)
        assert found.reason == "cannot_be_scored"
        assert detail in found.detail
        assert "\n" not in found.detail


@pytest.mark.parametrize(("field", "value"), [("question", None), ("input_output", [1]), ("solutions", 3)])
def test_a_field_of_another_kind_is_malformed_and_named(tmp_path: Path, field: str, value: object) -> None:
    [found] = read(tmp_path, {**SUM, field: value})
    assert isinstance(found, Rejected)
    assert found.reason == "malformed_problem"
    assert found.detail.startswith(field)
