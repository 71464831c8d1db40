import json
from importlib import metadata
from pathlib import Path

import pytest

from octo.data.documents import Document, Rejected, new_document, read_columns, read_documents
from octo.data.ingestion import ingest, ingest_source, write_documents
from octo.data.unread import Unread
from octo.errors import InputError, UsageError
from octo.job import Job, produce, stage_digest
from octo.settings.ingestion import IngestionSettings, SourceAddress, parse_source
from octo.storage.artifacts import Artifact, IndexResult, Output
from octo.storage.store import Store

GOOD = [new_document(f"Document {number}.", source="web", url=str(number)) for number in range(19)]
BAD = Rejected("file:a#20", "malformed_json", "Expecting value")


def ingested(place: dict[str, object], *sources: str, **changes: object) -> Artifact:
    settings = IngestionSettings(**place, sources=sources, **changes)
    return produce(settings, "octo.data.ingestion:ingest")


def test_what_goes_in_is_what_is_written_plus_what_is_rejected(tmp_path: Path) -> None:
    files = tmp_path / "d.parquet", tmp_path / "r.parquet"
    counters = write_documents([*GOOD, BAD], *files, name="web", max_bad_share=0.05)
    assert counters == {"records.in": 20, "records.written": 19, "records.rejected.malformed_json": 1}
    assert list(read_documents(files[0].read_bytes())) == GOOD
    assert list(read_columns(files[1].read_bytes(), Rejected._fields)) == [BAD]


def test_over_the_stated_share_of_bad_records_the_job_fails_and_says_why(tmp_path: Path) -> None:
    expected = (
        r"2 of 21 records of web are bad \(9\.5%, the limit is 5\.0%\), 2 of them malformed_json, "
        r"first file:a#20: Expecting value"
    )
    with pytest.raises(InputError, match=expected):
        write_documents([*GOOD, BAD, BAD], tmp_path / "d", tmp_path / "r", name="web", max_bad_share=0.05)


def test_an_empty_source_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the source web=file:/data/none is empty"):
        write_documents([], tmp_path / "d", tmp_path / "r", name="web=file:/data/none", max_bad_share=1.0)


@pytest.mark.parametrize("source", ["python:sympy", "math=sympy", "math=pip:sympy", "=python:sympy", "math=python:"])
def test_a_source_that_does_not_parse_is_a_usage_error_with_the_grammar(source: str) -> None:
    kinds = "python, code, file, s3, arithmetic, functions, human-eval, mbpp, tests"
    expected = f"expected LABEL=KIND:WHAT with KIND one of {kinds}, got"
    with pytest.raises(UsageError, match=expected):
        parse_source(source)


def grow(job: Job[IngestionSettings]) -> None:
    """Lengthen the last source's file."""
    with Path(parse_source(job.settings.sources[-1]).what).open("a") as file:
        file.write('{"text": "written meanwhile"}\n')


def ingest_what_grew(job: Job[IngestionSettings]) -> None:
    grow(job)
    ingest(job)


def ingest_what_grows(job: Job[IngestionSettings]) -> None:
    job.each(read_what_grows, range(len(job.settings.sources)))


def read_what_grows(job: Job[IngestionSettings], index: int) -> IndexResult:
    if index == len(job.settings.sources) - 1:
        grow(job)
    return ingest_source(job, index)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("ingest_what_grew", "objects of a source changed while they were listed: run again"),
        ("ingest_what_grows", "the source log=file:.*log.jsonl changed while it was read: run again"),
    ],
)
def test_a_file_that_grows_after_it_was_hashed_is_not_committed_as_what_it_was(
    place: dict[str, object], store: Store, tmp_path: Path, function: str, said: str
) -> None:
    for name in ("still", "log"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "written before"}\n')
    sources = tuple(f"{name}=file:{tmp_path}/{name}.jsonl" for name in ("still", "log"))
    settings = IngestionSettings(**place, sources=sources)
    output = Output(store, job="ingestion", digest=stage_digest(settings), attempt="onlooker")
    with pytest.raises(InputError, match=said):
        produce(settings, f"{__name__}:{function}")
    assert 1 not in output.committed_indexes()
    made = produce(settings, "octo.data.ingestion:ingest")
    assert isinstance(made, Artifact)
    assert made.manifest.digest != output.digest
    assert made.manifest.counters["records.written"] == 3


