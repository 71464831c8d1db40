import json
import pickle
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octo.data.benchmarks import STATEMENT, learned, question_of
from octo.data.curation import count_outcomes, curate, judge
from octo.data.decontamination import Benchmark
from octo.data.dedup import copies_of, duplicates, find_duplicates, read_rows, rows_to_arrow, without_text
from octo.data.documents import Document, new_document, read_columns, read_documents, to_parquet
from octo.data.filters import first_broken
from octo.data.screening import Screening, one_by_one, screening
from octo.data.time_limit import document_clock
from octo.errors import InputError, InvariantError, UsageError
from octo.job import Job, Work, open_job, produce, stage_digest
from octo.settings.base import ShardGroup
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import Artifact, PendingArtifact
from octo.storage.manifest import content_of
from octo.storage.store import Store
from tests.committing import commit

PROSE = "Every word of this document is a word that holds letters, and so it is kept by all of the rules."
NO_MODEL = "no model is judged yet"
LONG_PROSE = " ".join(f"{PROSE} Sentence {number}." for number in range(5))


def document(text: str, *, source: str = "web", url: str = "u", **metadata: object) -> Document:
    return new_document(text, source=source, url=url, metadata=metadata)


def curated(place: dict[str, object], documents: Artifact, *benchmarks: Artifact, **changes: object) -> Artifact:
    waiver = {} if benchmarks else {"without_benchmarks": NO_MODEL}
    settings = CurationSettings(
        **place,
        documents=documents.address,
        benchmarks=tuple(benchmark.address for benchmark in benchmarks),
        **{**waiver, **changes},
    )
    return produce(settings, "octo.data.curation:curate")


def kept(artifact: Artifact) -> list[Document]:
    return sorted(
        found for part in artifact.parts("documents.parquet") for found in read_documents(artifact.read(part))
    )


def dropped(artifact: Artifact) -> list[tuple[str, ...]]:
    columns = ("url", "reason", "excerpt")
    return sorted(
        row for part in artifact.parts("dropped.parquet") for row in read_columns(artifact.read(part), columns)
    )


DOCUMENTS = [
    document(LONG_PROSE, url="1"),
    document(LONG_PROSE, url="0"),
    document("Too short.", url="2"),
    document("Too short.", url="3", source="noisy"),
    document("1 2 3 4 5 " * 20, url="4"),
    document(f"{LONG_PROSE}\n{LONG_PROSE}", url="5"),
    document("12+34=46", url="6", source="noisy"),
    document(f"{LONG_PROSE} It is known that 12 + 34 = 46.", url="7"),
    document("12+35=47", url="8", source="noisy"),
]
SHARDS = [to_parquet(DOCUMENTS[start::3][::-1], Document) for start in range(3)]
BENCHMARK = [
    document("12+34=46", source="evaluation", question="12+34="),
    document("12+35=47", source="prompts", question="12+35="),
]


def test_each_document_gets_the_first_reason_that_holds() -> None:
    settings = CurationSettings(unfiltered=("noisy",))
    screened = screening(settings).screened(DOCUMENTS)
    reasons = [reason for _, reason in judge(screened, {0, 2}, Benchmark(["12+34="], ngram=13))]
    assert reasons == [
        "duplicate",
        None,
        "too_short",
        None,
        "low_alphabetic",
        "repetitive",
        "contaminated",
        "contaminated",
        None,
    ]


def test_counts_that_do_not_balance_are_an_invariant_error() -> None:
    assert count_outcomes(3, 1, ["duplicate", "duplicate"]) == {
        "documents.in": 3,
        "documents.kept": 1,
        "documents.dropped.duplicate": 2,
    }
    with pytest.raises(InvariantError, match="3 documents in, 1 kept and 1 dropped"):
        count_outcomes(3, 1, ["duplicate"])


def test_a_problem_without_a_stated_question_is_searched_for_as_a_whole() -> None:
    assert question_of("12+34=46", '{"question": "12+34="}') == "12+34="
    assert question_of("Who was Euler?", "{}") == "Who was Euler?"


def test_a_question_that_is_stated_to_be_nothing_is_empty() -> None:
    for stated in ('""', "null", "7", "[]"):
        assert question_of("Who was Euler?", f'{{"question": {stated}}}') == ""


def test_a_question_that_a_text_lacks_is_learned_from_too() -> None:
    assert learned("zz", '{"question": "Who was Euler?", "answer": "Leonhard"}') == "zz\n\nWho was Euler?\n\nLeonhard"
    assert learned("12+34=46", '{"question": "12+34=", "answer": "46"}') == "12+34=46"
    assert learned("zz", "{}") == "zz"


