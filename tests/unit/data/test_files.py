import bz2
import gzip
import json
import lzma
import tracemalloc
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from octo.data import html_text
from octo.data.documents import Document, Rejected
from octo.data.files import Reading, read_file, read_path
from octo.data.time_limit import document_clock
from octo.errors import InputError, UsageError
from octo.source_files import files_below

COMPRESS = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda body: pa.compress(body, "zstd", asbytes=True),
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}
RECORDS = [{"text": f"Document {number}.", "url": f"http://x/{number}", "score": number} for number in range(2_000)]


def lines(records: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def read(path: Path, *, limit: int = 10_000_000, skip: bool = False) -> list[Document | Rejected]:
    return list(read_path(path, label="web", max_document_bytes=limit, skip_bad_files=skip))


def reasons(records: list[Document | Rejected]) -> list[str]:
    return [record.reason for record in records if isinstance(record, Rejected)]


def write(path: Path, body: bytes) -> Path:
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(body))
    elif path.name.endswith(".zst"):
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(body)
    else:
        path.write_bytes(body)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_json_lines_are_read_plain_and_compressed(tmp_path: Path, name: str) -> None:
    documents = read(write(tmp_path / name, lines(RECORDS)))
    assert [document.url for document in documents] == [record["url"] for record in RECORDS]
    assert documents[7] == Document(documents[7].id, "Document 7.", "web", "http://x/7", "", '{"score": 7}')


def test_parquet_columns_become_text_url_date_and_metadata(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b"], "date": ["2024", None], "score": [1.5, 2.5], "lang": ["en", "de"]})
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = read(tmp_path / "a.parquet")
    assert first[1:] == ("a", "web", f"file:{tmp_path}/a.parquet#0", "2024", '{"lang": "en", "score": 1.5}')
    assert second.date == ""


def test_dictionary_encoded_and_large_strings_are_strings(tmp_path: Path) -> None:
    text = pa.array(["a", "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({"text": text, "lang": pa.array(["x"] * 3, pa.large_string())}), tmp_path / "a.parquet")
    assert [document.text for document in read(tmp_path / "a.parquet")] == ["a", "b", "a"]


def test_a_directory_is_read_in_the_order_of_its_paths_and_unknown_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "poem.txt").write_text("A poem.")
    (tmp_path / "a.md").write_text("# Title")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert [document.text for document in read(tmp_path)] == ["# Title", "A poem."]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_container_cut_short_stops_with_the_files_name_after_the_records_before_the_damage(
    tmp_path: Path, name: str
) -> None:
    random = Random(0)
    incompressible = [{"text": random.randbytes(400).hex()} for _ in range(1_000)]
    path = write(tmp_path / name, lines(incompressible))
    path.write_bytes(path.read_bytes()[:-1000])
    stream = read_path(path, label="web", max_document_bytes=1000, skip_bad_files=False)
    assert isinstance(next(stream), Document)
    with pytest.raises(InputError, match=rf"{name} is corrupt or cannot be read: .*--on-bad-file skip"):
        list(stream)


def test_a_gzip_with_a_wrong_checksum_is_corrupt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", lines(RECORDS))
    body = bytearray(path.read_bytes())
    body[-6] ^= 0xFF
    path.write_bytes(bytes(body))
    with pytest.raises(InputError, match="CRC check failed"):
        read(path)


def test_a_skipped_corrupt_file_counts_as_one_rejected_record_and_the_next_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"no gzip at all")
    write(tmp_path / "b.jsonl", lines(RECORDS[:3]))
    records = read(tmp_path, skip=True)
    assert reasons(records) == ["corrupt_file"]
    assert "a.jsonl.gz is corrupt" in records[0].detail
    assert len(records) == 4


def test_a_parquet_file_cut_short_is_corrupt(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(RECORDS), tmp_path / "a.parquet")
    body = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(body[: len(body) // 2])
    with pytest.raises(InputError, match=r"a\.parquet is corrupt or cannot be read: Parquet magic bytes not found"):
        read(tmp_path / "a.parquet")


def test_a_parquet_file_without_text_says_what_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"content": ["a"], "lang": ["en"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="has no column text; it has content, lang"):
        read(tmp_path / "a.parquet")


def test_a_document_of_100_megabytes_is_too_large_and_never_held_in_memory(tmp_path: Path) -> None:
    with (tmp_path / "a.jsonl").open("wb") as stream:
        stream.write(b'{"text": "')
        for _ in range(100):
            stream.write(b"x" * 1_000_000)
        stream.write(b'"}\n{"text": "next"}\n')
    tracemalloc.start()
    records = read(tmp_path / "a.jsonl", limit=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reasons(records) == ["too_large"]
    assert records[1].text == "next"
    assert peak < 20_000_000


def test_a_text_file_and_a_parquet_value_over_the_limit_are_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 1001)
    pq.write_table(pa.table({"text": ["x" * 1001, "fits"]}), tmp_path / "b.parquet")
    records = read(tmp_path, limit=1000)
    assert reasons(records) == ["too_large", "too_large"]
    assert "1001 bytes" in records[0].detail


def test_a_line_of_exactly_the_limit_is_a_document(tmp_path: Path) -> None:
    line = b'{"text": "abc"}'
    (tmp_path / "a.jsonl").write_bytes(line + b"\n" + line)
    assert len(read(tmp_path / "a.jsonl", limit=len(line))) == 2
    assert reasons(read(tmp_path / "a.jsonl", limit=len(line) - 1)) == ["too_large"] * 2


def test_invalid_utf8_is_rejected_with_its_byte(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "\xff"}\n{"text": "\\ud800"}\n{"text": "good"}\n')
    (tmp_path / "b.txt").write_bytes(b"abc\xff")
    raw = pa.array([b"ok", b"a\xffb"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": raw}), tmp_path / "c.parquet")
    rejected = [record for record in read(tmp_path) if isinstance(record, Rejected)]
    assert [record.reason for record in rejected] == ["invalid_utf8"] * 4
    assert "byte 10 of the record" in rejected[0].detail
    assert "byte 3 of the record" in rejected[2].detail
    assert "byte 1 of the record" in rejected[3].detail


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b'{"text": "a"', "malformed_json", "Expecting"),
        (b"[" * 100_000, "malformed_json", "recursion"),
        (b'["a"]', "malformed_json", "expected an object, got list"),
        (b'{"content": "a"}', "missing_text", "fields: 'content'"),
        (b'{"text": 3}', "missing_text", "expected a string"),
        (b'{"text": "  "}', "missing_text", "an empty text"),
    ],
)
def test_a_bad_record_is_rejected_with_reason_and_line(tmp_path: Path, line: bytes, reason: str, detail: str) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "good"}\r\n\n' + line)
    good, bad = read(tmp_path / "a.jsonl")
    assert isinstance(good, Document)
    assert bad[:2] == (f"file:{tmp_path}/a.jsonl#3", reason)
    assert detail in bad.detail


def test_a_file_of_another_format_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("text")
    with pytest.raises(UsageError, match=r"ends in one of \.jsonl, .*, got .*a\.docx"):
        read(tmp_path / "a.docx")
    with pytest.raises(UsageError, match="does not exist"):
        read(tmp_path / "nothing")


@pytest.mark.parametrize("ending", [".jsonl", ".NDJSON", ".json", ".csv", ".tsv", ".txt", ".Md", ".html"])
@pytest.mark.parametrize("compression", ["", ".gz", ".ZST", ".xz", ".bz2"])
def test_every_format_is_read_from_every_compression_by_a_name_in_any_case(
    tmp_path: Path, ending: str, compression: str
) -> None:
    bodies = {
        ".jsonl": b'{"text": "octopus"}',
        ".ndjson": b'{"text": "octopus"}',
        ".json": b'[{"text": "octopus"}]',
        ".csv": b"text\noctopus\n",
        ".tsv": b"text\tn\noctopus\t1\n",
        ".html": b"<p>octopus",
    }
    path = tmp_path / f"a{ending}{compression}"
    path.write_bytes(COMPRESS[compression.lower()](bodies.get(ending.lower(), b"octopus")))
    (document,) = read(path)
    assert isinstance(document, Document)
    assert document.text == "octopus"


def test_a_text_is_kept_as_it_came_whatever_it_is_compared_as(tmp_path: Path) -> None:
    text = "\N{ZERO WIDTH SPACE}\N{FULLWIDTH LATIN SMALL LETTER A}e\N{COMBINING ACUTE ACCENT}\r\n\N{ROMAN NUMERAL TWO}"
    (tmp_path / "a.json").write_text(json.dumps({"text": text}))
    (tmp_path / "b.txt").write_text(text, newline="")
    assert [document.text for document in read(tmp_path)] == [text, text]


def test_a_compressed_text_over_the_limit_is_too_large_without_being_held(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"x" * 50_000_000))
    tracemalloc.start()
    assert reasons(read(tmp_path / "a.txt.gz", limit=1_000)) == ["too_large"]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_number_that_json_does_not_have_is_null_in_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a", "x": [1e999, {"y": -1e999}], "z": NaN}')
    (document,) = read(tmp_path / "a.jsonl")
    assert json.loads(document.metadata) == {"x": [None, {"y": None}], "z": None}


