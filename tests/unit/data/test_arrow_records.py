import resource
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from octo.data import arrow_records, arrow_values, compression
from octo.data.arrow_records import read_arrow, read_parquet
from octo.data.arrow_values import Budget, TooMuchError, json_value
from octo.data.compression import Allowance
from octo.data.documents import Document, Rejected
from octo.data.records import UnreadableError, document_of

MiB = 1 << 20


def write_parquet(table: pa.Table, path: Path, **options: Any) -> None:
    pq.write_table(table, path, **options)


def write_arrow(table: pa.Table, path: Path, **options: Any) -> None:
    feather.write_feather(table, path, **options)


def write_stream(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


FORMATS: dict[str, tuple[Callable[..., None], Any]] = {
    "parquet": (write_parquet, read_parquet),
    "arrow": (write_arrow, read_arrow),
    "stream": (write_stream, read_arrow),
}
every_format = pytest.mark.parametrize("kind", FORMATS)


def records(kind: str, path: Path, *, limit: int = 10 * MiB, expansion: int = 1_000) -> list[Any]:
    allowance = Allowance(path.stat().st_size, expansion=expansion)
    return [record for _, record in FORMATS[kind][1](path, name="f", max_bytes=limit, allowance=allowance)]


def stored(kind: str, table: pa.Table, path: Path, **limits: int) -> list[Any]:
    FORMATS[kind][0](table, path)
    return records(kind, path, **limits)


TYPES: list[tuple[pa.Array, object]] = [
    (pa.array([2.5], pa.float16()), 2.5),
    (pa.array([float("nan")]), None),
    (pa.array([float("-inf")], pa.float32()), None),
    (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
    (pa.array([True]), True),
    (pa.array(["ä"], pa.string_view()), "ä"),
    (pa.array([b"\xff\x00"]), "/wA="),
    (pa.array([b"ab"], pa.binary(2)), "YWI="),
    (pa.array([b"ab"], pa.binary_view()), "YWI="),
    (pa.array([Decimal("-1.50")]), "-1.50"),
    (pa.array([Decimal(10) ** 60], pa.decimal256(70, 2)), "1" + "0" * 60 + ".00"),
    (pa.array([19_000], pa.date32()), "2022-01-08"),
    (pa.array([86_400_000 * 19_000], pa.date64()), "2022-01-08"),
    (pa.array([2**62], pa.timestamp("s")), "146138514283-06-19T07:45:04"),
    (pa.array([-62_135_596_800_000_001], pa.timestamp("us")), "0000-12-31T23:59:59.999999"),
    (pa.array([1], pa.timestamp("ns", "Asia/Tokyo")), "1970-01-01T00:00:00.000000001Z"),
    (pa.array([3_723_000_000_004], pa.time64("ns")), "01:02:03.000000004"),
    (pa.array([3_723], pa.time32("s")), "01:02:03"),
    (pa.array([-1_500], pa.duration("ms")), "PT-1.5S"),
    (pa.array([(14, 3, 5 * 10**9)], pa.month_day_nano_interval()), "P14M3DT5S"),
    (pa.array([[1, None]]), [1, None]),
    (pa.array([[1, 2]], pa.list_(pa.int8(), 2)), [1, 2]),
    (pa.array([["a"]], pa.large_list(pa.string())), ["a"]),
    (pa.array([[1]], pa.list_view(pa.int8())), [1]),
    (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), {"k": 1}),
    (pa.array([[(7, 1), (7, 2)]], pa.map_(pa.int32(), pa.int32())), [[7, 1], [7, 2]]),
    (pa.StructArray.from_arrays([pa.array([1]), pa.array(["x"])], ["a", "a"]), {"a": 1, "a#2": "x"}),
    (pa.array([{"when": 5}], pa.struct([("when", pa.timestamp("s"))])), {"when": "1970-01-01T00:00:05"}),
    (pa.array(["x"]).dictionary_encode(), "x"),
    (pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["x"])), "x"),
    (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([3])]), 3),
    (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)], pa.binary(16))),
        "00000000-" + "0000-" * 3 + "0" * 12,
    ),
    (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())), True),
    (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["[1]"])), "[1]"),
    (pa.nulls(1), None),
]


