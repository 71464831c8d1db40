from collections import Counter

import pytest

from octo.data.curation import Policy, count_outcomes, judge, question_of
from octo.data.decontamination import Benchmark
from octo.data.documents import Document, new_document, read_columns, read_documents, to_parquet
from octo.data.filters import quality_rules
from octo.errors import InputError, InvariantError, UsageError
from octo.job import produce
from octo.settings.curation import CurationSettings
from octo.storage.artifacts import Artifact
from octo.storage.store import Store
from tests.committing import commit

PROSE = "Every word of this document is a word that holds letters, and so it is kept by all of the rules."
LONG_PROSE = " ".join(f"{PROSE} Sentence {number}." for number in range(5))


def document(text: str, *, source: str = "web", url: str = "u", **metadata: object) -> Document:
    return new_document(text, source=source, url=url, metadata=metadata)


def curated(place: dict[str, object], documents: Artifact, *benchmarks: Artifact, **changes: object) -> Artifact:
    settings = CurationSettings(
        **place,
        documents=documents.address,
        benchmarks=tuple(benchmark.address for benchmark in benchmarks),
        **changes,
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
BENCHMARK = [
    document("12+34=46", source="evaluation", question="12+34="),
    document("12+35=47", source="prompts", question="12+35="),
]


def test_each_document_gets_the_first_reason_that_holds() -> None:
    settings = CurationSettings(unfiltered=("noisy",))
    policy = Policy(quality_rules(settings), settings.unfiltered, Benchmark(["12+34="], ngram=13))
    reasons = [reason for _, reason in judge(DOCUMENTS, policy, {0, 2})]
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


def test_every_document_is_kept_or_dropped_for_a_reason_with_an_excerpt(store: Store, place: dict[str, object]) -> None:
    raw = commit(store, [{"documents.parquet": to_parquet(DOCUMENTS, Document)}])
    benchmark = commit(store, [{"documents.parquet": to_parquet(BENCHMARK, Document)}])
    artifact = curated(place, raw, benchmark, unfiltered=("noisy",))
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
    shards = [DOCUMENTS[start::3][::-1] for start in range(3)]
    one = commit(store, [{"documents.parquet": to_parquet(DOCUMENTS, Document)}])
    three = commit(store, [{"documents.parquet": to_parquet(shard, Document)} for shard in shards])
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
        produce(CurationSettings(**place), "octo.data.curation:curate")
