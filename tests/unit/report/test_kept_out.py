import json

import pytest

from octo.data.benchmarks import STATEMENT, Statement, Unprotected
from octo.report.collection import opened_lineage
from octo.report.kept_out import coverage_of, kept_out_of
from octo.storage.artifacts import IndexResult
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


def coverage(made: Builder) -> str:
    evaluation = made.artifacts["evaluate"]
    (sentence,) = coverage_of([evaluation], opened_lineage([evaluation], made.store))
    return sentence


def test_problems_that_were_looked_for_everywhere_are_said_to_be() -> None:
    assert coverage(built()).endswith("were looked for in all that the models learned from here.")


@pytest.mark.parametrize("policy", ["elsewhere", "not", "silent"])
def test_a_stage_that_did_not_look_for_them_is_named(policy: str) -> None:
    assert "were not looked for in what rl learned from or kept: the figures" in coverage(built(policy=policy))


def test_tokens_of_what_no_curation_has_kept_are_named() -> None:
    made = built(curated=False)
    assert "were not looked for in what tokenize learned from or kept" in coverage(made)
    lineage = opened_lineage([made.artifacts["evaluate"]], made.store)
    assert "No benchmark was looked for: a trial" in [each.sentence for each in kept_out_of(lineage.values())]


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