@pytest.mark.parametrize(("array", "form"), TYPES, ids=lambda each: str(getattr(each, "type", ""))[:40])
def test_every_type_has_a_json_form(array: pa.Array, form: object) -> None:
    assert json_value(array[0], Budget(1_000)) == form


@pytest.mark.parametrize("array", [array for array, _ in TYPES], ids=lambda array: str(array.type)[:40])
def test_a_column_of_any_type_comes_as_metadata_of_its_document(array: pa.Array, tmp_path: Path) -> None:
    table = pa.table({"text": ["a text"], "other": array})
    [record] = stored("stream", table, tmp_path / "a")
    assert isinstance(document_of(record, label="x", url="u"), Document)


def test_every_scalar_of_the_library_is_known() -> None:
    """A type that a later version brings is rejected by name; this says that there is one."""
    known = {type(array[0]) for array, _ in TYPES} | {pa.Int64Scalar, pa.Int8Scalar, pa.Int16Scalar, pa.Int32Scalar}
    named = {each for each in vars(pa).values() if isinstance(each, type) and issubclass(each, pa.Scalar)}
    plain = {pa.UInt8Scalar, pa.UInt16Scalar, pa.UInt32Scalar, pa.StringScalar, pa.LargeStringScalar}
    binary = {pa.LargeBinaryScalar, pa.Decimal32Scalar, pa.Decimal64Scalar, pa.LargeListViewScalar}
    tensors = {pa.FixedShapeTensorScalar, pa.OpaqueScalar, pa.ExtensionScalar, pa.Scalar}
    assert named <= known | plain | binary | tensors


@every_format
def test_rows_come_with_their_place_whatever_batches_they_lie_in(kind: str, tmp_path: Path) -> None:
    table = pa.table({"text": [f"text {row}" for row in range(10_000)], "n": range(10_000)})
    found = stored(kind, table, tmp_path / "a")
    assert [record["n"] for record in found] == list(range(10_000))
    assert found[-1]["text"] == "text 9999"


def test_a_dictionary_of_all_rows_is_not_gone_through_again_for_a_few(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = []
    raw_texts = arrow_values.raw_texts
    monkeypatch.setattr(arrow_records, "raw_texts", lambda column: (made.append(len(column)), raw_texts(column))[1])
    texts = [f"text {row // 2}" for row in range(40_000)]
    table = pa.table({"text": pa.array(texts).dictionary_encode()})
    assert [record["text"] for record in stored("stream", table, tmp_path / "a")] == texts
    assert sum(made) <= len(texts)


@every_format
def test_a_column_that_is_there_twice_is_told_apart_but_two_texts_are_refused(kind: str, tmp_path: Path) -> None:
    columns = [pa.array(["a"]), pa.array([1]), pa.array([2])]
    assert stored(kind, pa.Table.from_arrays(columns, ["text", "n", "n"]), tmp_path / "a") == [
        {"text": "a", "n": 1, "n#2": 2}
    ]
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"])
    with pytest.raises(UnreadableError, match="it has 2 columns text: which of them is meant is unknown"):
        stored(kind, twice, tmp_path / "b")


@every_format
def test_a_text_that_is_no_utf8_is_rejected_and_the_next_is_read(kind: str, tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"a\xffb", b"fine"], pa.binary()).view(pa.string())
    found = stored(kind, pa.table({"text": raw, "same": raw}), tmp_path / "a")
    assert [isinstance(each, Rejected) and each.reason for each in found] == [False, "invalid_utf8", False]


@every_format
def test_a_row_whose_other_columns_are_too_large_is_rejected_and_the_next_is_read(kind: str, tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["a", "b", "c", "d"],
            "picture": [b"x" * 2_000, b"", b"", b""],
            "numbers": [[], [None] * 5_000, [], []],
            "name": ["", "", "n" * 2_000, ""],
        }
    )
    found = stored(kind, table, tmp_path / "a", limit=1_000)
    assert [each.reason for each in found[:3]] == ["too_large"] * 3
    assert found[3]["text"] == "d"


