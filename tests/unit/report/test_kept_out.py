import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from octo.data.benchmarks import STATEMENT, Statement, Unprotected, statement_of
from octo.data.canaries import Canary
from octo.lineage import opened_lineage
from octo.report.kept_out import contamination_of, coverage_of, kept_out_of
from octo.report.results import Contamination
from octo.storage.artifacts import Artifact, IndexResult
from tests.unit.report.synthetic import Builder, MemoryStore

SHORT = Unprotected(id="7", source="evaluation", question="Simplify.", reason="it has 1 word, fewer than 8")


def searched(made: Builder, *, source: str = "evaluation") -> IndexResult:
    key = "/".join(made.artifacts["problems"].address.split("/")[-2:])
    said = Statement(sentence="Looked.", benchmarks=(key,), looked_for={source: 4}, not_protected=(SHORT,) * 25)
    return IndexResult({STATEMENT: said.written()})


def unsearched(why: str) -> IndexResult:
    return IndexResult({STATEMENT: Statement(sentence=f"No benchmark was looked for: {why}").written()})


def built(*, curated: bool = True, policy: str = "looked", base: str = "midtraining") -> Builder:
    made = Builder(MemoryStore(), "demo")
    made.add("problems", "ingestion", [IndexResult({"documents.parquet": b"problems"})])
    made.add("ingest", "ingestion", [IndexResult({"documents.parquet": b"documents"})])
    made.add("curate", "curation", [searched(made)], inputs={"documents": ["ingest"], "benchmarks": ["problems"]})
    corpus = "curate" if curated else "ingest"
    key = "/".join(made.artifacts[corpus].address.split("/")[-2:])
    said = json.dumps({key: "Looked." if curated else "No benchmark was looked for: a trial"}).encode()
    made.add("tokenize", "tokenization", [IndexResult({STATEMENT: said})], inputs={"corpus": [corpus]})
    made.add("base", base, [IndexResult({"config.json": b"{}"})], inputs={"tokens": ["tokenize"]})
    results = {
        "looked": searched(made),
        "elsewhere": searched(made, source="exam"),
        "not": unsearched("none was given"),
        "silent": IndexResult({"metrics.jsonl": b""}),
    }
    made.add("rl", "rl", [results[policy]], inputs={"model": ["base"], "problems": ["problems"]})
    made.add(
        "evaluate",
        "evaluation",
        [IndexResult({"evaluation.json": b"{}"})],
        inputs={"models": ["base", "rl"], "problems": ["problems"]},
        settings={"source": "evaluation"},
    )
    return made


def coverage(made: Builder, stage: str = "evaluate") -> str:
    evaluation = made.artifacts[stage]
    (sentence,) = coverage_of([evaluation], opened_lineage([evaluation], made.store))
    return sentence


def test_problems_that_were_looked_for_everywhere_are_said_to_be() -> None:
    assert "were looked for in all that the models learned from here." in coverage(built())


@pytest.mark.parametrize("policy", ["elsewhere", "not", "silent"])
def test_a_stage_that_did_not_look_for_them_is_named(policy: str) -> None:
    assert "were not looked for in what rl learned from or kept: the figures" in coverage(built(policy=policy))


def test_tokens_of_what_no_curation_has_kept_are_named() -> None:
    made = built(curated=False)
    assert "were not looked for in what tokenize learned from or kept" in coverage(made)
    lineage = opened_lineage([made.artifacts["evaluate"]], made.store)
    assert "No benchmark was looked for: a trial" in [each.sentence for each in kept_out_of(lineage.values())]


def test_a_source_that_only_another_statement_names_was_not_looked_for() -> None:
    made = built()
    for gone in ({"looked_for": {"evaluation": 0}}, {"benchmarks": []}, {"looked_for": {}, "found": {"evaluation": 4}}):
        said = json.loads(made.artifacts["rl"].read_one(STATEMENT)) | gone
        other = Builder(MemoryStore(), "demo")
        for name, job in (("problems", "ingestion"), ("base", "pretrained")):
            other.add(name, job, [IndexResult({"a": b"b"})])
        inputs = {"model": ["base"], "problems": ["problems"]}
        other.add("rl", "rl", [IndexResult({STATEMENT: json.dumps(said).encode()})], inputs=inputs)
        asked = {"models": ["base", "rl"], "problems": ["problems"]}
        other.add("evaluate", "evaluation", [IndexResult({"evaluation.json": b"{}"})], inputs=asked)
        assert "were not looked for in what rl learned from" in coverage(other)


@pytest.mark.parametrize(
    "said",
    [b"{}", b"[]", b'{"curation/of-another-corpus": "Looked."}', b'"looked"'],
    ids=["none", "list", "other", "text"],
)
def test_tokens_that_say_nothing_of_their_corpus_are_not_clean(said: bytes) -> None:
    made = Builder(MemoryStore(), "demo")
    made.add("problems", "ingestion", [IndexResult({"documents.parquet": b"problems"})])
    made.add("ingest", "ingestion", [IndexResult({"documents.parquet": b"documents"})])
    made.add("tokenize", "tokenization", [IndexResult({STATEMENT: said})], inputs={"corpus": ["ingest"]})
    made.add("base", "midtraining", [IndexResult({"config.json": b"{}"})], inputs={"tokens": ["tokenize"]})
    asked = {"models": ["base"], "problems": ["problems"]}
    made.add("evaluate", "evaluation", [IndexResult({"evaluation.json": b"{}"})], inputs=asked)
    assert "were not looked for in what tokenize learned from" in coverage(made)


