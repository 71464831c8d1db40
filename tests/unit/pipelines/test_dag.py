import pytest

from octo.data.problems import generate
from octo.errors import UsageError
from octo.pipelines.catalogue import choose_pipeline
from octo.pipelines.dag import Pipeline, Stage
from octo.pipelines.octothinker import octothinker
from octo.pipelines.settings import RunSettings
from octo.settings.curation import CurationSettings
from octo.settings.ingestion import IngestionSettings
from octo.settings.loading import inputs_of
from octo.settings.source_options import parse_arithmetic_options
from tests.bench.toy_validation import validation_sources


def ingest(name: str) -> Stage:
    return Stage(name, IngestionSettings())


def curate(name: str, *needs: str) -> Stage:
    return Stage(name, CurationSettings(), {"documents": needs})


def test_a_stage_may_need_only_what_comes_before_it() -> None:
    with pytest.raises(UsageError, match=r"stage 'curate' needs \['ingest'\]"):
        Pipeline("p", (curate("curate", "ingest"), ingest("ingest")))


def test_a_stage_may_wait_only_for_what_comes_before_it_and_for_what_is_there() -> None:
    first, second = Stage("first", IngestionSettings()), Stage("second", IngestionSettings(), after=("first",))
    with pytest.raises(UsageError, match=r"stage 'second' needs \['first'\], which no stage before it is called"):
        Pipeline("wrong", (second, first))
    pipeline = Pipeline("right", (first, second))
    assert (second.awaits, second.needs) == ({"first"}, frozenset())
    [alone] = pipeline.only("second").stages
    assert alone == Stage("second", IngestionSettings())


def test_two_stages_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two stages called 'ingest'"):
        Pipeline("p", (ingest("ingest"), ingest("ingest")))


def test_only_takes_a_stage_and_what_it_needs_and_nothing_else() -> None:
    pipeline = Pipeline("p", (ingest("a"), ingest("b"), curate("c", "a"), curate("d", "b"), curate("e", "c")))
    assert [stage.name for stage in pipeline.only("e").stages] == ["a", "c", "e"]


def test_every_input_of_every_stage_is_a_field_that_holds_addresses() -> None:
    for stage in octothinker("toy").stages:
        assert set(stage.inputs) <= set(inputs_of(stage.settings)), stage.name


def test_the_branches_differ_only_in_their_question_answer_data() -> None:
    pipeline = octothinker("toy")
    branches = ("long", "short", "hybrid")
    for stages in ([f"decay-{branch}" for branch in branches], [f"rl-{branch}" for branch in (*branches, "control")]):
        first, *others = (pipeline.stage(name).settings for name in stages)
        if "weights" in type(first).model_fields:
            first, *others = (each.model_copy(update={"weights": {}}) for each in (first, *others))
        assert all(each == first for each in others)
    weights = [pipeline.stage(f"decay-{branch}").settings.weights for branch in branches]
    questions = {"long", "short"}
    common = [{source: share for source, share in each.items() if source not in questions} for each in weights]
    assert common[0] == common[1] == common[2]
    shares = [sum(share for source, share in each.items() if source in questions) for each in weights]
    assert shares == pytest.approx([shares[0]] * 3)
    assert all(sum(each.values()) == pytest.approx(1) for each in weights)


def test_the_control_has_what_the_branches_have_but_for_worked_solutions() -> None:
    pipeline = octothinker("toy")
    control, branch = (pipeline.stage(f"decay-{name}") for name in ("control", "long"))
    # As many tokens, from the same model, at the same rates, with the same seeds.
    assert control.settings.model_copy(update={"weights": {}}) == branch.settings.model_copy(update={"weights": {}})
    assert control.inputs == branch.inputs
    worked = {"long", "short"}
    assert not worked & (control.settings.weights.keys() | pipeline.stage("stable").settings.weights.keys())
    report = pipeline.stage("report").settings
    assert (report.control, report.branches) == ("control", ("control", "long", "short", "hybrid"))
    seeded = [stage.settings.num_seeds for stage in pipeline.stages if stage.name.partition("-")[0] in SEEDED]
    assert len(seeded) == 8
    assert min(seeded) == max(seeded) >= 3


SEEDED = ("decay", "rl")


def test_settings_are_chosen_on_problems_that_no_run_is_judged_by() -> None:
    def asked(source: str) -> set[str]:
        what, _, options = source.partition("=arithmetic:")[2].partition("?")
        parsed = parse_arithmetic_options(what, dict(option.split("=") for option in options.split("&")))
        return {document.text.partition("=")[0] for document in generate(what, parsed, label="x", seed=0)}

    (_, judged), (_, chosen) = octothinker("toy").stage("problems").settings.sources, validation_sources()
    assert "arithmetic:evaluation" in judged
    assert "arithmetic:validation" in chosen
    assert len(asked(judged)) == 250
    assert len(asked(chosen)) == 120
    assert not asked(judged) & asked(chosen)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pipeline": "octothinkr"}, "did you mean octothinker"),
        ({"pipeline": "octothinker", "preset": "huge"}, "no preset 'huge': there is toy"),
        ({"pipeline": "octothinker", "only": "stabel"}, "did you mean stable"),
        ({"pipeline": "octothinker", "set": ("stabl.learning_rate=1",)}, "did you mean stable"),
        ({"pipeline": "octothinker", "set": ("stable.learning_rat=1",)}, "learning"),
        ({"pipeline": "octothinker", "set": ("stable.model=s3://other/x",)}, "the pipeline takes it from base"),
        ({"pipeline": "octothinker", "set": ("stable.store=s3://other/x",)}, "give octo run --store instead"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(given: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose_pipeline(RunSettings(**given))


def test_set_changes_one_setting_of_one_stage() -> None:
    before = choose_pipeline(RunSettings(pipeline="octothinker"))
    after = choose_pipeline(RunSettings(pipeline="octothinker", set=("stable.learning_rate=0.5",)))
    assert after.stage("stable").settings.learning_rate == 0.5
    changed = [old.name for old, new in zip(before.stages, after.stages, strict=True) if old.settings != new.settings]
    assert changed == ["stable"]