@pytest.mark.parametrize("text", [pa.array([1]), pa.array([["a"]]), pa.nulls(1), pa.array([{"a": "b"}])])
def test_a_text_of_another_type_is_a_record_without_a_text(text: pa.Array, tmp_path: Path) -> None:
    [record] = stored("stream", pa.table({"text": text}), tmp_path / "a")
    assert document_of(record, label="x", url="u")[1] == "missing_text"


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


@pytest.mark.parametrize("nested", [False, True])
def test_a_text_that_a_page_repeats_by_reference_is_not_repeated_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nested: bool
) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 32 * MiB)
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 4_000, pa.int32()), pa.array(["octopus " * 50_000]))
    other = pa.ListArray.from_arrays(pa.array([0, 4_000], pa.int32()), long)
    table = pa.table({"text": ["a"], "tags": other}) if nested else pa.table({"text": long})
    pq.write_table(table, tmp_path / "a", compression="zstd")
    assert (tmp_path / "a").stat().st_size < 10_000
    before = peak_mib()
    if nested:
        [record] = records("parquet", tmp_path / "a")
        assert record.reason == "too_large"
    else:
        with pytest.raises(UnreadableError, match="gives more than 32 MiB"):
            records("parquet", tmp_path / "a")
    assert peak_mib() - before < 400


@pytest.mark.parametrize(
    "column",
    [
        pa.ListArray.from_arrays(pa.array([0, 8 * MiB], pa.int32()), pa.array([0] * 8 * MiB)),
        pa.array(["x" * (40 * MiB)]),
        pa.array([b"x" * MiB], pa.binary(MiB)),
    ],
    ids=["numbers", "a text", "bytes of one width"],
)
def test_what_a_parquet_file_claims_is_compared_with_its_size_before_it_is_decoded(
    column: pa.Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", MiB)
    pq.write_table(pa.table({"text": ["a"], "other": column}), tmp_path / "a", compression="zstd")
    with pytest.raises(UnreadableError, match="gives more than 1 MiB"):
        next(read_parquet(tmp_path / "a", name="f", max_bytes=MiB, allowance=Allowance(10, expansion=10)))


@pytest.mark.parametrize("compressed", ["zstd", "lz4"])
def test_what_an_arrow_message_claims_is_compared_with_its_size_before_it_is_inflated(
    compressed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", MiB)
    plain = pa.table({"text": ["x" * (4 * MiB)]})
    texts = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array(["x" * (4 * MiB)]))
    for table in (plain, pa.table({"text": texts})):
        write_arrow(table, tmp_path / "a", compression=compressed)
        with pytest.raises(UnreadableError, match="gives more than 1 MiB"):
            next(read_arrow(tmp_path / "a", name="f", max_bytes=MiB, allowance=Allowance(10, expansion=10)))


def test_rows_of_nothing_end_where_the_allowance_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "FREE_BYTES", 100_000)
    table = pa.table({"text": pa.nulls(1_000_000)})
    with pytest.raises(UnreadableError):
        stored("stream", table, tmp_path / "a", expansion=1)


def test_an_arrow_file_whose_offsets_point_elsewhere_is_an_error(tmp_path: Path) -> None:
    offsets = pa.py_buffer(b"".join(place.to_bytes(4, "little") for place in (0, 2**30, 3)))
    wrong = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"abc")])
    write_stream(pa.Table.from_arrays([wrong], ["text"]), tmp_path / "a")
    with pytest.raises(pa.ArrowInvalid):
        records("stream", tmp_path / "a")


def test_a_budget_is_used_up_by_what_takes_no_room_in_arrow() -> None:
    with pytest.raises(TooMuchError):
        json_value(pa.array([[None] * 100])[0], Budget(99))