@pytest.mark.parametrize("statement", [b"{}", b"[]", b'{"text": "Looked.", "sources": {"evaluation": 4}}', b"<Error/>"])
def test_a_statement_that_cannot_be_read_says_nothing(statement: bytes) -> None:
    made = built()
    made.add("rl-2", "rl", [IndexResult({STATEMENT: statement})], inputs={"model": ["base"], "problems": ["problems"]})
    asked = {"models": ["rl-2"], "problems": ["problems"]}
    made.add("again", "evaluation", [IndexResult({"evaluation.json": b"{}"})], inputs=asked)
    assert "were not looked for in what rl-2 learned from" in coverage(made, "again")
    found = kept_out_of(opened_lineage([made.artifacts["again"]], made.store).values())
    assert "Nothing says" in next(each.sentence for each in found if each.stage == "rl-2")
    curated = made.add("curate-2", "curation", [IndexResult({STATEMENT: statement})])
    assert statement_of(curated).startswith("Nothing says which benchmarks were looked for")


def test_what_cannot_be_looked_at_is_not_clean() -> None:
    made = built()
    evaluation = made.artifacts["evaluate"]
    lineage = opened_lineage([evaluation], made.store)
    for gone in ("curate", "base", "rl"):
        left = {key: each for key, each in lineage.items() if each.manifest.stage != gone}
        (sentence,) = coverage_of([evaluation], left)
        assert "nothing says whether they were looked for in" in sentence
    (sentence,) = coverage_of([evaluation], {})
    assert "may be of problems that were learned by heart" in sentence


def test_a_model_of_which_nothing_is_known_and_problems_of_nobody_are_not_clean() -> None:
    made = Builder(MemoryStore(), "demo")
    made.add("base", "midtraining", [IndexResult({"config.json": b"{}"})])
    made.add("problems", "ingestion", [IndexResult({"documents.parquet": b"problems"})])
    asked = {"some": ["base"], "none": []}
    for stage, models in asked.items():
        inputs = {"models": models, "problems": ["problems"]}
        made.add(stage, "evaluation", [IndexResult({"evaluation.json": b"{}"})], inputs=inputs)
        assert "nothing says that they were looked for in anything" in coverage(made, stage)
    whole = built()
    whole.add("again", "evaluation", [IndexResult({"evaluation.json": b"{}"})], inputs={"models": ["rl"]})
    assert "were not looked for in what curate, rl learned from" in coverage(whole, "again")


def test_how_many_of_the_problems_are_not_protected_stands_beside_that_they_were_looked_for() -> None:
    said = coverage(built())
    assert said.endswith("learned from here. 25 of them were not, as they are too short to be told from a phrase.")


def test_what_a_model_learned_elsewhere_nobody_has_looked_into() -> None:
    assert coverage(built(base="pretrained")).endswith("What base learned from elsewhere, nobody has looked into.")


def test_some_of_the_questions_that_are_not_protected_are_listed_and_all_counted() -> None:
    made = built()
    lineage = opened_lineage([made.artifacts["evaluate"]], made.store)
    found = {each.stage: each for each in kept_out_of(lineage.values())}
    assert found["curate"].not_protected[0] == "Simplify.: it has 1 word, fewer than 8"
    assert (len(found["curate"].not_protected), found["curate"].num_not_protected) == (20, 25)


def test_an_artifact_of_before_says_that_nothing_says_so() -> None:
    made = built(policy="silent")
    lineage = opened_lineage([made.artifacts["evaluate"]], made.store)
    assert any(each.stage == "rl" and "Nothing says" in each.sentence for each in kept_out_of(lineage.values()))


def counted(artifact: Artifact, counters: Mapping[str, int]) -> Artifact:
    return replace(artifact, manifest=artifact.manifest.model_copy(update={"counters": counters}))


def contamination(made: Builder) -> Contamination:
    evaluation = made.artifacts["evaluate"]
    return contamination_of(evaluation, opened_lineage([evaluation], made.store))


def test_beside_a_score_stands_how_much_of_what_was_learned_holds_its_problems_also_when_nothing_does() -> None:
    assert contamination(built()) == Contamination(left=0, removed=0)
    assert contamination(built(policy="not")) == Contamination(left=None, removed=0)


def test_what_was_removed_for_its_problems_is_added_up_over_all_that_a_model_learned_from() -> None:
    made = built()
    for stage, counter in (("curate", "documents.dropped.contaminated"), ("rl", "problems.contaminated")):
        made.artifacts[stage] = counted(made.artifacts[stage], {counter: 3})
    behind = {"/".join(each.address.split("/")[-2:]): each for each in made.artifacts.values()}
    assert contamination_of(made.artifacts["evaluate"], behind) == Contamination(left=0, removed=6)


def test_how_planted_copies_fared_is_shown_by_kind_with_the_share_below_which_the_stage_stops() -> None:
    fared = Canary(kind="full_width", planted=16, found=15, clean=16, called_copies=0, least_recall=0.9)
    absent = Canary(kind="first_half", planted=0, found=0, clean=0, called_copies=0, least_recall=0.9)
    made = built()
    said = Statement(sentence="Looked.", canaries=(fared, absent)).written()
    made.add("again", "curation", [IndexResult({STATEMENT: said})], inputs={"documents": ["ingest"]})
    (found,) = kept_out_of([made.artifacts["again"]])
    assert [(each.kind, each.planted, each.recall, each.precision, each.least_recall) for each in found.planted] == [
        ("full width", 16, 15 / 16, 1.0, 0.9),
        ("first half", 0, None, None, 0.9),
    ]
