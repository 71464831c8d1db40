import io

import pytest

from octo.data.csv_records import read_csv
from octo.data.documents import Document, Rejected
from octo.data.records import UnreadableError, document_of


def rows(body: bytes, *, limit: int = 1_000, delimiter: str = ",") -> list[object]:
    stream = io.BufferedReader(io.BytesIO(body))
    found = read_csv(stream, name="f", max_bytes=limit, delimiter=delimiter)
    return [record[:2] if isinstance(record, Rejected) else dict(record) for _, record in found]


def test_rows_are_records_by_the_names_of_the_header() -> None:
    body = b'\xef\xbb\xbftext,score\r\n"a, ""b""\nc",1\r\n\r\nd,\n'
    assert rows(body) == [{"text": 'a, "b"\nc', "score": "1"}, {"text": "d", "score": ""}]
    assert rows(b"text\tscore\na, b\t2\n", delimiter="\t") == [{"text": "a, b", "score": "2"}]


def test_a_row_says_the_line_that_it_begins_in() -> None:
    body = io.BufferedReader(io.BytesIO(b'text\n"a\nb"\nc\n'))
    assert [url for url, _ in read_csv(body, name="f", max_bytes=100, delimiter=",")] == ["f#2", "f#4"]


def test_a_row_of_another_length_is_rejected_and_the_next_is_read() -> None:
    assert rows(b'text,score\na\nb,1,2\n"c"d,1\ne,2\n') == [
        ("f#2", "malformed_csv"),
        ("f#3", "malformed_csv"),
        ("f#4", "malformed_csv"),
        {"text": "e", "score": "2"},
    ]


def test_a_quotation_mark_that_is_never_closed_takes_no_more_than_the_limit() -> None:
    body = b'text\n"' + b"lost\n" * 30 + b"kept\n" * 3
    found = rows(body, limit=100)
    assert found[0] == ("f#2", "too_large")
    assert found[-1] == {"text": "kept"}
    assert rows(b'text\nfine\n"open\n') == [{"text": "fine"}, ("f#3", "malformed_csv")]


def test_a_line_and_a_row_over_the_limit_are_too_large_and_the_next_is_read() -> None:
    body = b"text\n" + b"x" * 500 + b"\ngood\n" + b'"' + b"y\n" * 100 + b'"\ngood\n'
    found = rows(body, limit=100)
    assert found[:2] == [("f#2", "too_large"), {"text": "good"}]
    assert ("f#4", "too_large") in found


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"url,score", "no column text; it has url, score"),
        (b"text,a,text", "2 columns text"),
        (b'"text', "its header cannot be read"),
    ],
)
def test_a_header_that_makes_no_documents_is_unreadable(header: bytes, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        rows(header + b"\na,b,c\n")


def test_columns_of_one_name_are_told_apart() -> None:
    assert rows(b"text,n,n\na,1,2\n") == [{"text": "a", "n": "1", "n#2": "2"}]


def test_what_is_no_utf8_is_rejected_where_it_stands() -> None:
    body = io.BufferedReader(io.BytesIO(b"text\ncaf\xe9\nok\n"))
    found = [
        document_of(record, label="x", url=url)
        for url, record in read_csv(body, name="f", max_bytes=100, delimiter=",")
        if not isinstance(record, Rejected)
    ]
    assert isinstance(found[0], Rejected)
    assert found[0].reason == "invalid_utf8"
    assert isinstance(found[1], Document)