def test_every_document_is_kept_or_dropped_for_a_reason_with_an_excerpt(store: Store, place: dict[str, object]) -> None:
    raw = commit(store, [{"documents.parquet": to_parquet(DOCUMENTS, Document)}])
    benchmark = commit(store, [{"documents.parquet": to_parquet(BENCHMARK, Document)}])
    artifact = curated(place, raw, benchmark, unfiltered=("noisy",), not_benchmarks=("prompts",))
    assert [found.url for found in sorted(kept(artifact), key=lambda found: found.url)] == ["0", "3", "8"]
    assert Counter(reason for _, reason, _ in dropped(artifact)) == {
        "contaminated": 2,
        "duplicate": 1,
        "too_short": 1,
        "low_alphabetic": 1,
        "repetitive": 1,
    }
    assert all(0 < len(excerpt) <= 200 for _, _, excerpt in dropped(artifact))
    counters = artifact.manifest.counters
    assert counters["documents.in"] == len(DOCUMENTS) == counters["documents.kept"] + len(dropped(artifact))


def test_shards_and_workers_do_not_change_what_is_kept(store: Store, place: dict[str, object]) -> None:
    one = commit(store, [{"documents.parquet": to_parquet(DOCUMENTS, Document)}])
    three = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    alone = curated(place, one, unfiltered=("noisy",))
    split = curated(place, three, unfiltered=("noisy",), workers=2)
    assert kept(split) == kept(alone)
    assert dropped(split) == dropped(alone)
    assert len(split.parts("documents.parquet")) == 3


def test_a_benchmark_without_problems_is_an_error_that_says_how_to_name_them(
    store: Store, place: dict[str, object]
) -> None:
    raw = commit(store, [{"documents.parquet": to_parquet(DOCUMENTS, Document)}])
    with pytest.raises(InputError, match=r"no document of the sources exam: .*--benchmark-sources"):
        curated(place, raw, raw, benchmark_sources=("exam",))


def test_no_documents_is_a_usage_error(place: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="give --documents"):
        produce(CurationSettings(**place, without_benchmarks=NO_MODEL), "octo.data.curation:curate")


QUESTION = "Each of the nine lanterns on the pier needs three new wicks: how many wicks is that in all?"


def one(store: Store, *documents: Document) -> Artifact:
    return commit(store, [{"documents.parquet": to_parquet(documents, Document)}])


@pytest.mark.parametrize(
    ("problems", "changes", "error", "said"),
    [
        (
            (document("x", source="evaluation", question=""),),
            {},
            InputError,
            "no question of evaluation that can be looked for: of '', it is empty; .*--min-question-words",
        ),
        ((document("Simplify.", source="evaluation"),), {}, InputError, "it has 1 word, fewer than 8"),
        (
            (document(QUESTION, source="evaluation"), document(QUESTION, source="exam")),
            {},
            UsageError,
            "holds documents of exam, which nobody names: .*--benchmark-sources.*--not-benchmarks",
        ),
        (
            (document(QUESTION, source="evaluation"),),
            {"benchmark_sources": ("evaluation", "exams")},
            UsageError,
            "--benchmark-sources: no benchmark has a source 'exams'; there is evaluation in",
        ),
        (
            (document(QUESTION, source="evaluation"),),
            {"not_benchmarks": ("prompt",)},
            UsageError,
            "--not-benchmarks: no benchmark has a source 'prompt'",
        ),
    ],
)
def test_no_absence_is_taken_for_clean(
    store: Store,
    place: dict[str, object],
    problems: tuple[Document, ...],
    changes: dict[str, object],
    error: type[Exception],
    said: str,
) -> None:
    with pytest.raises(error, match=said):
        curated(place, one(store, *DOCUMENTS), one(store, *problems), **changes)