def test_a_changed_file_and_another_version_are_another_result(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n')
    settings = IngestionSettings(sources=(f"web=file:{path}", "math=python:sympy", "x=arithmetic:noisy?count=1"))
    before = settings.determinants()
    assert before["math=python:sympy"] == metadata.version("sympy")
    path.write_text('{"text": "two!"}\n')
    after = settings.determinants()
    assert before != after
    assert {name for name in before if before[name] != after[name]} == {f"web=file:{path}"}


def test_a_path_that_does_not_exist_is_a_usage_error_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.jsonl does not exist"):
        IngestionSettings(sources=(f"web=file:{tmp_path}/nowhere.jsonl",)).determinants()


def test_every_source_becomes_a_shard_of_documents_and_a_shard_of_rejected(
    place: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text("".join('{"text": "Good."}\n' for _ in range(19)) + "broken\n")
    artifact = ingested(
        place, f"web=file:{tmp_path}/a.jsonl", "noisy=arithmetic:noisy?count=30", "math=python:statistics"
    )
    documents = [list(read_documents(artifact.read(part))) for part in artifact.parts("documents.parquet")]
    assert [{document.source for document in shard} for shard in documents] == [{"web"}, {"noisy"}, {"math"}]
    assert [part.rows for part in artifact.parts("rejected.parquet")] == [1, 0, 0]
    assert artifact.manifest.counters["records.in"] == sum(map(len, documents)) + 1
    assert set(json.loads(documents[1][0].metadata)) >= {"question", "answer"}


def test_a_failed_source_leaves_the_others_committed_and_the_artifact_uncommitted(
    store: Store, place: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match=r"the source web=file:.*empty\.jsonl is empty"):
        ingested(place, "noisy=arithmetic:noisy?count=5", f"web=file:{tmp_path}/empty.jsonl")
    keys = list(store.list("artifacts/ingestion"))
    assert any(key.endswith("commits/0.json") for key in keys)
    assert not any(key.endswith("manifest.json") for key in keys)


def test_no_sources_is_a_usage_error(place: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="give --sources"):
        ingested(place)


def test_documents_have_the_columns_that_the_next_jobs_read() -> None:
    assert Document._fields == ("id", "text", "source", "url", "date", "metadata")


@pytest.mark.parametrize("source", ["web=hf:OctoThinker/MegaMath-Web-Pro-Max", "web=https://host/a.jsonl"])
def test_a_data_set_of_a_hub_is_to_be_copied_below_a_prefix(source: str) -> None:
    with pytest.raises(UsageError, match="data sets are not read from a hub: copy its files below a prefix"):
        parse_source(source)


def test_an_s3_source_is_named_by_its_address() -> None:
    assert parse_source("web=s3://bucket/a/b/") == SourceAddress("web", "s3", "s3://bucket/a/b", {})
    with pytest.raises(UsageError, match=r"expected LABEL=s3://bucket/prefix, got 'web=s3:bucket'"):
        parse_source("web=s3:bucket")


def put(root: Path, **sizes: int) -> Path:
    """Files of so many bytes of JSON lines, by names with _ for the dots."""
    root.mkdir(exist_ok=True)
    for name, size in sizes.items():
        record = json.dumps({"text": "x" * (size - 12)}) + "\n"
        (root / name.replace("_", ".")).write_text(record)
    return root


def test_what_is_not_read_is_counted_named_in_the_artifact_and_said_in_the_log(
    place: dict[str, object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = put(tmp_path / "source", a_jsonl=500, b_JSONL=500, c_tar=100, _old_jsonl=9_000)
    (source / "link.jsonl").symlink_to(put(tmp_path / "elsewhere", d_jsonl=100) / "d.jsonl")
    artifact = ingested(place, f"web=file:{source}", "made=arithmetic:noisy?count=3")
    counters = artifact.manifest.counters
    assert {name: count for name, count in counters.items() if name.startswith("files.")} == {
        "files.in": 5,
        "files.read": 2,
        "files.unread.hidden": 1,
        "files.unread.link_outside": 1,
        "files.unread.unknown_format": 1,
    }
    [part] = artifact.parts("unread.parquet")
    rows = list(read_columns(artifact.read(part), Unread._fields))
    assert rows == [
        (".old.jsonl", "hidden", "9001"),
        ("c.tar", "unknown_format", "101"),
        ("link.jsonl", "link_outside", "101"),
    ]
    assert part.rows == 3
    [said] = [record.getMessage() for record in caplog.records if "not read" in record.getMessage()]
    assert said.endswith(
        "3 of 5 files are not read: 1 hidden (.old.jsonl); 1 link_outside (link.jsonl); 1 unknown_format (c.tar)"
    )


def test_over_the_stated_share_of_unread_bytes_the_job_fails_and_says_what_and_why(
    place: dict[str, object], tmp_path: Path
) -> None:
    source = put(tmp_path / "source", a_jsonl=300, b_jsonl_tmp=500, c_tar=20)
    expected = (
        r"files with 63\.\d% of the bytes of web=file:.* are not read \(the limit is 50\.0%\): 2 of 3, 2 of them "
        r"unknown_format, the largest b\.jsonl\.tmp \(501 bytes\); .*--max-unread-share"
    )
    with pytest.raises(InputError, match=expected):
        ingested(place, f"web=file:{source}")
    artifact = ingested(place, f"web=file:{source}", max_unread_share=0.7)
    assert artifact.manifest.counters["files.read"] == 1


def test_a_source_whose_files_all_lead_out_of_it_says_so(place: dict[str, object], tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", d_jsonl=100)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"found none: of 1 the largest is folder/ \(link_outside, 101 bytes\)"):
        ingested(place, f"web=file:{tmp_path}/source")


def test_a_hidden_file_that_is_named_is_read(place: dict[str, object], tmp_path: Path) -> None:
    source = put(tmp_path / "source", _a_jsonl=100)
    assert ingested(place, f"web=file:{source}/.a.jsonl").manifest.counters["records.written"] == 1


def test_another_file_that_is_not_read_makes_another_artifact(tmp_path: Path) -> None:
    source = put(tmp_path / "source", a_jsonl=100)
    settings = IngestionSettings(sources=(f"web=file:{source}",))
    before = settings.determinants()
    put(source, b_tar=100)
    assert settings.determinants() != before


def test_a_problem_whose_answer_nothing_can_be_compared_with_is_set_aside_and_counted(
    place: dict[str, object], tmp_path: Path
) -> None:
    solution = "First add them.\nThat makes five."
    answers = ["-5", r"\frac{1}{2}", "yes", 7, solution, r"\frac{1}{0}", "(1,2", "8=7"]
    records = [{"text": f"Question {index}?", "question": "?", "answer": each} for index, each in enumerate(answers)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(each) + "\n" for each in [*records, {"text": "No problem."}]))
    source = f"math=file:{tmp_path}/a.jsonl"
    artifact = ingested(place, source, max_bad_share=0.4)
    assert artifact.manifest.counters["records.rejected.unreadable_answer"] == 3
    assert artifact.manifest.counters["records.written"] == 6
    expected = (
        r"3 of 9 records of .* are bad .*, 3 of them unreadable_answer, first file:.*a\.jsonl#6: nothing can be "
        r"compared with the answer '.*frac\{1\}\{0\}': a division by zero; mend them, or raise --max-bad-share"
    )
    with pytest.raises(InputError, match=expected):
        ingested(place, source)
