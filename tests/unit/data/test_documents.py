from hashlib import sha256
from pathlib import Path

import pytest

from octo.data import documents
from octo.data.documents import Document, count_rows, new_document, read_columns, read_documents, to_parquet, writing

TWO = [
    new_document("λ + β", source="math", url="file:a#1", date="2024-05-01", metadata={"b": 1, "a": "é"}),
    new_document("one line\nanother", source="web", url="file:a#2"),
]


def test_an_id_is_the_digest_of_the_text() -> None:
    assert TWO[0].id == sha256("λ + β".encode()).hexdigest()
    assert TWO[0].metadata == '{"a": "\\u00e9", "b": 1}'


def test_documents_come_back_from_parquet_as_they_were() -> None:
    body = to_parquet(TWO, Document)
    assert list(read_documents(body)) == TWO
    assert list(read_columns(body, ("url", "source"))) == [("file:a#1", "math"), ("file:a#2", "web")]


def test_no_documents_are_a_parquet_file_of_no_rows() -> None:
    body = to_parquet([], Document)
    assert list(read_documents(body)) == []
    assert count_rows(body) == 0


def test_streamed_rows_are_written_before_they_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "ROW_GROUP_BYTES", 1_000)
    with writing(tmp_path / "d.parquet", Document) as rows:
        for number in range(50):
            rows.write(new_document(f"{number} {'x' * 200}", source="web", url=str(number)))
    body = (tmp_path / "d.parquet").read_bytes()
    assert [document.url for document in read_documents(body)] == [str(number) for number in range(50)]


def test_a_lone_surrogate_is_refused_wherever_it_stands() -> None:
    with pytest.raises(UnicodeEncodeError):
        new_document("\ud800", source="web", url="a")
    with pytest.raises(UnicodeEncodeError):
        new_document("text", source="web", url="\ud800")
    assert "\\ud800" in new_document("text", source="web", url="a", metadata={"k": "\ud800"}).metadata
