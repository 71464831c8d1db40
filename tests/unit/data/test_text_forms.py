import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from octo.data.documents import Document, Rejected
from octo.data.files import Reading, read_file
from octo.data.text_forms import TextForm
from octo.errors import InputError, UsageError
from octo.settings.ingestion import parse_source
from octo.settings.source_options import parse_text_options

ROWS = [
    {"problem": "1+1?", "reason": "one and one", "solution": "It is 2.", "link": "http://a/1", "when": "2024-05-01"},
    {"problem": "A {brace}?", "reason": "none", "solution": "No.", "link": "", "when": ""},
]


def write_csv(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0])
        writer.writeheader()
        writer.writerows(ROWS)


WRITERS: dict[str, Callable[[Path], object]] = {
    ".jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in ROWS)),
    ".json": lambda path: path.write_text(json.dumps(ROWS, indent=1)),
    ".csv": write_csv,
    ".parquet": lambda path: pq.write_table(pa.Table.from_pylist(ROWS), path),
    ".feather": lambda path: pyarrow.feather.write_feather(
        pa.Table.from_pylist(ROWS), path, compression="uncompressed"
    ),
}


def read(path: Path, options: str) -> list[Document | Rejected]:
    source = parse_source(f"qa=file:{path}?{options}")
    form = TextForm(parse_text_options("file", source.options))
    reading = Reading(10_000, skip_bad_files=False, form=form)
    return list(read_file(Path(source.what), name=path.name, label=source.label, reading=reading))


@pytest.mark.parametrize("end", WRITERS)
@pytest.mark.parametrize(
    ("options", "texts", "left"),
    [
        ("text=solution", ["It is 2.", "No."], {"problem", "reason"}),
        (
            "template=Q:%20{problem}%0A%0AA:%20{{{solution}}}",
            ["Q: 1+1?\n\nA: {It is 2.}", "Q: A {brace}?\n\nA: {No.}"],
            {"reason"},
        ),
        (
            "layout=qa&question=problem&answer=solution",
            ["1+1?\nIt is 2.", "A {brace}?\nNo."],
            {"reason", "question", "answer"},
        ),
        (
            "layout=think&question=problem&thinking=reason&answer=solution",
            ["1+1?\n<think>\none and one\n</think>\nIt is 2.", "A {brace}?\n<think>\nnone\n</think>\nNo."],
            {"question", "answer"},
        ),
    ],
)
def test_a_text_is_made_of_the_columns_that_are_named_whatever_holds_them(
    tmp_path: Path, end: str, options: str, texts: list[str], left: set[str]
) -> None:
    path = tmp_path / f"a{end}"
    WRITERS[end](path)
    found = read(path, f"{options}&url=link&date=when")
    assert [each.text for each in found if isinstance(each, Document)] == texts
    first = found[0]
    assert isinstance(first, Document)
    assert (first.url, first.date) == ("http://a/1", "2024-05-01")
    metadata = json.loads(first.metadata)
    assert metadata.keys() == left
    if "question" in left:
        assert (metadata["question"], metadata["answer"]) == ("1+1?", "It is 2.")


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


CHATS = [
    [said("system", "Be brief."), said("user", "Hi\n"), said("assistant", "Ho")],
    [said("user", "2?"), said("assistant", "3.")],
]


@pytest.mark.parametrize("end", [".jsonl", ".parquet"])
def test_a_chat_is_its_turns(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"a{end}"
    rows = [{"turns": chat, "id": number} for number, chat in enumerate(CHATS)]
    if end == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = read(path, "layout=chat&messages=turns")
    assert [each.text for each in found if isinstance(each, Document)] == [
        "System:Be brief.\nUser:Hi\n\nAssistant:Ho",
        "User:2?\nAssistant:3.",
    ]
    assert [each.metadata for each in found if isinstance(each, Document)] == ['{"id": 0}', '{"id": 1}']


def test_messages_of_another_form_are_a_chat_and_what_is_none_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows: list[object] = [
        {"messages": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"messages": [{"role": "tool", "content": "c"}]},
        {"messages": [{"role": "user"}]},
        {"messages": ["d"]},
        {"messages": []},
        {"messages": "e"},
        {"others": 1},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, *others = read(path, "layout=chat")
    assert isinstance(first, Document)
    assert first.text == "User:a\nAssistant:b"
    assert [each.reason for each in others if isinstance(each, Rejected)] == ["missing_text"] * 6


def test_a_record_without_its_column_is_rejected_with_the_columns_that_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"a": "x", "b": 7}\n{"a": "x"}\n{"a": "x", "b": null}\n{"a": "x", "b": ["y"]}\n{"a": " ", "b": "z"}\n'
    )
    good, *bad = read(path, "template={a}{b}")
    assert isinstance(good, Document)
    assert good.text == "x7"
    assert [each[1:] for each in bad] == [
        ("missing_text", "expected a text or a number in the field b, found fields: 'a'"),
        ("missing_text", "expected a text or a number in the field b, found fields: 'a', 'b'"),
        ("missing_text", "expected a text or a number in the field b, found list \"['y']\""),
        ("missing_text", "expected a text or a number in the field a, found str ' '"),
    ]


@pytest.mark.parametrize("end", [".csv", ".parquet"])
def test_a_table_without_the_column_is_a_bad_file(tmp_path: Path, end: str) -> None:
    path = tmp_path / f"a{end}"
    WRITERS[end](path)
    with pytest.raises(InputError, match="it has no column content; it has problem, reason, solution"):
        read(path, "text=content")


def test_columns_are_those_of_records_and_a_page_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text")
    (tmp_path / "a.html").write_text("<p>a page")
    found = [*read(tmp_path / "a.txt", "text=content"), *read(tmp_path / "a.html", "text=content")]
    assert [each.text for each in found if isinstance(each, Document)] == ["a text", "a page"]


@pytest.mark.parametrize(
    ("source", "what", "options"),
    [
        ("a=file:/d/x.jsonl?text=body", "/d/x.jsonl", {"text": "body"}),
        ("a=file:/d/why?.jsonl", "/d/why?.jsonl", {}),
        ("a=file:/d/why?.jsonl?text=a+b", "/d/why?.jsonl", {"text": "a b"}),
        ("a=s3://bucket/prefix/?layout=chat", "s3://bucket/prefix", {"layout": "chat"}),
    ],
)
def test_options_stand_behind_the_last_question_mark(source: str, what: str, options: dict[str, str]) -> None:
    assert parse_source(source)[2:] == (what, options)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("column=a", "file takes date, id, layout, template, text, url, got 'column'"),
        ("layout=poem", "file needs layout of qa, think, chat, got 'poem'"),
        ("layout=qa&thinking=a", "got 'thinking'"),
        ("text=a&template={b}", "file takes one of text, template and layout"),
        ("template=none", "with names of columns in braces"),
        ("template={a", "with names of columns in braces"),
        ("template={}", "with names of columns in braces"),
        ("template={a:3}", "with names of columns in braces"),
        ("text=", "file needs a value for text"),
        ("text=a&text=b", "the option 'text' is there twice"),
    ],
)
def test_options_that_say_nothing_or_too_much_are_refused(options: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        parse_source(f"a=file:/d/x.jsonl?{options}")
