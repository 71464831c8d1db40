import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data import json_records
from octo.data.documents import Rejected
from octo.data.json_records import read_lines, read_values
from octo.data.records import Found, UnreadableError

MARK = b"\xef\xbb\xbf"
RECORDS = st.lists(
    st.dictionaries(
        st.text(max_size=3),
        st.recursive(st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=3)),
        max_size=3,
    ),
    max_size=6,
)


def values(body: bytes, *, limit: int = 1 << 20) -> list[object]:
    """The records of a JSON file, or why they are none."""
    return [short(found) for found in read_values(io.BufferedReader(io.BytesIO(body)), name="f", max_bytes=limit)]


def in_lines(body: bytes, *, limit: int = 1 << 20) -> list[object]:
    return [short(found) for found in read_lines(io.BufferedReader(io.BytesIO(body)), name="f", max_bytes=limit)]


def short(found: Found) -> object:
    _, record = found
    return record.reason if isinstance(record, Rejected) else record


def test_files_with_byte_order_marks_joined_to_one_are_read_whole() -> None:
    half = MARK + b'{"text": "a"}\n{"text": "b"}\n'
    assert in_lines(half + half) == [{"text": "a"}, {"text": "b"}] * 2
    assert in_lines(MARK + b'{"text": "a"}' + MARK + b'{"text": "b"} {"c": 1}') == [
        {"text": "a"},
        {"text": "b"},
        {"c": 1},
    ]
    assert in_lines(b'{"text": "\xef\xbb\xbf"}') == [{"text": "\ufeff"}]


def test_values_after_each_other_in_a_line_are_told_apart_and_what_is_none_is_rejected() -> None:
    body = io.BufferedReader(io.BytesIO(b'{"a": 1}{"a": 2} oops\n{"a": 3}\n'))
    found = list(read_lines(body, name="f", max_bytes=100))
    assert [url for url, _ in found] == ["f#1/1", "f#1/2", "f#1/3", "f#2"]
    assert [short(each) for each in found] == [{"a": 1}, {"a": 2}, "malformed_json", {"a": 3}]


@pytest.mark.parametrize("indent", [None, 1])
@given(records=RECORDS)
def test_an_array_and_values_on_several_lines_are_the_same_records(records: list[object], indent: int | None) -> None:
    assert values(json.dumps(records, indent=indent).encode()) == records
    separate = "\n".join(json.dumps(record, indent=indent) for record in records)
    assert values(separate.encode()) == records
    assert values(MARK + json.dumps(records, ensure_ascii=False).encode()) == records


@given(records=RECORDS, size=st.integers(1, 7))
def test_where_a_read_ends_does_not_matter(records: list[object], size: int) -> None:
    body = json.dumps(records, indent=1).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(json_records, "SKIP_BYTES", size)
        assert values(body) == records


def test_json_lines_in_a_json_file_are_told_by_their_first_line() -> None:
    assert values(b'\n\n{"a": 1}\nbroken\n{"a": 2}') == [{"a": 1}, "malformed_json", {"a": 2}]
    assert values(b'broken from the start\n{"a": 2}') == ["malformed_json", {"a": 2}]
    assert values(b"") == []


def test_a_long_element_is_too_large_and_the_next_is_read() -> None:
    long = json.dumps({"text": "x" * 5_000})
    assert values(f'[{long}, {{"a": 1}}]'.encode(), limit=100) == ["too_large", {"a": 1}]


def test_an_element_that_is_no_object_is_rejected_and_the_next_is_read() -> None:
    assert values(b'["a", 3, null, {"a": 1}, {bad}, [1, 2], {"a": 2}]') == [
        *["malformed_json"] * 3,
        {"a": 1},
        *["malformed_json"] * 2,
        {"a": 2},
    ]


@pytest.mark.parametrize("body", [b'[{"a": 1}, {"a"', b'[{"a": 1},', b'{\n"a": [', b'[{"a": "x'])
def test_a_json_file_cut_short_is_unreadable_after_the_records_before_the_cut(body: bytes) -> None:
    stream: Iterator[Found] = read_values(io.BufferedReader(io.BytesIO(body)), name="f", max_bytes=100)
    if body.startswith(b'[{"a": 1}'):
        assert next(stream) == ("f#1", {"a": 1})
    with pytest.raises(UnreadableError, match="ends within an array or an object"):
        list(stream)


def test_a_name_that_stands_twice_is_rejected_for_one_of_its_values_would_be_lost() -> None:
    (found,) = read_lines(
        io.BufferedReader(io.BytesIO(b'{"text": "a", "x": {"b": 1, "b": 2}}')), name="f", max_bytes=100
    )
    assert isinstance(found[1], Rejected)
    assert found[1].reason == "malformed_json"
    assert "the name 'b' stands in it twice" in found[1].detail


def test_numbers_of_any_size_are_read() -> None:
    digits = "7" * 5_000
    [record] = in_lines(f'{{"long": {digits}, "n": [1, -2.5e3, 1e999, NaN]}}'.encode())
    assert record == {"long": digits, "n": [1, -2500.0, float("inf"), None]}


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_a_malformed_record(opening: str) -> None:
    assert in_lines((opening * 100_000 + "\n" + '{"a": 1}').encode()) == ["malformed_json", {"a": 1}]