def test_a_document_on_which_work_does_not_end_is_rejected_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        (tmp_path / f"{number}.html").write_text(f"<p>page {number}")
    whole = html_text.page_of

    def page_of(source: str, *, extent: html_text.Extent) -> html_text.Page:
        while source.endswith("1"):
            pass
        return whole(source, extent=extent)

    monkeypatch.setattr(html_text, "page_of", page_of)
    found = []
    with document_clock(0.05) as clock:
        for number in range(3):
            path = tmp_path / f"{number}.html"
            found += read_file(
                path, name=str(number), label="web", reading=Reading(1_000, skip_bad_files=False, clock=clock)
            )
    assert reasons(found) == ["too_slow"]
    assert [each.url for each in found] == ["0", "1", "2"]
    assert "0.05 s of processor time" in found[1].detail


def test_a_folder_that_datasets_has_saved_is_its_records(tmp_path: Path) -> None:
    parts = {name: Dataset.from_dict({"text": [f"{name} 1", f"{name} 2"]}) for name in ("test", "train")}
    DatasetDict(parts).save_to_disk(tmp_path / "saved")
    documents = read(tmp_path / "saved")
    assert [each.text for each in documents] == ["test 1", "test 2", "train 1", "train 2"]
    left_out = {file.name: file.left_out for file in files_below(tmp_path / "saved") if file.left_out}
    assert left_out == dict.fromkeys(
        [
            "dataset_dict.json",
            *(f"{name}/{about}.json" for name in ("test", "train") for about in ("dataset_info", "state")),
        ],
        "no_data",
    )


def test_a_line_of_a_gigabyte_is_too_large_and_never_held(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first, last = b'{"text": "a"}\n', b'\n{"text": "b"}\n'
    with path.open("wb") as file:
        file.write(first)
        # A hole, which takes no room on the disk and reads as zeros.
        file.seek(len(first) + 1_000_000_000)
        file.write(last)
    tracemalloc.start()
    records = read(path, limit=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reasons(records) == ["too_large"]
    assert [each.text for each in records if isinstance(each, Document)] == ["a", "b"]
    assert peak < 20_000_000
