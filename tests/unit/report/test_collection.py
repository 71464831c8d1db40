import json
from dataclasses import replace

import pytest

from octo.errors import InputError, UsageError
from octo.report.collection import check_branches, collect, corpus_of, examples_of, pair_of
from octo.report.results import Results
from octo.settings.report import ReportSettings
from octo.storage.artifacts import IndexResult
from tests.unit.report.synthetic import (
    Effect,
    MemoryStore,
    Synthetic,
    build,
    curated,
    evaluated,
    finish,
    reinforced,
    report_inputs,
    report_settings,
)

EFFECT = Effect(0.2, 0.6)
SMALL = Synthetic(problems=60, samples=4, rl_steps=20, midtraining_steps=30)


def collected(synthetic: Synthetic = SMALL, *, store: MemoryStore | None = None) -> Results:
    made = build(synthetic, store=store)
    inputs = {field: tuple(made.artifacts[name] for name in names) for field, names in report_inputs(synthetic).items()}
    return collect(report_settings(made, synthetic), inputs, made.store)


def test_what_a_branch_learned_by_coupled_masks_is_compared_with_what_it_did_by_decoupled_ones():
    made = build(SMALL)
    start = "decay-long"
    for masks, share in (("coupled", 0.9), ("decoupled", 0.4)):
        settings = {"diffusion": {"coupling": {"estimator": masks}}}
        policy = made.add(masks, "rl", [reinforced(SMALL, EFFECT, 0)], inputs={"model": [start]}, settings=settings)
        after = evaluated(SMALL, share, policy, 0, "after")
        before = evaluated(SMALL, 0.2, made.artifacts[start], 0, "before")
        made.add(f"evaluate-{masks}", "evaluation", [after], inputs={"models": [masks], "problems": ["problems"]})
        made.add(f"pair-{masks}", "evaluation", [before, after], inputs={"models": [start, masks]})

    def found(*, decoupled: tuple[str, ...]) -> tuple[str, ...]:
        fields = {"evaluations": ("pair-coupled",), "policies": ("coupled",), "decoupled": decoupled}
        inputs = {field: tuple(made.artifacts[name] for name in names) for field, names in fields.items()}
        addresses = {field: tuple(each.address for each in given) for field, given in inputs.items()}
        settings = ReportSettings(branches=("rl",), control="", decided_by="sampled", resamples=500, **addresses)
        inputs |= dict.fromkeys(("models", "corpora", "decodings", "studies"), ())
        results = collect(settings, inputs, made.store)
        return tuple(each.sentence for each in results.findings if each.claim == "masks")

    assert found(decoupled=()) == ()
    (sentence,) = found(decoupled=("evaluate-decoupled",))
    assert sentence.startswith("On equal terms rl solves more problems trained by coupled masks than by decoupled ones")
    assert "over problems and 1 training seed, chance 0.0" in sentence
    # The same policy twice: nothing is compared.
    (sentence,) = found(decoupled=("evaluate-coupled",))
    assert "the trainings differ in diffusion.coupling.estimator as coupled and coupled, too" in sentence
    with pytest.raises(UsageError, match="--decoupled has 2 addresses for 1 --branches"):
        found(decoupled=("evaluate-decoupled",) * 2)


def test_equal_runs_give_equal_bytes():
    assert collected().model_dump_json() == collected().model_dump_json()


def test_results_do_not_depend_on_where_they_are_stored():
    elsewhere = MemoryStore()
    elsewhere.address = "s3://another/prefix"
    # An evaluation names its models by address, so its content, which the lineage holds, is another one.
    here, there = (
        results.model_dump_json(exclude={"lineage"}) for results in (collected(), collected(store=elsewhere))
    )
    assert here == there
    assert "s3://" not in collected().model_dump_json()


def test_the_results_are_strict_json_even_where_metrics_are_not():
    body = collected(replace(SMALL, missing_steps=(3, 4))).model_dump_json()
    json.loads(body, parse_constant=pytest.fail)
    rewards = Results.model_validate_json(body).branches[0].training.values["reward"]
    assert [place for place, reward in enumerate(rewards, start=1) if reward is None] == [3, 4]


def test_a_branch_has_its_numbers_curves_and_examples():
    results = collected()
    assert [branch.name for branch in results.branches] == ["base", "long", "short", "hybrid"]
    assert [branch.control for branch in results.branches] == [True, False, False, False]
    long = results.branches[1]
    assert long.greedy.problems == 60
    assert [each.k for each in long.pass_at_k] == [1, 2, 4]
    assert len(long.training.steps) == 20
    assert len(long.examples) == 2


@pytest.mark.parametrize("num_branches", [1, 2, 9])
def test_there_may_be_any_number_of_branches(num_branches: int):
    effects = {f"branch-{number}": Effect(0.2, 0.6) for number in range(num_branches)}
    results = collected(replace(SMALL, effects={"control": Effect(0.2, 0.3), **effects}, control="control"))
    assert len(results.branches) == num_branches + 1
    assert results.verdict.answer == "yes"


