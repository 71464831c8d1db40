import re
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from octo.errors import UsageError
from octo.report.page import changed_settings, headline, render_page
from octo.report.runs import described
from octo.report.text import MINUS, MISSING
from tests.unit.report.synthetic import (
    Builder,
    Effect,
    MemoryStore,
    Synthetic,
    build,
    finish,
    put_json,
    with_effects,
    write_run,
)

SMALL = Synthetic(problems=60, samples=4, rl_steps=20, midtraining_steps=30)
HOSTILE = (
    "<script>alert(1)</script></pre><img src=x onerror=alert(1)>{{ 7*7 }}\x00\u202e\ud800 $x^2$ &amp; " + "z" * 2000
)


class Elements(HTMLParser):
    """What a browser would make of a page: its elements, and the text that people see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._hidden = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._hidden += tag == "style"
        self.text += " " if tag in {"td", "th", "small"} else ""

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def made(synthetic: Synthetic = SMALL) -> Builder:
    builder = build(synthetic)
    finish(builder, synthetic)
    return builder


@cache
def page_of(synthetic: Synthetic) -> str:
    return render_page(made(synthetic).store, "demo")


def words(page: str) -> str:
    return " ".join(Elements(page).text.replace("\u202f", " ").split())


def test_equal_runs_give_equal_pages():
    assert render_page(made().store, "demo") == page_of(SMALL)


def test_the_answer_comes_first():
    text = words(page_of(SMALL))
    assert f"more on the mid-trained branches than on base? Yes, but base changed by {MINUS}5.0 points (95" in text
    assert text.index("Greedy accuracy rose by 46.7 points on the mid-trained branches") > text.index("Yes, but")
    assert text.index("Greedy accuracy rose by 46.7") < text.index("Accuracy before and after")


def test_a_page_says_of_each_decoding_by_drafts_whether_they_were_worth_it():
    builder = made()
    run = described(builder.store, "demo")
    assert "Drafts of" not in page_of(SMALL)
    first, *others = run["stages"]
    drafting = {**first, "settings": {**first["settings"], "draft_length": 4}}
    put_json(builder.store, "runs/demo/run.json", {**run, "stages": [drafting, *others]})
    text = words(render_page(builder.store, "demo"))
    assert "drafts of 4 steps are faster than plain decoding on the machine of problems was not measured." in text


def test_a_page_says_which_share_of_each_sources_documents_was_dropped_and_why():
    text = words(page_of(SMALL))
    assert "general 600 64.2 % too short 21.8 %, duplicate 10.7 %, repetitive 2.8 %, contaminated 0.5 %" in text
    assert "lines were taken out: 12 (few words)." in text


def test_a_missing_effect_is_said_in_plain_words():
    synthetic = replace(with_effects(base=(0.4, 0.6), long=(0.4, 0.6), short=(0.42, 0.6)), problems=120, samples=4)
    text = words(page_of(synthetic))
    assert "than on base? Cannot be told." in text
    assert "which includes zero" in text
    assert headline(made(synthetic).store, "demo").startswith(
        "Did GRPO gain more on the mid-trained branches than on base? Cannot be told."
    )


def test_an_effect_the_other_way_round_is_said_too():
    synthetic = replace(with_effects(base=(0.1, 0.8), long=(0.5, 0.3)), problems=120, samples=4)
    assert re.search(r"than on base\? No, and long fell by \d\d\.\d points \(95", words(page_of(synthetic)))


def test_what_a_model_wrote_is_inert():
    # Only the document's address keeps out what Parquet cannot hold.
    synthetic = replace(SMALL, completion=HOSTILE, question=HOSTILE, url=HOSTILE.replace("\ud800", ""))
    page = page_of(synthetic)
    elements = Elements(page)
    assert not elements.of("script")
    assert not elements.of("img")
    assert not [name for _, attributes in elements.elements for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script></pre><img src=x onerror=alert(1)>{{ 7*7 }}␀⟨U+202E⟩" in elements.text
    page.encode()


def test_a_page_stands_alone():
    page = page_of(SMALL)
    elements = Elements(page)
    assert {tag for tag, _ in elements.elements}.isdisjoint(
        {"script", "link", "iframe", "img", "object", "base", "form"}
    )
    targets = [
        value for _, attributes in elements.elements for name, value in attributes.items() if name.endswith("href")
    ]
    assert all(target and target.startswith("#") for target in targets)
    assert not re.findall(r"https?://|@import", page)
    policies = [meta["content"] for meta in elements.of("meta") if "http-equiv" in meta]
    assert policies[0] is not None
    assert policies[0].startswith("default-src 'none'")


def test_a_page_can_be_read_without_seeing_it():
    elements = Elements(page_of(SMALL))
    assert elements.of("html") == [{"lang": "en"}]
    assert len(elements.of("figure")) == len(elements.of("figcaption")) == len(elements.of("svg")) > 8
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in elements.of("svg"))
    assert len(elements.of("table")) == len(elements.of("caption")) > 7
    assert all(header.get("scope") for header in elements.of("th"))
    counts = Counter(attributes["id"] for _, attributes in elements.elements if "id" in attributes)
    assert max(counts.values()) == 1
    labels = {label for _, attributes in elements.elements if (label := attributes.get("aria-labelledby"))}
    assert labels <= set(counts)


def test_a_long_run_with_many_branches_makes_a_small_page():
    effects = {"base": Effect(0.2, 0.3), **{f"branch-{number}": Effect(0.2, 0.6) for number in range(9)}}
    page = page_of(replace(SMALL, effects=effects, rl_steps=1500, midtraining_steps=1500))
    assert len(page.encode()) < 1_500_000


def test_missing_values_are_dashes_and_no_zeros():
    page = page_of(replace(SMALL, problems=4, unreached=4, samples=0))
    text = words(page)
    assert "than on base? Not measured." in text
    assert "verdicts could not be reached" in text
    rows = re.findall(r'<tr><th scope="row">long</th>(.*?)</tr>', page)
    assert re.sub(r"<[^>]*>", " ", rows[0]).split() == [*[MISSING] * 8, "not", "known", "3", "removed"]


def test_a_run_that_failed_says_where_and_why():
    builder = build(SMALL)
    del builder.artifacts["evaluate-hybrid"]
    failed = {"state": "failed", "address": "", "digest": "", "message": "out of memory: <raise> --workers"}
    builder.inputs["rl-hybrid"] = {}
    write_run(builder, states={"rl-hybrid": failed})
    builder.store.objects = {
        key: body
        for key, body in builder.store.objects.items()
        if not key.startswith(f"artifacts/rl/{builder.artifacts['rl-hybrid'].manifest.digest}")
    }
    page = render_page(builder.store, "demo")
    text = words(page)
    assert "No results yet." in text
    assert "1 of 16 stages are not finished" in text
    assert "rl-hybrid failed: out of memory: <raise> --workers" in text
    assert headline(builder.store, "demo") == "run demo has no results yet"


def test_an_unknown_run_is_answered_with_those_there_are():
    with pytest.raises(UsageError, match="there is no run 'dmo' in s3://octo: there is demo"):
        render_page(made().store, "dmo")
    with pytest.raises(UsageError, match="start one with octo run"):
        render_page(MemoryStore(), "dmo")


def all_cached(builder: Builder, run_id: str) -> str:
    builder.run_id = run_id
    cached = {"state": "cached", "started_at": "", "ended_at": ""}
    write_run(builder, states=dict.fromkeys(builder.artifacts, cached))
    return render_page(builder.store, run_id)


def test_what_another_run_made_is_shown_as_cached_with_its_age():
    builder = made()
    builder.run_id = "later"
    ingest = builder.times["ingest"][1]
    cached = {"state": "cached", "started_at": "", "ended_at": ""}
    fresh = {
        "state": "done",
        "started_at": ingest.replace(hour=13).isoformat(),
        "ended_at": ingest.replace(hour=14).isoformat(),
    }
    write_run(builder, states={**dict.fromkeys(builder.artifacts, cached), "report": fresh})
    text = words(render_page(builder.store, "later"))
    assert "ingest cached, 4 h 00 min old 21 s" in text
    assert "report done 1 h 00 min" in text
    assert "1 h 00 min from the first stage's start to the last one's end" in text


def test_a_run_with_nothing_to_do_says_so():
    text = words(all_cached(made(), "later"))
    assert "Every stage was committed before this run began: nothing was computed." in text
    assert "ingest cached made 14 March 2026" in text


def test_a_resumed_run_keeps_the_times_of_its_earlier_attempts():
    text = words(all_cached(made(), "demo"))
    assert "ingest done in an earlier attempt 21 s" in text
    assert "nothing was computed" not in text


def test_only_settings_that_differ_from_the_defaults_are_shown():
    assert changed_settings("curation", {"min_words": 50, "ngram": 8, "unfiltered": []}) == {"ngram": 8}
    assert changed_settings("midtraining", {"shape": {"hidden_size": 64, "num_layers": 2}}) == {"shape.hidden_size": 64}
    assert changed_settings("of another version", {"a": 1}) == {"a": 1}


def test_the_page_names_what_ran_and_from_what():
    builder = made()
    text = words(render_page(builder.store, "demo"))
    assert "sources = general=python:stdlib, math=python:sympy" in text
    assert "torch 2.13.0" in text
    for artifact in builder.artifacts.values():
        if artifact.manifest.job != "report":
            assert artifact.address in text


def test_the_page_says_what_of_the_sources_was_not_read():
    text = words(render_page(made().store, "demo"))
    assert "ingest 1 205 1 202 2 hidden, 1 unknown format 1 000 900 100 malformed json" in text


def test_records_without_spans_or_stages_are_enough_for_a_page():
    builder = made()
    builder.store.objects = {
        key: body for key, body in builder.store.objects.items() if "/spans/" not in key and "/stages/" not in key
    }
    assert "Yes, but" in words(render_page(builder.store, "demo"))


def test_a_run_of_a_pipeline_without_a_report_has_a_page():
    store = MemoryStore()
    put_json(store, "runs/bare/run.json", {"run_id": "bare", "pipeline": "other", "stages": []})
    assert "No results yet." in words(render_page(store, "bare"))
    assert headline(store, "bare") == "run bare has no results yet"


def test_problems_with_fewer_verdicts_than_samples_are_said_and_count_where_they_have_enough():
    page = page_of(replace(SMALL, fewer_verdicts={"problem-0": 3, "problem-1": 1, "problem-2": 0}))
    text = words(page)
    side = "fewer than 4 samples of 3 problems have a verdict, which leaves 1 out of pass@1, 2 out of pass@2, 3 out of "
    assert f"long: before, {side}pass@4; after, {side}pass@4." in text
    assert "have a verdict" not in words(page_of(SMALL))


def test_the_page_says_how_many_code_problems_proved_themselves_and_why_others_did_not():
    aside = {"set_aside.reference_fails": 9, "set_aside.passed_by_nothing": 1}
    found = {"in": 164, "proven": 150, "without_reference": 4, **aside}
    text = words(page_of(replace(SMALL, problem_counters=found)))
    assert (
        "Of 164 code problems that problems read, 150 proved themselves: their reference solution passed, and an "
        "empty, a constant and a raising program failed, twice each."
    ) in text
    assert "4 have no reference solution; those programs failed." in text
    assert "Set aside: 1 passed by nothing, 9 reference fails; each stands in rejected.parquet with the reason." in text
    untried = words(page_of(replace(SMALL, problem_counters={"in": 3, "proven": 0, "not_tried": 3})))
    assert "3 were taken as they are, untried." in untried
    assert "proved themselves" not in words(page_of(SMALL))
