"""Problems in the layout of LiveCodeBench: read without unpickling anything, whatever their private tests say."""

import base64
import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from octo.data.code_benchmarks import read_problems
from octo.data.code_problems import problem_of
from octo.data.documents import Document, Rejected
from octo.data.live_problems import MOST_BYTES, unpacked
from octo.data.shown_examples import shows_call
from octo.errors import InputError
from octo.sandbox.verdicts import prints
from octo.settings.ingestion import parse_source

ASKED = "Add two numbers.\n\nInput: a = 1, b = 2\nOutput: 3\n"


def packed(content: object, protocol: int = 4) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(content, protocol))).decode()


def case(given: str, expected: str, kind: str = "functional") -> dict[str, str]:
    return {"input": given, "output": expected, "testtype": kind}


def record(private: object, **more: Any) -> dict[str, Any]:
    return {
        "question_title": "Sum",
        "question_content": ASKED,
        "platform": "leetcode",
        "starter_code": "class Solution:\n    def add(self, a: int, b: int) -> int:\n        ",
        "public_test_cases": json.dumps([case("1\n2", "3")]),
        "private_test_cases": private,
        "metadata": json.dumps({"func_name": "add"}),
        **more,
    }


def read(tmp_path: Path, *records: object) -> list[Document | Rejected]:
    path = tmp_path / "live.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in records))
    return list(read_problems(parse_source(f"a=tests:{path}"), max_record_bytes=1 << 24, skip_bad_files=False))


def held(document: Document | Rejected) -> dict[str, Any]:
    assert isinstance(document, Document), document
    fields: dict[str, Any] = json.loads(document.metadata)
    return fields


PRIVATE = [case("5\n7", "12"), case("-1\n1", "0")]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_private_tests_are_read_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    text = json.dumps([*PRIVATE, case('"é\\ud83d\\ude00"\n"b"', '"é😀b"')], ensure_ascii=False)
    assert unpacked(packed(text, protocol)) == text
    [document] = read(tmp_path, record(packed(text, protocol)))
    fields = held(document)
    assert fields["entry_points"] == ["Solution"]
    assert [test.rpartition("assert ")[2] for test in fields["tests"]] == [
        "listed(Solution().add(5, 7)) == 12",
        "listed(Solution().add(-1, 1)) == 0",
        "listed(Solution().add('é😀', 'b')) == 'é😀b'",
    ]
    assert fields["question"].startswith("Add two numbers.")
    assert problem_of(fields)


def test_what_is_shown_scores_nothing_and_json_is_read_as_it_is(tmp_path: Path) -> None:
    reading = [case("4\n", "5\n", "stdin"), case("6\n", "7\n", "stdin")]
    printed = {"metadata": "{}", "starter_code": "", "public_test_cases": json.dumps(reading[:1])}
    [document] = read(tmp_path, record(json.dumps(reading), **printed))
    assert held(document)["tests"] == [prints("6\n", "7\n")]
    # In the prose alone: nobody calls it a public test.
    [again] = read(tmp_path, record(json.dumps([case("1\n2", "3"), *PRIVATE]), public_test_cases="[]"))
    assert len(held(again)["tests"]) == 2


class Acts:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self._path, "was here")


def test_a_pickle_that_does_anything_is_refused_and_not_done(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(InputError, match=r"a pickle that does \w+: none but of one text is read"):
            unpacked(packed(Acts(trace), protocol))
    [rejected] = read(tmp_path, record(packed(Acts(trace))))
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "cannot_be_scored"
    assert not trace.exists()


@pytest.mark.parametrize(
    ("private", "said"),
    [
        (packed(["[]"]), "a pickle that does EMPTY_LIST"),
        (packed(b"[]"), "a pickle that does SHORT_BINBYTES"),
        (base64.b64encode(zlib.compress(b"")).decode(), "are no pickle: pickle exhausted before seeing STOP"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]")[:-4])).decode(), "are no pickle"),
        (base64.b64encode(zlib.compress(b"\x8c\x01a\x8c\x01b.")).decode(), "a pickle of 2 texts"),
        (base64.b64encode(zlib.compress(b".")).decode(), "a pickle of 0 texts"),
        (base64.b64encode(zlib.compress(bytes(MOST_BYTES + 1))).decode(), "unpack to more than 64 MiB"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]" * 999))[:20]).decode(), "are cut short"),
        (base64.b64encode(b"plain").decode(), "are not packed by zlib"),
        ("no base64!", "are neither JSON nor base64: 'no base64!'"),
        (packed("{]"), "cannot be read as JSON"),
        (packed(json.dumps([case("1", "2", "stdin")])), "give one kind"),
        (json.dumps([{"input": "1"}]), "output"),
    ],
)
def test_whatever_else_they_are_is_said_of_the_problem(tmp_path: Path, private: str, said: str) -> None:
    rejected, other = read(tmp_path, record(private), record(packed(json.dumps(PRIVATE))))
    assert isinstance(rejected, Rejected)
    assert said in rejected.detail
    assert isinstance(other, Document)


def test_a_function_that_nothing_names_is_asked_for(tmp_path: Path) -> None:
    [rejected] = read(tmp_path, record(packed(json.dumps(PRIVATE)), metadata="{}"))
    assert isinstance(rejected, Rejected)
    assert "give metadata a func_name" in rejected.detail


def test_numbers_as_keys_are_what_json_cannot_say(tmp_path: Path) -> None:
    by_number = [case('{"1": 2}\n3', "5")]
    [rejected] = read(tmp_path, record(json.dumps(by_number)))
    assert isinstance(rejected, Rejected)
    assert "dicts whose keys are numbers, which JSON has as text: give a solution" in rejected.detail
    solved = "class Solution:\n    def add(self, a, b): return a['1'] + b"
    assert isinstance(read(tmp_path, record(json.dumps(by_number), solutions=[solved]))[0], Document)
    names: dict[str, Any] = {}
    [document] = read(tmp_path, record(json.dumps([case("1\n2", '{"1": [2], "x": {"3": 4}}')])))
    exec(held(document)["setup"], names)
    assert names["listed"]({1: (2,), "x": {3: 4}}) == {"1": [2], "x": {"3": 4}}
    assert names["listed"]({True: 1}) == {True: 1}


@pytest.mark.parametrize(
    ("question", "arguments", "expected", "shown"),
    [
        ("Input: nums = [2, 7], target = 9\nOutput: [0, 1]\nExplanation: ...", [[2, 7], 9], [0, 1], True),
        ("**Input:** `s = 'ab'`\n**Output:** `\"ba\"`", ["ab"], "ba", True),
        ("add(1, 2) returns 3.", [1, 2], 3, True),
        ("For is_even(4) the answer is True.", [4], True, True),
        ("f([1, 2]) -> {'a': null}", [[1, 2]], {"a": None}, True),
        ("Input: nums = [2, 7], target = 9\nOutput: [0, 1]", [[2, 7], 8], [0, 1], False),
        ("Input: n = 12 Output: 3", [2], 3, False),
        ("Input: n = 2 Output: 35", [2], 3, False),
        ("Input: n = -2 Output: 3", [2], 3, False),
        ("n is at most 3 and the list has 2 elements", [3], 2, False),
        ("", [1], 1, False),
    ],
)
def test_an_example_in_prose_is_recognized(
    question: str, arguments: list[object], expected: object, *, shown: bool
) -> None:
    assert shows_call(question, arguments, expected) is shown