def test_a_source_to_leave_unfiltered_that_is_not_there_is_warned_of(
    store: Store, place: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    curated(place, one(store, *DOCUMENTS), unfiltered=("noise", "noisy"))
    assert "--unfiltered: no document is of noise; " in caplog.text
    assert "has noisy, web" in caplog.text


def test_documents_without_any_are_an_error(store: Store, place: dict[str, object]) -> None:
    with pytest.raises(InputError, match="there is no document in"):
        curated(place, one(store))


def test_no_benchmark_takes_a_reason_in_words(store: Store, place: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"no benchmark: give --benchmarks, .*--without-benchmarks"):
        curated(place, one(store, *DOCUMENTS), without_benchmarks="")
    with pytest.raises(ValueError, match="expected a reason in words"):
        CurationSettings(without_benchmarks=" - ")
    with pytest.raises(ValueError, match="got both"):
        CurationSettings(without_benchmarks="none yet", benchmarks=("s3://b/artifacts/ingestion/0",))
    with pytest.raises(ValueError, match="expected exam in benchmark_sources or in not_benchmarks, got it in both"):
        CurationSettings(benchmark_sources=("exam",), not_benchmarks=("exam",))


def test_the_artifact_says_in_words_that_nothing_was_looked_for(store: Store, place: dict[str, object]) -> None:
    artifact = curated(place, one(store, *DOCUMENTS))
    said = json.loads(artifact.read_one(STATEMENT))
    assert said["sentence"] == "No benchmark was looked for in these documents: no model is judged yet"
    assert artifact.manifest.counters["questions.looked_for"] == 0


def test_the_artifact_lists_what_was_looked_for_and_what_is_not_protected(
    store: Store, place: dict[str, object]
) -> None:
    problems = (
        document(QUESTION, source="evaluation"),
        document("Simplify.", source="evaluation"),
        document("x", source="exam", question=""),
        document("12+34=46", source="exam", question="12+34="),
        document("12+35=47", source="prompts", question="12+35="),
    )
    clean = [document(f"{LONG_PROSE} Simplify. {number}", url=f"clean-{number}") for number in range(20)]
    copy = document(f"{LONG_PROSE}\n\n> {QUESTION}", url="copy")
    hidden = document(f"{LONG_PROSE} Hidden.", url="hidden", question=QUESTION)
    benchmark = one(store, *problems)
    artifact = curated(
        place,
        one(store, *clean, copy, hidden),
        benchmark,
        benchmark_sources=("evaluation", "exam"),
        not_benchmarks=("prompts",),
    )
    assert {url for url, reason, _ in dropped(artifact)} == {"copy", "hidden"}
    said = json.loads(artifact.read_one(STATEMENT))
    key = "/".join(benchmark.address.split("/")[-2:])
    assert said["sentence"] == (
        f"Looked in these documents for 2 questions (1 of evaluation, 1 of exam) of {key}. 2 of 4 questions are not "
        "protected: they are too short to be told from a phrase. Not looked for, as no model is judged by them: "
        "prompts."
    )
    assert [(each["source"], each["question"], each["reason"]) for each in said["not_protected"]] == [
        ("evaluation", "Simplify.", "it has 1 word, fewer than 8"),
        ("exam", "", "it is empty"),
    ]
    assert artifact.manifest.counters["questions.not_protected"] == 2


def dealt(place: dict[str, object], raw: Artifact, index: int) -> Artifact | PendingArtifact:
    return curated(place, raw, unfiltered=("noisy",), shard_group=ShardGroup(count=3, index=index))


def test_groups_after_the_first_read_no_shard_of_another(store: Store, place: dict[str, object]) -> None:
    raw = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    dealt(place, raw, 1)
    store.delete(raw.parts("documents.parquet")[1].key)
    dealt(place, raw, 2)
    store.delete(raw.parts("documents.parquet")[2].key)
    artifact = dealt(place, raw, 0)
    whole = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    assert artifact.manifest.content == curated(place, whole, unfiltered=("noisy",)).manifest.content


def test_pods_that_search_at_once_read_a_shard_that_another_has_read_without_its_texts(
    store: Store, place: dict[str, object]
) -> None:
    raw = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    dealt(place, raw, 1)
    # As another pod finds it that came before the search was over.
    (found,) = (key for key in store.list("artifacts/curation/") if key.endswith("/shared/duplicates.arrow"))
    rows = store.get(found)
    store.delete(found)
    store.delete(raw.parts("documents.parquet")[1].key)
    dealt(place, raw, 2)
    assert store.get(found) == rows


def test_what_groups_share_may_vanish_at_any_time(store: Store, place: dict[str, object]) -> None:
    raw = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    for index in range(3):
        artifact = dealt(place, raw, index)
        for key in [key for key in store.list("artifacts/curation/") if "/shared/" in key]:
            store.delete(key)
    whole = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    assert artifact.manifest.content == curated(place, whole, unfiltered=("noisy",)).manifest.content


def test_one_process_leaves_nothing_to_share(store: Store, place: dict[str, object]) -> None:
    raw = commit(store, [{"documents.parquet": shard} for shard in SHARDS])
    curated(place, raw, unfiltered=("noisy",))
    assert not [key for key in store.list("artifacts/curation/") if "/shared/" in key]


def test_a_group_without_a_shard_searches_for_nothing(store: Store, place: dict[str, object]) -> None:
    raw = commit(store, [{"documents.parquet": SHARDS[0]}])
    dealt(place, raw, 2)
    assert not list(store.list("artifacts/curation/"))


def sent_to_a_worker(store: Store, place: dict[str, object], num_shards: int) -> tuple[int, int]:
    """Bytes that go to a worker with an index, and how many rows it reads there."""
    raw = commit(store, [{"documents.parquet": SHARDS[0]}])
    (part,) = raw.parts()
    wide = raw.manifest.model_copy(
        update={"parts": tuple(part.model_copy(update={"index": index}) for index in range(num_shards))}
    )
    wide = wide.model_copy(update={"content": content_of(wide.parts, wide.counters)})
    store.put(f"artifacts/ingestion/{wide.digest}/manifest.json", wide.canonical())
    measured = []

    class Measured(Job[CurationSettings]):
        def each(self, work: "Work[CurationSettings]", indexes: Sequence[int]) -> None:
            rows = read_rows(self.scratch / "duplicates.arrow", indexes[-1])
            measured.append((len(pickle.dumps((self.settings, work, indexes[-1]))), len(rows)))

    settings = CurationSettings(**place, documents=raw.address, unfiltered=("noisy",), without_benchmarks=NO_MODEL)
    with open_job(settings, stage_digest(settings), "attempt", None) as job:
        curate(Measured(**vars(job)))
    (only,) = measured
    return only


def test_what_a_worker_is_sent_with_an_index_does_not_grow_with_the_number_of_shards(
    store: Store, place: dict[str, object]
) -> None:
    few, many = (sent_to_a_worker(store, place, num_shards) for num_shards in (10, 1000))
    assert many[0] - few[0] < 16
    assert many[1] == few[1] > 0


@given(
    st.lists(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=8), max_size=5),
    st.integers(0, 1),
)
def test_the_search_over_short_columns_finds_what_comparing_all_documents_finds(shards, prefix_length: int) -> None:
    # Ids that begin alike must not be taken for equal.
    documents = [
        [Document("0" * 8 * prefix_length + name * 56, "", source, "u", "", "{}") for name, source in shard]
        for shard in shards
    ]
    bodies = [without_text(to_parquet(shard, Document))[0] for shard in documents]
    expected = duplicates(
        copy
        for number, shard in enumerate(documents)
        for copy in copies_of(
            [(each.id, each.source, each.url, each.date, each.metadata) for each in shard],
            shard=number,
            unfiltered=("y",),
        )
    )
    found = find_duplicates(bodies, unfiltered=("y",))
    assert found == expected