def test_a_model_goes_on_counting_tokens_where_the_one_it_continues_ended():
    tokens = {model.stage: model.tokens_before for model in collected().models}
    assert tokens["base"] == 0
    assert tokens["stable"] == 30 * 2048
    assert tokens["decay-long"] == tokens["decay-short"] == 2 * 30 * 2048


def test_a_model_is_shown_as_the_branch_that_starts_from_it():
    branches = {model.stage: model.branch for model in collected().models}
    assert branches == {
        "base": "base",
        "stable": "",
        "decay-long": "long",
        "decay-short": "short",
        "decay-hybrid": "hybrid",
    }


def test_documents_are_counted_by_reason_with_a_few_examples_each():
    (corpus,) = collected().corpora
    assert [(reason.reason, reason.count) for reason in corpus.dropped] == [
        ("too_short", 131),
        ("duplicate", 64),
        ("repetitive", 17),
        ("contaminated", 3),
    ]
    assert corpus.documents == corpus.kept + sum(reason.count for reason in corpus.dropped)
    assert all(len(reason.examples) == 2 for reason in corpus.dropped)


def test_what_became_of_each_sources_documents_is_told_by_reason_and_what_was_taken_out_of_those_kept():
    (corpus,) = collected().corpora
    general, math = corpus.sources
    assert (general.source, general.documents, general.kept) == ("general", 600, 385)
    assert list(general.dropped.items()) == [
        ("too short", 131),
        ("duplicate", 64),
        ("repetitive", 17),
        ("contaminated", 3),
    ]
    assert (math.source, math.documents, math.kept, math.dropped) == ("math", 300, 300, {})
    assert corpus.taken_out == {"few words": 12}


def test_the_share_of_near_matches_that_was_found_is_said_with_its_interval_where_any_were_looked_for():
    made = build(SMALL)

    def said(**counters: int) -> str:
        result = curated(SMALL)
        named = {name.replace("_", "."): count for name, count in counters.items()}
        searched = replace(result, counters={**result.counters, **named})
        return corpus_of(made.add(f"curate-{len(made.store.objects)}", "curation", [searched])).near

    assert said() == ""
    assert said(near_asked=0, near_found=0).startswith("Which share of near matches was found is unknown")
    found = said(near_asked=40, near_found=38)
    assert "40 documents of a sample" in found
    assert "Of these, 38 were found: 95.0" in found
    assert "83.5" in found
    assert "98.6" in found


def test_parts_with_dropped_documents_are_read_no_further_than_examples_need():
    made = build(SMALL)
    artifact = made.add("curate-more", "curation", [curated(SMALL)] * 3)
    made.store.objects = {key: body for key, body in made.store.objects.items() if "/1-a1.dropped" not in key}
    assert len(corpus_of(artifact).dropped) == 4


def test_the_lineage_names_every_artifact_once_and_its_inputs_first():
    lineage = collected().lineage
    keys = [ancestor.key for ancestor in lineage]
    assert len(keys) == len(set(keys)) == 3 + 1 + 5 + 8
    for place, ancestor in enumerate(lineage):
        assert set(ancestor.inputs) <= set(keys[:place])


def test_examples_are_the_first_problems_that_both_models_answered():
    before = [{"question": name, "answer": "1", "completion": "x", "correct": False} for name in "abc"]
    after = [{"question": name, "answer": "1", "completion": "y", "correct": True} for name in "cb"]
    assert [example.question for example in examples_of(before, after)] == ["b", "c"]


def test_a_long_answer_keeps_its_beginning_and_its_end():
    long = {"question": "q", "answer": "1", "completion": "begin" + "x" * 5000 + "the end", "correct": False}
    (example,) = examples_of([long], [long])
    assert example.before is not None
    assert example.before.text.startswith("begin")
    assert example.before.text.endswith("the end")
    assert example.before.omitted == 5012 - 900


def test_text_that_no_file_can_hold_is_replaced():
    results = collected(replace(SMALL, completion="half a pair: \ud800"))
    after = results.branches[0].examples[0].after
    assert after is not None
    assert after.text == "half a pair: \N{REPLACEMENT CHARACTER}"
    results.model_dump_json().encode()


def test_every_branch_needs_an_evaluation_and_a_policy():
    with pytest.raises(UsageError, match="--policies has 0 addresses for 1 --branches"):
        check_branches(ReportSettings(branches=("base",), evaluations=("a",)))


def test_the_control_must_be_one_of_the_branches():
    settings = ReportSettings(branches=("long",), evaluations=("a",), policies=("b",), control="long")
    with pytest.raises(UsageError, match="--control 'bse' is none of the branches"):
        # As a stage's settings are filled in, without being checked again.
        check_branches(settings.model_copy(update={"control": "bse"}))


def test_an_evaluation_of_one_model_has_no_before_and_after():
    made = build(SMALL)
    body = made.artifacts["evaluate-long"].read(made.artifacts["evaluate-long"].parts()[0])
    lonely = made.add("evaluate-one", "evaluation", [IndexResult({"evaluation.json": body})])
    with pytest.raises(InputError, match="evaluates 1 models"):
        pair_of("long", lonely)


def test_the_report_stage_commits_what_was_collected():
    made = build(SMALL)
    results = finish(made, SMALL)
    assert Results.model_validate_json(made.artifacts["report"].read_one("results.json")) == results