def test_rows_are_read_one_shard_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "rows.arrow"
    file.write_bytes(rows_to_arrow({1: frozenset({7, 3})}, num_shards=3))
    assert [read_rows(file, shard) for shard in range(3)] == [frozenset(), {3, 7}, frozenset()]


def test_a_document_on_which_a_rule_does_not_end_is_dropped_for_that_and_the_next_is_judged() -> None:
    def endless(text: str) -> bool:
        while text == "endless":
            pass
        return False

    def catastrophic(text: str) -> bool:
        return bool(re.fullmatch(r"(a|a)*b", text))

    texts = ["fine", "endless", "a" * 200, "fine too"]
    rules = {"endless": endless, "catastrophic": catastrophic}
    screen = Screening([one_by_one(lambda text: first_broken(text, rules))], ())
    with document_clock(0.05) as clock:
        screened = screen.screened([document(text) for text in texts], clock)
        judged = [reason for _, reason in judge(screened, set(), Benchmark([], ngram=13), clock)]
    assert judged == [None, "too_slow", "too_slow", None]


def test_200_kilobytes_of_digits_are_judged_by_their_words(store: Store, place: dict[str, object]) -> None:
    digits = document(f"{LONG_PROSE} {'7' * 200_000}")
    raw = commit(store, [{"documents.parquet": to_parquet([digits], Document)}])
    assert kept(curated(place, raw)) == [digits]


def test_copies_that_differ_in_space_and_case_alone_are_one_document(store: Store, place: dict[str, object]) -> None:
    copies = [
        document(LONG_PROSE, url="a"),
        document(LONG_PROSE.replace(" ", "\r\n", 3), url="b"),
        document(LONG_PROSE.upper(), url="c"),
    ]
    raw = commit(store, [{"documents.parquet": to_parquet(copies, Document)}])
    artifact = curated(place, raw)
    assert kept(artifact) == [copies[0]]
    assert [(url, reason) for url, reason, _ in dropped(artifact)] == [("b", "duplicate"), ("c", "duplicate")]
